"""No model is asked where a notebook is verified."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.verification.unasked import agent_names, without_asking

LEFT_OUT = "pass  # {}: not asked"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%%chat\ngo", ("", True)),
        ("%%chat --mode plan\ngo", ("", True)),
        ("%chat go", ("", True)),
        ("  %chat go", ("", True)),
        ("%load_ext neuroworkflow_agent", ("", True)),
        ("# Hello\n%load_ext neuroworkflow_agent\n", ("", True)),
        ("x = 1\n%chat go on", ("x = 1\npass  # %chat: not asked", True)),
        ("for a in b:\n    %chat {a}", ("for a in b:\n    pass  # %chat: not asked", True)),
        ("answer = %chat go", ("", True)),
        ("%load_ext neuroworkflow_agent\nimport os", ("pass  # %load_ext neuroworkflow_agent: not asked\nimport os", True)),
        ("%lint\nx = 1", ("pass  # %lint: not asked\nx = 1", True)),
        ("x = '%chat'", ("x = '%chat'", False)),
        ("%chatter", ("%chatter", False)),
        ("1 %chat", ("1 %chat", False)),
    ],
)  # fmt: skip
def test_magics_that_ask(source: str, expected: tuple[str, bool]) -> None:
    assert without_asking(source, frozenset()) == expected


def test_prompts_of_a_chat_kernel_are_left_out_as_a_whole() -> None:
    assert without_asking("%chat go\non, please", frozenset(), is_prompt=True) == ("", True)


@pytest.mark.parametrize(
    ("imported", "used"),
    [
        ("from neuroworkflow_agent import chat", "chat('go')"),
        ("from neuroworkflow_agent import ChatPanel as P, chat", "P()"),
        ("import neuroworkflow_agent as nwa", "nwa.chat('go')"),
        ("from neuroworkflow_agent.surfaces.calls import achat", "await achat('go')"),
        ("from neuroworkflow_agent import *", "with Session() as s: s.run('go')"),
    ],
)
def test_calls_of_the_agent(imported: str, used: str) -> None:
    names = agent_names([imported, used])
    assert without_asking(imported, names) == (imported, False)
    assert without_asking(used, names) == ("", True)
    assert without_asking(f"{imported}\n{used}", names) == ("", True)
    assert without_asking("chats = 1", names) == ("chats = 1", False)
    # What stands beside a magic is no call, though the line that is left out names the package or the agent.
    beside = "%load_ext neuroworkflow_agent\n%chat ask a chat\nx = 1"
    kept = "pass  # %load_ext neuroworkflow_agent: not asked\npass  # %chat: not asked\nx = 1"
    assert without_asking(beside, names) == (kept, True)


def test_a_notebook_without_the_agent_may_call_things_as_it_likes() -> None:
    assert without_asking("chat = 1\nchat", agent_names(["chat = 1\nchat"])) == ("chat = 1\nchat", False)
