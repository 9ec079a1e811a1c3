"""A `claude` that is started before the SDK is imported: as the SDK would start it, and ended as surely."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from claude_agent_sdk import ClaudeAgentOptions
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport
from claude_agent_sdk.types import _configure_can_use_tool

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude import early, options, process
from neuroworkflow_agent.engine.claude.command import command
from neuroworkflow_agent.engine.claude.hooks import Gate
from neuroworkflow_agent.engine.claude.options import PlainOptions, build_options, plain_options
from neuroworkflow_agent.engine.node_checks import NodeChecks
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.events import Event, TurnEnd
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.skills import SkillSet
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.fake_claude import starts_of, write_fake_claude
from neuroworkflow_agent.tools.registry import Registry
from neuroworkflow_agent.tools.server import build_server
from neuroworkflow_agent.tools.user_servers import UserServers
from neuroworkflow_agent.workspace import Workspace

Maker = Callable[..., Session]

SESSION = SessionId("11111111-1111-4111-8111-111111111111")
OTHER = SessionId("22222222-2222-4222-8222-222222222222")

REPORTING = """\
import json, os, sys
with open(os.environ["REPORT"], "w") as report:
    json.dump([sys.argv, dict(os.environ), os.getcwd()], report)
"""


@pytest.fixture
def starts_early(monkeypatch: pytest.MonkeyPatch) -> list[early.EarlyProcess | None]:
    """As if the SDK were not imported; what was started."""
    started: list[early.EarlyProcess | None] = []
    start = early.start_early

    async def noted(*arguments: Any) -> early.EarlyProcess | None:
        started.append(await start(*arguments))
        return started[-1]

    monkeypatch.setattr(early, "_TOO_LATE", ())
    monkeypatch.setattr(early, "start_early", noted)
    return started


def plain_of(workspace: Path, cli: Path, **changes: Any) -> PlainOptions:
    given: dict[str, Any] = {
        "model": "claude-x",
        "system_prompt": "Be brief.\n'Quoted' \"too\", é and -dashes",
        "servers": ["neuroworkflow"],
        "key_file": Path("/home/me/key (1).json"),
        "session_id": SESSION,
        "resume": None,
        "skills": SkillSet(Path("/cache/plugin"), ("nodes", "plots-2")),
        "settings": {},
        **changes,
    }
    config = AgentConfig(workspace=workspace, **given.pop("settings"))
    return plain_options(
        config, {"ANTHROPIC_BASE_URL": "http://x"}, given.pop("skills"), cli_path=cli, **given
    )


def full_of(plain: PlainOptions, workspace: Path) -> ClaudeAgentOptions:
    tools = Registry({})
    servers = UserServers({}, {}, workspace)
    gate = Gate(
        Workspace(workspace),
        "ask",
        lambda *_: None,  # type: ignore[arg-type]
        tools,
        servers,
        lambda _: None,
        lambda: asyncio.sleep(0),
    )
    checks = NodeChecks(Workspace(workspace), dict, frozenset, lambda _: None)
    ours = {
        name: {"type": "sdk", "name": name, "instance": build_server(name, [])}
        for name, server in plain["mcp_servers"].items()
        if server.get("type") == "sdk"
    }
    pinned = lambda: asyncio.sleep(0, "")  # noqa: E731
    return _configure_can_use_tool(build_options(plain, gate, ours, checks, pinned))  # type: ignore[arg-type]


CASES: dict[str, dict[str, Any]] = {
    "new": {},
    "resumed": {"resume": SESSION},
    "forked": {"resume": OTHER},
    "least": {
        "model": None,
        "servers": [],
        "key_file": None,
        "skills": SkillSet(None, ()),
        "system_prompt": "",
    },
    "limits": {"settings": {"max_turns": 3, "max_budget_usd": 0.25}},
    "no skills, a plugin": {"skills": SkillSet(Path("/cache/plugin"), ())},
    "reading": {"settings": {"mode": "read-only", "allow_bash": True, "allow_subagents": True}},
    "editing": {"settings": {"mode": "edit", "allow_bash": True, "allow_subagents": True}},
    "user's servers": {
        "settings": {
            "mcp_servers": {
                "files": {"command": "run", "args": ["a b", "é"], "env": {"KEY": "secret"}},
                "web": {"type": "http", "url": "https://x/mcp", "headers": {"Authorization": "secret"}},
            }
        }
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_command_line_is_the_one_of_the_sdk(case: dict[str, Any], tmp_path: Path) -> None:
    plain = plain_of(tmp_path, Path("/opt/claude"), **case)
    assert command(plain) == SubprocessCLITransport("", full_of(plain, tmp_path))._build_command()


async def test_process_sees_what_the_sdk_shows_it(
    starts_early: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments, environment and directory, as the process itself finds them."""
    program = tmp_path / "claude"
    program.write_text(f"#!{sys.executable}\n{REPORTING}", encoding="utf-8")
    program.chmod(0o755)
    for name in ("CLAUDECODE", "CLAUDE_AGENT_SDK_DERIVED_CLIENT_APP", "TRACEPARENT", "PWD"):
        monkeypatch.setenv(name, "outer")
    workspace = tmp_path / "work place"
    workspace.mkdir()
    plain = plain_of(workspace, program)
    seen = []
    for which in ("ours", "theirs"):
        plain["env"]["REPORT"] = str(tmp_path / which)
        if which == "ours":
            started = await early.start_early(plain, print)
            assert started is not None
        else:
            theirs = SubprocessCLITransport("", full_of(plain, workspace))
            await theirs.connect()
            assert theirs._process is not None
            await theirs._process.wait()
            await theirs.close()
            continue
        await started.wait()
        await started.close()
    for which in ("ours", "theirs"):
        arguments, environ, directory = json.loads((tmp_path / which).read_text())
        environ.pop("REPORT")
        seen.append((arguments, environ, directory))
    assert seen[0] == seen[1]


def test_session_over_an_early_process_answers_and_runs_code(
    starts_early: Any, scripted_model: ScriptedModel, make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_model.extend(Reply.text("one"), Reply.code("1 / 0"), Reply.text("two"), Reply.text("three"))
    session = make_session(kernel=Refusing())
    assert [end_of(session, prompt).end for prompt in ("first", "second", "third")] == ["complete"] * 3
    assert len(starts_early) == 1
    assert starts_early[0] is not None
    session.close()
    assert starts_early[0].has_ended
    assert children() == []


class Refusing:
    """A kernel that runs nothing."""

    language = "python"

    async def execute(self, *_: Any, on_start: Callable[[], None], **__: Any) -> Any:
        on_start()
        raise RuntimeError("not today")

    async def interrupt(self) -> None:
        """Nothing runs."""


def end_of(session: Session, prompt: str) -> TurnEnd:
    return session.start(prompt).result(60)


def children() -> list[str]:
    found = psutil.Process().children()
    return [
        each.name() for each in found if each.status() != psutil.STATUS_ZOMBIE and "claude" in each.name()
    ]


@pytest.mark.parametrize(
    ("fault", "end", "says"),
    [
        ("die", "cut_off", "something broke"),
        ("die_at_start", "cut_off", "cannot start today"),
        ("broken_json", "cut_off", "not a message"),
        ("garbage", "complete", ""),
        ("hang", "cut_off", "No sign of life"),
    ],
)
def test_faulty_early_process_ends_the_turn_and_the_next_one_works(
    fault: Any,
    end: str,
    says: str,
    starts_early: Any,
    scripted_model: ScriptedModel,
    make_session: Maker,
    tmp_path: Path,
) -> None:
    fake = write_fake_claude(tmp_path, fault, "ok")
    session = make_session(cli_path=fake, silence_timeout_s=2.0)
    ended = end_of(session, "hi")
    assert (ended.end, says in ended.message) == (end, True), ended
    assert end_of(session, "again").end == "complete"
    assert len(starts_of(fake)) == (1 if fault == "garbage" else 2)
    assert None not in starts_early


def test_where_it_cannot_be_started_early_the_sdk_says_why(
    starts_early: Any, scripted_model: ScriptedModel, make_session: Maker, tmp_path: Path
) -> None:
    fake = write_fake_claude(tmp_path, "ok")
    session = make_session(cli_path=fake)
    fake.unlink()
    end = end_of(session, "hi")
    assert end.end in ("error", "cut_off")
    assert str(fake) in end.message


@pytest.mark.parametrize(
    "error", [OSError("not now"), importlib.metadata.PackageNotFoundError("claude-agent-sdk")]
)
async def test_whatever_is_in_the_way_is_left_to_the_sdk(
    error: Exception, starts_early: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_name: str) -> str:
        raise error

    monkeypatch.setattr(importlib.metadata, "version", fail)
    assert await early.start_early(plain_of(tmp_path, write_fake_claude(tmp_path, "ok")), print) is None


def test_another_command_line_of_the_sdk_goes_before_ours(
    starts_early: Any,
    scripted_model: ScriptedModel,
    make_session: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = SubprocessCLITransport._build_command
    monkeypatch.setattr(SubprocessCLITransport, "_build_command", lambda self: [*build(self), "--new-flag"])
    fake = write_fake_claude(tmp_path, "ok")
    assert end_of(make_session(cli_path=fake), "hi").end == "complete"
    assert starts_of(fake)[-1] == [*starts_early[0].arguments[1:], "--new-flag"]
    assert starts_early[0].has_ended


def test_sdk_that_cannot_be_imported_is_said_and_leaves_no_process(
    starts_early: Any,
    scripted_model: ScriptedModel,
    make_session: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> Any:
        raise ImportError("No module named 'mcp'")

    session = make_session(cli_path=write_fake_claude(tmp_path, "ok"))
    with monkeypatch.context() as patched:
        patched.setattr(options, "build_options", fail)
        end = end_of(session, "hi")
    assert (end.end, end.message) == ("error", "No module named 'mcp'")
    assert end_of(session, "again").end == "complete"
    assert len(starts_early) == 2
    assert starts_early[0].has_ended


PREWARMED = """\
import sys, time
from pathlib import Path
import psutil
from neuroworkflow_agent import AgentConfig, Session
session = Session(AgentConfig.from_env(cli_path=Path(sys.argv[1])))
session.prewarm(with_sdk=False)
while not Path(sys.argv[1]).with_name("starts.jsonl").exists():
    time.sleep(0.01)
time.sleep(0.2)
print(sorted(sys.modules.keys() & {"claude_agent_sdk", "mcp", "pydantic", "jsonschema"}))
print(session.run("hi").result().end, "claude_agent_sdk" in sys.modules)
"""


def test_prewarmed_without_the_sdk_it_is_imported_by_the_first_turn(
    scripted_model: ScriptedModel, workspace: Path, tmp_path: Path
) -> None:
    fake = write_fake_claude(tmp_path, "ok")
    run = subprocess.run(
        [sys.executable, "-c", PREWARMED, fake], capture_output=True, text=True, cwd=workspace, timeout=60
    )
    assert (run.stdout, run.stderr) == ("[]\ncomplete True\n", "")
    assert len(starts_of(fake)) == 1


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_process_that_ended_before_it_was_asked_is_replaced(
    starts_early: Any, scripted_model: ScriptedModel, make_session: Maker, tmp_path: Path
) -> None:
    fake = write_fake_claude(tmp_path, "die_at_start", "ok")
    session = make_session(cli_path=fake)
    session.prewarm(with_sdk=False)
    until(lambda: bool(starts_early) and starts_early[0].has_ended)
    time.sleep(0.1)
    assert end_of(session, "hi").end == "complete"
    assert len(starts_of(fake)) == 2


def test_closed_before_it_is_asked_the_process_is_ended_at_once(
    starts_early: Any, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    session = make_session()
    session.prewarm(with_sdk=False)
    until(lambda: bool(starts_early))
    started = time.monotonic()
    session.close()
    assert time.monotonic() - started < process._CLOSE_GRACE_S
    assert starts_early[0].has_ended
    assert children() == []


def test_stop_while_the_sdk_is_imported_is_true_at_once_and_the_next_turn_works(
    starts_early: Any,
    scripted_model: ScriptedModel,
    make_session: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build, goes_on = options.build_options, threading.Event()

    def slow(*arguments: Any) -> ClaudeAgentOptions:
        goes_on.wait(30)
        return build(*arguments)

    monkeypatch.setattr(options, "build_options", slow)
    session = make_session(cli_path=write_fake_claude(tmp_path, "ok"))
    following: list[Turn] = []

    def go_on(event: Event) -> None:
        if isinstance(event, TurnEnd):  # as soon as can be: while the stopped turn still tidies up
            following.append(session.start("again"))

    turn = session.start("hi", listener=go_on)
    until(lambda: bool(starts_early))
    turn.interrupt()
    assert turn.result(20).end == "interrupted"
    assert not goes_on.is_set()  # the import would go on for longer
    goes_on.set()
    assert following[0].result(60).end == "complete"
    assert len(starts_early) == 1
