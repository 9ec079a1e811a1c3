"""Prompts in a chat kernel: a real relay, subkernel and CLI; only the model is scripted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import Ran, RealKernel
from tests.surfaces.chat_kernel.conftest import NOTEBOOK
from tests.surfaces.conftest import SharedKernel

pytestmark = [pytest.mark.kernel, pytest.mark.claude]


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel) -> ScriptedModel:
    """The model of the module's kernel."""
    return shared_kernel.model


def results(model: ScriptedModel) -> list[Any]:
    return [block["content"] for block in model.requests[-1].tool_results]


def kinds(ran: Ran) -> list[str]:
    return [msg["msg_type"] for msg in ran.msgs if msg["msg_type"] != "update_display_data"]


def test_agents_code_runs_where_the_users_does_and_shows_in_the_prompts_cell(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("print('seen')\ny = x + 1\ny"), Reply.text("It is **42**."))
    before = kernel.run("x = 41").reply["execution_count"]
    ran = kernel.run("%chat add one")
    assert (ran.status, ran.end) == ("ok", "complete")
    assert "42" in str(results(scripted_model))
    assert "seen" in ran.text
    assert "<strong>42</strong>" in str(ran.outputs)
    assert kinds(ran)[:2] == ["status", "execute_input"]
    assert next(m for m in ran.msgs if m["msg_type"] == "execute_input")["content"]["code"] == "%chat add one"
    assert kernel.run("y").reply["execution_count"] == before + 2, "the agent's code takes no number"


def test_in_a_terminal_everything_is_there_without_updates_of_displays(
    kernel: RealKernel, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_model.extend(Reply.code("print('seen')\n6 * 7"), Reply.text("It is **42**."), Reply.text("And?"))
    monkeypatch.setattr(kernel.client.session, "session", "of-a-terminal")
    complete = kernel.client.is_complete("%chat add one")  # as jupyter_console asks before each line
    assert kernel.reply_to(complete)["status"] == "complete"
    ran = kernel.run("%chat add one")
    assert (ran.status, "update_display_data" in str(ran.msgs)) == ("ok", False)
    for line in ("Run code\n", "seen\n", "It is **42**.\n", "complete ·"):
        assert line in ran.text
    assert kernel.run("%subkernel python3").text == "Code runs in 'python3' now: python."
    monkeypatch.setattr(kernel.client.session, "session", "of-a-page")
    assert "update_display_data" in str(kernel.run("%chat and then?").msgs)


def test_model_is_told_what_the_user_ran(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.text("I see."))
    kernel.run("rate_hz = 5\nprint('rate is', rate_hz)")
    kernel.run("1 / 0")
    kernel.run("%%chat\nwhat did I do?\nsay it")
    told = "\n".join(scripted_model.requests[-1].user_texts)
    assert "rate_hz = 5" in told
    assert "rate is 5" in told
    assert "ZeroDivisionError" in told
    assert "rate_hz: int 5\n" in told
    assert told.endswith("what did I do?\nsay it")


def test_prompts_and_code_keep_their_order(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("order.append('agent')"), Reply.text("Done."))
    sent = [kernel.send(code) for code in ("order = ['first']", "%chat go", "order.append('last')")]
    assert [kernel.reply_to(each)["status"] for each in sent] == ["ok"] * 3
    assert kernel.run("order").text == "['first', 'agent', 'last']"


def test_prompt_behind_a_cell_that_failed_does_not_run(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    sent = [kernel.send(code) for code in ("import time; time.sleep(0.5); 1 / 0", "%chat go", "later = 1")]
    assert [kernel.reply_to(each)["status"] for each in sent] == ["error", "aborted", "aborted"]
    assert scripted_model.requests == []


def test_completion_goes_on_while_the_agent_thinks(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    go_on = threading.Event()
    scripted_model.extend(Reply.text("thought", until=go_on))
    kernel.run("spikes = 1")
    sent = kernel.send("%chat think")
    asked = kernel.client.complete("spik", 4)
    assert kernel.reply_to(asked)["matches"] == ["spikes"]
    go_on.set()
    assert kernel.reply_to(sent)["status"] == "ok"


@pytest.mark.parametrize(
    ("reply", "sign"),
    [
        (Reply.code("import time\nprint('sleeps', flush=True)\ntime.sleep(600)"), "sleeps"),
        (Reply.text("half an answer", until=threading.Event()), "half"),
    ],
    ids=["code runs", "model answers"],
)
def test_interrupt_reaches_every_stage(
    reply: Any, sign: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(reply, Reply.text("still here"))
    kernel.run("x = 1")
    ran = kernel.run("%chat go", interrupt_when=lambda msg: sign in str(msg["content"]))
    assert (ran.status, ran.end) == ("error", "interrupted")
    assert ran.stopped_after_s < 2
    assert ran.text.endswith("Stopped.")
    assert kernel.run("x").text == "1"
    assert kernel.run("%chat again").end == "complete"


def test_approval_is_asked_on_the_input_prompt(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("a = 1"), Reply.code("b = 1"), Reply.text("done"))
    ran = kernel.run("%chat --mode ask set them", answers=["y", "not b"])
    assert ran.end == "complete"
    assert kernel.run("'a' in dir(), 'b' in dir()").text == "(True, False)"
    assert "not b" in str(results(scripted_model))
    assert kernel.run("input('name? ')", answers=["me"]).text == "'me'"
    kernel.run("%chat --mode edit")


def test_interrupt_while_an_approval_waits(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("a = 1"), Reply.text("next"))
    msg_id = kernel.client.execute("%chat --mode ask set it", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=30)
    kernel.manager.interrupt_kernel()
    assert kernel.reply_to(msg_id)["status"] == "error"
    assert kernel.run("%chat --mode edit again").end == "complete"


def test_code_is_interrupted_as_ever(kernel: RealKernel) -> None:
    ran = kernel.run(
        "import time\nprint('on', flush=True)\ntime.sleep(600)",
        interrupt_when=lambda m: "on" in str(m["content"]),
    )
    assert (ran.reply["ename"], ran.stopped_after_s < 2) == ("KeyboardInterrupt", True)


def test_cell_whose_metadata_say_so_is_a_prompt(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.text("Hello."))
    content = {
        "code": "--help me, please",
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
    }
    msg = kernel.client.session.msg(
        "execute_request", content, metadata={"neuroworkflow_agent": {"prompt": True}}
    )
    kernel.client.shell_channel.send(msg)
    assert kernel.reply_to(msg["header"]["msg_id"])["status"] == "ok"
    assert scripted_model.requests[-1].user_texts[-1] == "--help me, please"


SENTENCE = "show me the mean rate"


def answered(kernel: RealKernel, code: str, answer: str) -> tuple[str, dict[str, Any]]:
    """What is asked about a cell, and the reply to it."""
    sent = kernel.client.execute(code, allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=30)["content"]["prompt"]
    kernel.client.input(answer)
    return question, kernel.reply_to(sent)


def test_sentence_is_for_the_agent_if_the_user_says_so(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("Five."))
    before = kernel.run("x = 1").reply["execution_count"]
    question, reply = answered(kernel, SENTENCE, "y")
    assert question == "This is no code of Python. Ask the agent? [y]es, [n]o, [a]lways, ne[v]er: "
    assert (reply["status"], reply["execution_count"]) == ("ok", before + 1)
    assert scripted_model.requests[-1].user_texts[-1].endswith(SENTENCE)
    _, reply = answered(kernel, SENTENCE, "n")
    assert (reply["ename"], reply["execution_count"]) == ("SyntaxError", before + 2)
    assert len(scripted_model.requests) == 1


def test_sentence_is_code_where_nobody_can_be_asked(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    msg_id = kernel.client.execute(SENTENCE, allow_stdin=False)
    assert kernel.reply_to(msg_id)["ename"] == "SyntaxError"
    assert scripted_model.requests == []


def test_sentence_waits_for_the_cells_before_it_and_holds_those_behind(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("order.append('agent')"), Reply.text("Done."))
    codes = ("import time; time.sleep(0.3); order = ['first']", SENTENCE, "order.append('last')")
    sent = [kernel.client.execute(code, allow_stdin=True) for code in codes]
    kernel.client.get_stdin_msg(timeout=30)
    kernel.client.input("y")
    assert [kernel.reply_to(each)["status"] for each in sent] == ["ok"] * 3
    assert kernel.run("order").text == "['first', 'agent', 'last']"
    sent = [
        kernel.client.execute(code, allow_stdin=True)
        for code in ("import time; time.sleep(0.3); 1 / 0", SENTENCE, "late = 1")
    ]
    assert [kernel.reply_to(each)["status"] for each in sent] == ["error", "aborted", "aborted"]


def test_interrupt_while_it_is_asked_runs_neither(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    sent = [kernel.client.execute(code, allow_stdin=True) for code in (SENTENCE, "late = 1")]
    kernel.client.get_stdin_msg(timeout=30)
    kernel.manager.interrupt_kernel()
    assert kernel.reply_to(sent[0])["ename"] == "KeyboardInterrupt"
    assert kernel.reply_to(sent[1])["status"] == "aborted"
    assert kernel.run("'late' in dir()").text == "False"
    assert scripted_model.requests == []


def test_whoever_says_always_or_never_is_not_asked_again(start_kernel: Callable[..., RealKernel]) -> None:
    kernel = start_kernel()
    assert answered(kernel, SENTENCE, "v")[1]["ename"] == "SyntaxError"
    again = kernel.client.execute(SENTENCE, allow_stdin=True)
    assert kernel.reply_to(again)["ename"] == "SyntaxError"


def test_bad_line_gets_one_sentence(kernel: RealKernel) -> None:
    ran = kernel.run("%chat --bogus x")
    assert (ran.status, ran.text.startswith("UsageError: Unknown option '--bogus'.")) == ("error", True)
    assert (
        kernel.run("%chat").text
        == "UsageError: Nothing to ask. Write '%chat TEXT', or '%chat --help' for more."
    )
    assert kernel.run("%chat --undo").text == "UsageError: There is no turn of this session to undo."
    assert kernel.run("%chat --verify go").text.startswith("UsageError: The agent edits no cells here")


def test_widget_of_the_agents_code_reaches_the_front_end(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        Reply.code("import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nslider"), Reply.text("There.")
    )
    kernel.run("import comm")
    opened = []
    msg_id = kernel.send("%chat a slider")
    while (msg := kernel.client.get_iopub_msg(timeout=30))["parent_header"].get("msg_id") != msg_id or msg[
        "content"
    ].get("execution_state") != "idle":
        opened += [msg] if msg["msg_type"] == "comm_open" else []
    assert len(opened) >= 2
    kernel.reply_to(msg_id)


def test_display_of_the_agents_code_can_be_updated(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    code = "from IPython.display import clear_output, display\nh = display('one', display_id='d')\nh.update('two')"
    scripted_model.extend(
        Reply.code(code), Reply.code("clear_output()\nprint('after')"), Reply.text("Shown.")
    )
    ran = kernel.run("%chat show")
    shown = [str(output.get("text") or output["data"]["text/plain"]) for output in ran.outputs]
    assert "'two'" in shown
    assert "'one'" not in shown
    assert "after\n" in shown
    assert "Shown." in shown


def test_agent_reads_the_notebook_as_it_was_saved_and_proposes_a_cell(
    kernel: RealKernel, shared_kernel: SharedKernel, scripted_model: ScriptedModel
) -> None:
    path = shared_kernel.workspace / NOTEBOOK
    cell = nbformat.v4.new_code_cell("rates_hz = [4.1, 66.2]", execution_count=3)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    tool = "mcp__neuroworkflow__{}".format
    scripted_model.extend(
        Reply.tool(tool("notebook_get")),
        Reply.tool(tool("cell_insert"), source="max(rates_hz)", index=-1),
        Reply.tool(tool("cell_edit"), cell=cell.id, old="4.1", new="4.2"),
        Reply.text("There."),
    )
    ran = kernel.run("%chat look at @cell 3 and go on")
    assert (ran.status, ran.end) == ("ok", "complete"), ran.text
    assert "rates_hz = [4.1, 66.2]" in "\n".join(scripted_model.requests[0].user_texts)
    outline, _inserted, edited = [str(each["content"]) for each in scripted_model.requests[-1].tool_results]
    assert "rates_hz" in outline
    assert ran.reply["payload"] == [{"source": "set_next_input", "text": "max(rates_hz)", "replace": False}]
    assert "Only new code cells can be added" in edited
    assert cell.source in path.read_text().replace("\\n", "\n")
    missing = kernel.run("%chat look at @cell 7")
    assert missing.reply["ename"] == "UsageError"
    path.unlink()


def test_lint_line_shows_what_makes_results_doubtful(kernel: RealKernel, shared_kernel: SharedKernel) -> None:
    path = shared_kernel.workspace / NOTEBOOK
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("accuracy = 0.93")]), path)
    ran = kernel.run("%lint")
    assert (ran.status, "NW801" in ran.text) == ("ok", True)
    assert ran.text.startswith("talk.ipynb, as it was saved last: 1 cell: ")
    path.unlink()
    assert kernel.run("%lint no.ipynb").text.startswith("UsageError: There is no file 'no.ipynb'. Name ")
