"""`%chat` in a real kernel over ZMQ, with the real CLI; only the model is scripted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from neuroworkflow_agent.surfaces.preparation import LIGHT
from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall
from neuroworkflow_agent.testing.real_kernel import RealKernel
from neuroworkflow_agent.text import strip_control
from tests import tiers
from tests.surfaces.conftest import SharedKernel


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel, monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """The model of the module's kernel, and of the kernels that a test starts."""
    for name, value in shared_kernel.model.environ.items():
        monkeypatch.setenv(name, value)
    return shared_kernel.model


@pytest.fixture
def workspace(shared_kernel: SharedKernel) -> Path:
    return shared_kernel.workspace


def shows(text: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message shows `text`."""
    return lambda msg: text in str(msg["content"])


def results(model: ScriptedModel) -> list[Any]:
    return [block["content"] for block in model.requests[-1].tool_results]


SPY = """\
import sys, threading
class Spy:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            seen.add(name.partition(".")[0])
seen = set()
sys.meta_path.insert(0, Spy())
%load_ext neuroworkflow_agent
sys.meta_path.pop(0)
print(sorted(seen & {"claude_agent_sdk", "mcp", "nbformat", "PIL", "markdown_it", "pygments", "nh3", "rich", "httpx"}))
"""


def test_load_ext_imports_nothing_heavy_on_the_main_thread(start_kernel: Callable[[], RealKernel]) -> None:
    assert start_kernel().run(SPY).text.strip() == "[]"


LOADED = """\
import neuroworkflow_agent.engine.claude.memory as memory
memory.is_memory_short = lambda *_: False
%load_ext neuroworkflow_agent
import os, sys, threading
lstat, looked_at = os.lstat, []
os.lstat = lambda path, **more: (looked_at.append(path), lstat(path, **more))[1]
"""


def until_prepared(kernel: RealKernel) -> None:
    """Wait without running cells: while one runs, nothing is got ready."""
    deadline = time.monotonic() + 30
    while (
        kernel.run("any(t.name == 'neuroworkflow-agent imports' for t in threading.enumerate())").text
        == "True"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_first_error_does_not_look_for_all_modules_on_the_main_thread(
    start_kernel: Callable[[], RealKernel],
) -> None:
    kernel = start_kernel()
    assert kernel.run(LOADED).status == "ok"
    until_prepared(kernel)
    loaded = kernel.run(f"print(*sorted(sys.modules.keys() & {{'claude_agent_sdk', *{LIGHT}}}))").text.split()
    assert loaded == sorted(LIGHT)  # the rest of the SDK is for the first message
    kernel.run("looked_at.clear()")
    assert kernel.run("1 / 0").status == "error"
    looked_at, modules = map(int, kernel.run("print(len(looked_at), len(sys.modules))").text.split())
    assert looked_at < modules  # they are six or eight directories deep, each


def test_while_the_users_cells_run_nothing_is_got_ready(start_kernel: Callable[[], RealKernel]) -> None:
    kernel = start_kernel()
    # On a busy machine there may be more than a moment between two cells.
    kernel.send(f"import neuroworkflow_agent.kernels.between_cells as b\nb._QUIET_S = 0.5\n{LOADED}")
    busy = "time.sleep(1); print(*sys.modules.keys() & {'markdown_it', 'neuroworkflow_agent.engine.session'})"
    assert kernel.run(f"import time\n{busy}").text.strip() == ""
    until_prepared(kernel)
    assert "markdown_it" in kernel.run(busy).text


@pytest.mark.thorough
def test_nor_does_the_first_error_after_the_first_message(
    start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("hello"))
    kernel = start_kernel()
    assert kernel.run(LOADED).status == "ok"
    until_prepared(kernel)
    kernel.run("before = len(sys.modules)")
    assert kernel.run("%chat hi").end == "complete"
    kernel.run("import time; time.sleep(5); looked_at.clear()")
    assert kernel.run("1 / 0").status == "error"
    looked_at, came = map(int, kernel.run("print(len(looked_at), len(sys.modules) - before)").text.split())
    assert came > 300
    assert looked_at < came


def test_answer_is_shown_as_html_and_readable_without(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("Hello **you**, `x`"))
    ran = kernel.run("%chat hi?")
    assert (ran.status, ran.end) == ("ok", "complete")
    chosen, answer, closing = ran.outputs
    assert chosen["data"]["text/plain"] == "Model: Messages API server, because ANTHROPIC_BASE_URL is set."
    assert "<strong>you</strong>" in answer["data"]["text/html"]
    assert answer["data"]["text/plain"] == "Hello **you**, `x`"
    assert closing["data"]["text/plain"].startswith("complete · ")
    assert "10 in / 5 out" in closing["data"]["text/plain"]


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
    assert "42" in str(results(scripted_model))
    assert "It is" not in str(results(scripted_model))
    monkeypatch.setattr(kernel.client.session, "session", "of-a-page")
    assert "update_display_data" in str(kernel.run("%chat and then?").msgs)


def test_first_turn_with_an_option_leaves_nothing_on_stderr(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    written = []
    for wait_s in (0.2, 0.5, 0.8, 1.1):  # the process that is thrown away is at one thing or another
        kernel.run("%unload_ext neuroworkflow_agent", is_silent=True)
        kernel.run("%load_ext neuroworkflow_agent", is_silent=True)
        time.sleep(wait_s)
        scripted_model.extend(Reply.text("hi"))
        first = kernel.run("%chat --mode edit hello")
        after = kernel.run("import gc; gc.collect();")  # asyncio reports a failed task when the task is gone
        written += [output for output in first.outputs + after.outputs if output["output_type"] == "stream"]
        assert first.end == "complete"
    assert written == []


def test_code_runs_in_the_users_namespace_and_in_the_users_cell(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    kernel.run("x = 21")
    scripted_model.extend(
        Reply((Text("Let me look."), *Reply.code("y = x * 2\nprint('seen')\ny").blocks)), Reply.text("42.")
    )
    ran = kernel.run("%%chat\nwhat is x?\n")
    shown = [output.get("text") or output["data"]["text/plain"] for output in ran.outputs][1:]
    assert shown[:1] == ["Let me look."]
    assert shown[1].startswith("Run code\n    y = x * 2")
    assert shown[2:5] == ["seen\n", "42", "42."]
    assert kernel.run("y").text == "42"
    assert "seen" in str(results(scripted_model))
    names = kernel.run("[n for n in dir() if not n.startswith('_')]").text
    assert eval(names) == ["In", "Out", "exit", "get_ipython", "open", "quit", "x", "y"]


def test_cell_says_how_long_code_has_been_running_while_it_runs(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        Reply.code("import time\nwait = time.sleep(2.5)\nprint('over')"), Reply.text("Done.")
    )
    ran = kernel.run("%chat wait")
    said = [msg["content"].get("data", {}).get("text/html", "").rpartition("</style>")[2] for msg in ran.msgs]
    running = [index for index, html in enumerate(said) if "Run code · Running … 2 s" in html]
    printed = [index for index, msg in enumerate(ran.msgs) if "over" in msg["content"].get("text", "")]
    assert running[0] < printed[0]
    assert any("Run code · 2.5 s" in html for html in said[printed[0] :])
    assert not any("Run code" in output["data"].get("text/html", "") and "…" in output["data"]["text/html"].rpartition("</style>")[2] for output in ran.outputs if "data" in output)  # fmt: skip


def test_output_of_child_processes_reaches_the_model(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    calls = [Reply.code(f"import os; _ = os.system('echo from below {n}')") for n in range(5)]
    scripted_model.extend(*calls, Reply.text("seen"))
    kernel.run("%chat look below")
    said = " ".join(str(request.tool_results) for request in scripted_model.requests)
    assert all(f"from below {n}" in said for n in range(5))


def test_text_of_child_processes_comes_before_the_result_and_no_mark_into_the_log(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    kernel.run(
        "import os, sys\nlog = os.open('log', os.O_CREAT | os.O_RDWR)\nbefore, sys.stdout._original_stdstream_copy = sys.stdout._original_stdstream_copy, log"
    )
    many = "seq -f 'above %g' 2000"
    lines = f'for n in range(5): os.system(f"{many}; echo below {{n}}"); display(n)'
    scripted_model.extend(Reply.code(lines), Reply.code(f"_ = os.system(\"{many}; echo below 5\")\n'result'"), Reply.code(f"os.system(\"{many}; echo below 6\")\n1 / 0"), Reply.text("seen"))  # fmt: skip
    ran = kernel.run("%chat look below")
    kernel.run("sys.stdout._original_stdstream_copy = before")
    shown = [line for line in ran.text.splitlines() if line.startswith(("below", "'result'", "ZeroDiv")) or line.isdigit()]  # fmt: skip
    expected = [text for n in range(5) for text in (f"below {n}", str(n))]
    assert shown[:12] == [*expected, "below 5", "'result'"]
    assert shown[12] == "below 6"
    logged = (workspace / "log").read_text()
    assert "\x06" not in logged + ran.text
    assert logged.split("\n") == [
        *[line for n in range(7) for line in [*[f"above {m}" for m in range(1, 2001)], f"below {n}"]],
        "",
    ]


def test_results_of_the_agent_leave_the_users_alone(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    kernel.run("'mine'")
    scripted_model.extend(Reply.code("'the agent\\'s'", "_"), Reply.text("done"))
    ran = kernel.run("%chat compute\n'last'")
    agents = next(output for output in ran.outputs if output["output_type"] == "execute_result")
    # A number there has to be: JupyterLab shows no result without one.
    count = ran.reply["execution_count"]
    assert (agents["data"]["text/plain"], agents["execution_count"]) == ('"the agent\'s"', count)
    assert ran.outputs[-1]["execution_count"] == count
    assert kernel.run("_, __, [*Out.values()]").text == "('last', 'mine', ['mine', 'last'])"
    scripted_model.extend(Reply.code("'again'"), Reply.text("done"))
    kernel.run("%chat compute")
    assert kernel.run("sorted(map(str, Out.values()))[:2], 'again' in Out.values()").text.endswith("False)")


def test_error_of_the_agents_code_is_in_no_numbered_cell(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("def fails():\n    return 1 / 0\nfails()"), Reply.text("done"))
    ran = kernel.run("%chat divide")
    assert "Cell In[agent], line 2" in strip_control(ran.text)
    later = kernel.run("fails()")
    shown = strip_control(later.text)
    assert f"Cell In[{later.reply['execution_count']}], line 1" in shown
    assert "Cell In[agent], line 2" in shown


def test_picture_reaches_the_model_and_the_cell(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    pytest.importorskip("matplotlib")
    scripted_model.extend(
        Reply.code("import matplotlib.pyplot as plt\nplt.plot([1, 2]);"), Reply.text("nice")
    )
    ran = kernel.run("%chat plot")
    assert any("image/png" in output.get("data", {}) for output in ran.outputs)
    (content,) = results(scripted_model)
    (image,) = [block for block in content if block["type"] == "image"]
    assert image["source"]["media_type"] == "image/png"


def test_chat_points_at_cells_of_the_notebook_as_it_was_last_saved(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    unknown = kernel.run("%chat Why @cell 5?")
    assert unknown.status == "error"
    assert "Which notebook this kernel belongs to is not known" in unknown.text
    output = new_output("stream", text="5 Hz")
    cells = [new_code_cell("rate()", id="rate", execution_count=5, outputs=[output])]
    nbformat.write(new_notebook(cells=cells), workspace / "a.ipynb")
    kernel.run(f"import os\nos.environ['JPY_SESSION_NAME'] = {str(workspace / 'a.ipynb')!r}")
    scripted_model.extend(Reply.text("Because."), Reply.text("Again."))
    assert kernel.run("%chat Why @cell 5?").end == "complete"
    told = "\n".join(scripted_model.requests[-1].user_texts)
    assert "rate()\nOutputs:\n5 Hz" in told
    assert "a.ipynb as it was last saved" in told
    assert kernel.run("if True:\n    %chat And @cell rate?").end == "complete"
    missing = kernel.run("%chat And @cell 6?")
    assert "Near it are [5] (rate())" in missing.text
    assert "@selection works in a panel" in kernel.run("%chat And @selection?").text
    assert len(scripted_model.requests) == 2
    kernel.run("del os.environ['JPY_SESSION_NAME']")


@pytest.mark.parametrize("ask", ["%chat Why @cell 5?", "chat('Why @cell 5?')"])
def test_stop_ends_the_search_for_a_cell_that_the_message_names(
    kernel: RealKernel, scripted_model: ScriptedModel, ask: str
) -> None:
    """A page that is not there is waited for; longer than anybody waits for a Stop."""
    kernel.run("from neuroworkflow_agent import chat")
    ran = kernel.run(ask, interrupt_when=lambda msg: msg["content"].get("execution_state") == "busy")
    assert (ran.status, ran.text) == ("error", "Stopped.")  # not what is said when no page has answered
    scripted_model.extend(Reply.text("Here."))
    assert kernel.run("%chat go").end == "complete"


def test_file_is_edited_inside_and_refused_outside(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    calls = (
        ToolCall("Write", {"file_path": "in.txt", "content": "1"}),
        ToolCall("Write", {"file_path": str(outside), "content": "1"}),
    )
    scripted_model.extend(Reply(calls), Reply.text("done"))
    ran = kernel.run("%chat write")
    assert ran.end == "complete"
    assert (workspace / "in.txt").read_text() == "1"
    assert not outside.exists()
    assert "is outside the workspace" in ran.text


def test_error_in_the_code_goes_to_the_model_and_the_turn_goes_on(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("1 / 0"), Reply.text("That failed."))
    ran = kernel.run("%chat divide")
    assert (ran.status, ran.end) == ("ok", "complete")
    assert "ZeroDivisionError" in str(results(scripted_model))


@pytest.mark.parametrize(
    ("reply", "sign"),
    [
        (Reply.text("one two three " * 100, delay_s=0.05), "one two"),
        (Reply.code("import time; time.sleep(600)", "ran_second = True"), "time.sleep(600)"),
        (Reply.code("while True: pass", "ran_second = True"), "while True"),
        (Reply.code("import asyncio; await asyncio.sleep(600)", "ran_second = True"), "asyncio.sleep"),
    ],
    ids=["text", "sleep", "busy", "await"],
)
def test_interrupt_stops_the_turn_and_the_next_one_works(
    reply: Reply, sign: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(reply, Reply.text("still here"))
    kernel.run("x = 1")
    ran = kernel.run("%chat go", interrupt_when=shows(sign))
    assert (ran.status, ran.end) == ("error", "interrupted")
    assert ran.stopped_after_s < 2
    # The cell's error says so, and nothing else does.
    *shown, figures, last = ran.text.split("\n")
    assert (bool(re.match(r"\d+\.\d s", figures)), last) == (True, "Stopped."), ran.text
    assert not re.search("stopped|interrupt|cancel", "\n".join(shown), re.IGNORECASE)
    again = kernel.run("%chat again")
    assert (again.end, "still here" in again.text) == ("complete", True)
    assert kernel.run("x, 'ran_second' in dir()").text == "(1, False)"


_DROPS = """\
import sys, time

class Finalized:
    def __del__(self):
        print("finalizing", flush=True)
        time.sleep({seconds})
        {last}

Finalized()
while True:
    pass
"""


@pytest.mark.parametrize(
    "last", ["pass", "1 / 0"], ids=["in a finalizer", "while a finalizer's error is told"]
)
def test_interrupt_that_python_drops_stops_the_turn_all_the_same(
    last: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    slow_hook = (
        "import sys, time\nsys.unraisablehook = lambda _: (print('telling', flush=True), time.sleep(1))"
    )
    kernel.run(slow_hook)
    scripted_model.extend(
        Reply.code(_DROPS.format(seconds=1 if last == "pass" else 0, last=last)), Reply.text("still here")
    )
    sign = "finalizing" if last == "pass" else "telling"
    ran = kernel.run(
        "%chat go", interrupt_when=lambda msg: msg["msg_type"] == "stream" and sign in str(msg["content"])
    )
    assert (ran.status, ran.end) == ("error", "interrupted")
    assert ran.stopped_after_s < 3
    assert kernel.run("%chat again").end == "complete"
    assert "telling" in kernel.run("class Broken:\n    def __del__(self): 1 / 0\nBroken()\n1").text


_CLEANS_UP = """\
try:
    print("running", flush=True)
    {pause}(600)
finally:
    {pause}(0.3)
    cleaned += 1
"""


@pytest.mark.parametrize("pause", ["time.sleep", "await asyncio.sleep"])
@pytest.mark.parametrize("ask", ["%chat go", "if True:\n    %chat go"])
def test_stopped_code_cleans_up_in_peace(
    pause: str, ask: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    kernel.run("import asyncio, time\ncleaned = 0")
    stops = tiers.count(8, at_least=2)
    for _ in range(stops):
        scripted_model.extend(Reply.code(_CLEANS_UP.format(pause=pause)))
        ran = kernel.run(
            ask, interrupt_when=lambda msg: msg["msg_type"] == "stream" and "running" in str(msg["content"])
        )
        assert (ran.status, ran.end, "interrupted again" in ran.text) == ("error", "interrupted", False)
    assert kernel.run("cleaned").text == str(stops)


def test_code_that_swallows_interrupts_is_interrupted_until_it_lets_go(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    code = "import time\nprint('running', flush=True)\ncaught = 0\nwhile caught < 4:\n    try: time.sleep(600)\n    except KeyboardInterrupt: caught += 1"
    scripted_model.extend(Reply.code(code, "ran_second = True"), Reply.text("still here"))
    ran = kernel.run(
        "%chat go",
        interrupt_when=lambda msg: msg["msg_type"] == "stream" and "running" in str(msg["content"]),
    )
    assert (ran.status, ran.end) == ("error", "interrupted")
    assert 9 < ran.stopped_after_s < 12
    assert ran.text.count("interrupted again") == 1
    assert "only restarting the kernel" in ran.text
    assert kernel.run("%chat again").end == "complete"
    assert kernel.run("'ran_second' in dir()").text == "False"


def test_cells_behind_an_interrupted_one_do_not_run(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("import time; time.sleep(600)"))
    ran = kernel.run("%chat go\nbehind = True", interrupt_when=shows("time.sleep"))
    assert ran.status == "error"
    assert kernel.run("'behind' in dir()").text == "False"


def test_run_all_keeps_its_order(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("order.append('agent')"), Reply.text("ok"))
    kernel.run("order = ['before']")
    sent = [kernel.client.execute(code) for code in ("%chat append", "order.append('after')")]
    assert [kernel.reply_to(msg_id)["status"] for msg_id in sent] == ["ok", "ok"]
    assert kernel.run("order").text == "['before', 'agent', 'after']"


@pytest.mark.parametrize(
    "cell",
    [
        "%chat set them",
        "other.set('mine')\n%chat set them\nlater.set(var.get())",
        "if True:\n    %chat set them",
        "import asyncio\nawait asyncio.sleep(0)\nif True:\n    %chat set them",
    ],
)
def test_what_code_sets_in_the_context_lasts(
    cell: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    kernel.run(
        "import contextvars, decimal\nvar, other, later = (contextvars.ContextVar(n, default='unset') for n in 'abc')\ndecimal.setcontext(decimal.Context(prec=28))"
    )
    reads = "decimal.getcontext().prec, var.get()"
    scripted_model.extend(
        Reply.code('import decimal\ndecimal.setcontext(decimal.Context(prec=7))\nvar.set("agent\'s")'),
        Reply.code(f"print({reads})"),
        Reply.text("set"),
        Reply.code(f"print({reads})"),
        Reply.text("still set"),
    )
    assert kernel.run(cell).status == "ok"
    assert kernel.run(reads).text == '(7, "agent\'s")'
    kernel.run("%chat and now?")
    outputs = [str(request.tool_results) for request in scripted_model.requests]
    assert sum("7 agent's" in each for each in outputs) >= 2
    expected = "('mine', \"agent's\")" if "mine" in cell else "('unset', 'unset')"
    assert kernel.run("other.get(), later.get()").text == expected


def test_numpy_settings_of_the_agent_last(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    pytest.importorskip("numpy")
    kernel.run("import numpy as np")
    scripted_model.extend(
        Reply.code("np.set_printoptions(precision=2); _ = np.seterr(divide='raise')"), Reply.text("set")
    )
    kernel.run("%chat print less")
    assert kernel.run("np.array([1/3]), np.geterr()['divide']").text == "(array([0.33]), 'raise')"
    kernel.run("np.set_printoptions(precision=8); np.seterr(divide='warn')")


def test_inside_a_function_it_blocks_and_works(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("import asyncio\nawait asyncio.sleep(0.01)\nz = 3"), Reply.text("done"))
    ran = kernel.run("def f():\n    %chat set z?\n    return 'returned'\nf()")
    assert (ran.status, ran.end) == ("ok", "complete")
    assert ran.outputs[-1]["data"]["text/plain"] == "'returned'"
    assert kernel.run("z").text == "3"


def test_chat_and_achat_work_from_code(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.text("one"), Reply.text("two"))
    ran = kernel.run(
        "from neuroworkflow_agent import chat, achat\nr = chat('a')\ns = await achat('b')\nprint(r, s, r.end)"
    )
    assert ran.outputs[-1]["text"] == "one two complete\n"
    assert scripted_model.requests[-1].user_texts[-1] == "b"


def test_token_in_a_cell_is_warned_of_and_not_handed_on(
    kernel: RealKernel, scripted_model: ScriptedModel, tmp_path: Path
) -> None:
    scripted_model.extend(*[Reply.text("fine")] * 4)
    token, file = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", tmp_path / "token"
    file.write_text(f"{token}2")
    ran = kernel.run(f"from neuroworkflow_agent import chat\nchat('a', user_token='{token}')")
    (warning,) = [output["text"] for output in ran.outputs if output.get("name") == "stderr"]
    assert "This cell holds your token" in warning
    ran = kernel.run(f"chat('b', user_token='{file}')")
    assert not [output for output in ran.outputs if output.get("name") == "stderr"]
    kernel.run("%chat what did I do?")
    told = str([request.body for request in scripted_model.requests])
    assert "[redacted]" in told
    assert token not in told


def test_error_reaches_the_model_while_pdb_is_on(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    kernel.run("%pdb on")
    scripted_model.extend(Reply.code("1 / 0", "%debug", "%debug 1 + 1"), Reply.text("seen"))
    ran = kernel.run("%chat divide", answers=[], timeout_s=20)
    assert ran.end == "complete"
    assert "ZeroDivisionError" in str(results(scripted_model)[0])
    assert "debugger" in str(results(scripted_model)[1])
    assert "input() is not available" in str(results(scripted_model)[2])
    assert kernel.run("%pdb").text.strip().endswith("OFF")


def test_turn_is_told_what_the_user_just_did(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.text("a typo"), Reply.text("nothing new"))
    kernel.run("print('loading data')")
    kernel.run("valeu = 1\nvalue")
    kernel.run("%chat fix this")
    context = scripted_model.requests[0].user_texts[0]
    assert "loading data" in context
    assert "valeu = 1\nvalue" in context
    assert "NameError: name 'value' is not defined" in context
    assert context.index("loading data") < context.index("NameError")
    kernel.run("%chat and now?")
    assert scripted_model.requests[1].user_texts[-1] == "and now?"
    assert "loading data" not in "".join(scripted_model.requests[1].user_texts[2:])


def test_clear_output_of_the_code_leaves_the_transcript(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    code = "from IPython.display import clear_output\nfor i in range(3):\n    clear_output(wait=True)\n    print('step', i)"
    scripted_model.extend(
        Reply((Text("Watch."), *Reply.code("print('before')").blocks)), Reply.code(code), Reply.text("Done.")
    )
    ran = kernel.run("%chat animate")
    for kept in ("Watch.", "before", "clear_output(wait=True)", "step 2", "Done.", "complete"):
        assert kept in ran.text
    assert "step 1" not in ran.text


def test_approval_is_asked_on_the_input_prompt(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("a = 1"), Reply.code("b = 1"), Reply.text("done"))
    ran = kernel.run("%chat --mode ask set them", answers=["y", "not b"])
    assert ran.end == "complete"
    assert kernel.run("'a' in dir(), 'b' in dir()").text == "(True, False)"
    assert "not b" in str(results(scripted_model))


def test_approval_is_a_denial_where_nobody_can_be_asked(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("a = 1"), Reply.text("I see"))
    ran = kernel.run("%chat --mode ask set it")
    assert ran.end == "complete"
    assert "Nobody can be asked here" in str(results(scripted_model))


def test_interrupt_while_an_approval_waits(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("a = 1"), Reply.text("next"))
    msg_id = kernel.client.execute("%chat --mode ask set it", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=30)
    kernel.manager.interrupt_kernel()
    assert kernel.reply_to(msg_id)["status"] == "error"
    # After an error ipykernel aborts what is queued; a request of another kind comes after that.
    kernel.client.kernel_info(reply=True, timeout=10)
    assert kernel.run("%chat again").end == "complete"


def test_sessions_new_resume_and_fork(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(*[Reply.text(f"answer {number}") for number in range(4)])
    kernel.run("%chat about spikes")
    kernel.run("%chat --new about rates")
    assert scripted_model.requests[-1].user_texts == ["about rates"]
    listed = kernel.run("%chat --sessions").text
    first = next(line for line in listed.splitlines() if "about spikes" in line).split()[0]
    assert len(first) == 8
    shown = kernel.run(f"%chat --resume {first}").text
    assert shown.startswith("> about spikes")
    assert "answer 0" in shown
    assert "Ask with '%chat TEXT'" in shown
    kernel.run(f"%chat --resume {first} go on")
    assert scripted_model.requests[-1].user_texts == ["about spikes", "go on"]
    kernel.run("%chat --fork elsewhere")
    assert scripted_model.requests[-1].user_texts == ["about spikes", "go on", "elsewhere"]
    assert len(kernel.run("%chat --sessions").text.splitlines()) == 3


def test_resumed_session_shows_in_a_cell_what_was_seen_in_one(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    code = "import time\nprint('count', end='')\ntime.sleep(0.3)\nprint('ing')\ndisplay(17)\n1 / 0"
    scripted_model.extend(
        Reply((Text("I *count*."),)), Reply.code(code), Reply.text("It is **17**."), Reply.text("word " * 400, delay_s=0.02)
    )  # fmt: skip
    seen = [kernel.run("%chat --new first"), kernel.run("%chat count")]
    seen.append(kernel.run("%chat talk", interrupt_when=shows("word")))
    assert [ran.end for ran in seen] == ["complete", "complete", "interrupted"]
    again = kernel.run("%chat --resume")
    prompts = ["> first", "> count", "> talk"]
    shown = [line for line in again.text.splitlines() if line and line not in prompts]
    assert "Ask with '%chat TEXT'" in shown.pop()
    # A past turn has no error below it that would say how it ended.
    shown[-1] = shown[-1].removeprefix("interrupted · ")
    assert shown == [line for ran in seen for line in ran.text.splitlines() if line and line != "Stopped."]
    assert [line for line in again.text.splitlines() if line in prompts] == prompts


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%chat", "Nothing to ask"),
        ("%chat --bogus x", "Unknown option '--bogus'"),
        ("%chat --mode yolo x", "--mode must be one of"),
        ("%chat --resume 00000000 x", "No session '00000000'"),
        ("%%chat", "Nothing to ask"),
        ("%%chat\n\n", "Nothing to ask"),
    ],
)
def test_bad_line_gets_one_sentence(
    line: str, says: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    ran = kernel.run(line)
    assert ran.status == "error"
    assert ran.text.startswith(f"UsageError: {says}")
    assert "Traceback" not in ran.text
    assert scripted_model.requests == []


def test_without_endpoint_the_cell_says_what_to_do(
    start_kernel: Callable[[], RealKernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    monkeypatch.setenv("ANTHROPIC_MODEL", "claude-x")
    kernel = start_kernel()
    assert kernel.run("%load_ext neuroworkflow_agent").status == "ok"
    assert "neuroworkflow-agent login" in kernel.run("%chat hi").text


def test_key_that_is_set_after_loading_counts(
    start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, other in {
        "ANTHROPIC_API_KEY": "another-key-0000",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, other)
    kernel = start_kernel()
    scripted_model.extend(Reply.text("Here I am."), Reply.text("Still."))
    kernel.run("%load_ext neuroworkflow_agent")
    kernel.run(f"import os; os.environ.update({scripted_model.environ!r})")
    assert "Here I am." in kernel.run("%chat hi").text
    assert "Still." in kernel.run("%chat hi").text
    assert len(scripted_model.requests[-1].body["messages"]) > 2


@pytest.mark.parametrize("line", ["%chat again", "%chat --mode ask again", "%chat --new again"])
def test_directory_that_is_gone_does_not_end_the_session(
    line: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("one"), Reply.code("x = 1"), Reply.text("two"))
    kernel.run("import os\nhome = os.getcwd()\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')")
    kernel.run("os.chdir(home)\n%chat hi")
    kernel.run("os.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')")
    ran = kernel.run(line, answers=["y"])
    kernel.run("os.chdir(home)")
    assert (ran.end, "two" in ran.text, ran.status) == ("complete", True, "ok"), ran.text
    assert kernel.run("x").text == "1"


def test_updates_are_coalesced(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.text("word " * 400, delay_s=0.004))
    ran = kernel.run("%chat talk")
    updates = [msg for msg in ran.msgs if msg["msg_type"] in ("display_data", "update_display_data")]
    seconds = (updates[-1]["header"]["date"] - updates[0]["header"]["date"]).total_seconds()
    assert seconds > 1.0
    assert len(updates) <= 20 * seconds + 4


def test_two_kernels_at_once_do_not_disturb_each_other(
    start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel
) -> None:
    def reply(request: Any) -> Reply:
        name = request.user_texts[-1].rsplit(" ", 1)[-1]
        return Reply.text(f"{name} has it") if request.tool_results else Reply.code(f"me = {name!r}\nme")

    scripted_model.extend(*[reply] * 4)
    one, two = start_kernel(), start_kernel()
    sent = []
    for kernel, name in ((one, "one"), (two, "two")):
        kernel.run("%load_ext neuroworkflow_agent")
        sent.append(kernel.client.execute(f"%chat you are {name}"))
    for kernel, msg_id in zip((one, two), sent, strict=True):
        assert kernel.reply_to(msg_id, timeout_s=60)["status"] == "ok"
    assert (one.run("me").text, two.run("me").text) == ("'one'", "'two'")


def test_unloading_takes_the_magic_away(kernel: RealKernel) -> None:
    assert kernel.run("%unload_ext neuroworkflow_agent").status == "ok"
    assert "not found" in kernel.run("%chat hi").text


def test_key_is_hidden_from_the_cell_and_the_model(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    code = "import os\nk = os.environ['ANTHROPIC_API_KEY']\nprint('key', k)\ndisplay(k)\nraise ValueError(k)"
    scripted_model.extend(Reply.code(code), Reply.text("ok"))
    ran = kernel.run("%chat leak it")
    assert scripted_model.api_key not in str(ran.outputs)
    assert "key [redacted]" in ran.text
    assert scripted_model.api_key not in str(scripted_model.requests[-1].body)
