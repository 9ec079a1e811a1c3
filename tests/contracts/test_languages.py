"""Each fact of `kernels.languages`, against the real kernel of that language; the table's own parts below."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.kernels.variables.elsewhere import VariableContextElsewhere, list_variables
from tests.contracts.test_kernel_contract import Bench, LoopThread
from tests.kernelspecs import bash, deno, octave, r, xeus


@dataclass(frozen=True)
class Case:
    """What is tried in one language."""

    language: str
    spec: Callable[[Path], str]
    """Has its kernelspec be found; gives the name."""
    given: str
    """Makes x be 41 and rates a list or table."""
    variables: dict[str, str]
    """What is said of each of them, its secret one among them."""
    add: str
    prints: str
    fails: str
    ename: str
    says: str
    broken: str
    """Code that is no code of the language."""
    sleeps: str
    comment_runs: str
    survives: bool = True
    """Whether an interrupt leaves the kernel there."""


CASES = [
    pytest.param(
        Case(
            "r", r, "x <- 41; rates <- data.frame(hz = 1:3, cell = letters[1:3]); api_key <- 'hush'",
            {"x": "x: numeric 41", "rates": "rates: data.frame 3 x 2 hz, cell", "api_key": "api_key: character not shown, since its name says that it is secret"},
            "x + 1", "cat('seen\\n')", "stop('no such thing')", "ERROR", "no such thing", "y <- (1", "Sys.sleep(600)", "# %chat hello",
        ),
        id="R",
    ),
    pytest.param(
        Case(
            "bash", bash, "x=41; rates=(1 2 3); api_key=hush",
            {"x": 'x: variable "41"', "rates": 'rates: array ([0]="1" [1]="2" [2]="3")', "api_key": "api_key: variable not shown, since its name says that it is secret"},
            "echo $((x + 1))", "echo seen", "ls /no-such-thing", "ExitStatus", "exit status 2", "if true", "sleep 600", "# %chat hello",
        ),
        id="bash",
    ),
    pytest.param(
        Case(
            "typescript", deno, "const x = 41", {}, "x + 1", "console.log('seen')", "throw new Error('no such thing')", "Error", "no such thing",
            "const y = [", "await new Promise(done => setTimeout(done, 600000))", "// %chat hello", survives=False,
        ),
        id="Deno", marks=pytest.mark.thorough,
    ),
    pytest.param(
        Case(
            "octave", octave, "x = 41; rates = [1 2 3];", {"x": "x: double 1 x 1", "rates": "rates: double 1 x 3"}, "x + 1", "disp('seen')",
            "error('no such thing')", "Error", "no such thing", "y = [1 2 )", "pause(600)", "# %chat hello",
        ),
        id="Octave", marks=pytest.mark.thorough,
    ),
    pytest.param(
        Case(
            "python", xeus, "x = 41; rates = [1, 2, 3]", {}, "x + 1", "print('seen')", "raise LookupError('no such thing')", "LookupError",
            "no such thing", "y = [1,", "import time; time.sleep(600)", "# %chat hello", survives=False,
        ),
        id="xeus-python", marks=pytest.mark.thorough,
    ),
]  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def spoken(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Case, Bench]]:
    """A language, and one real kernel of it for all tests."""
    case: Case = request.param
    share = tmp_path_factory.mktemp("share")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(share))
        name = case.spec(share / "kernels")
        thread = LoopThread()
        kernel = thread.submit(ClientKernel.start(name)).result(60)
        yield case, Bench(kernel, lambda coroutine: thread.submit(coroutine).result(60))
        thread.submit(kernel.aclose()).result(20)
        thread.stop()


def said(execution: Execution) -> str:
    """All that it shows as text, without colours."""
    from neuroworkflow_agent.tools.content import plain_outputs

    return plain_outputs(execution.outputs)


@pytest.mark.kernel
def test_code_shows_what_it_prints_and_what_it_is(spoken: tuple[Case, Bench]) -> None:
    case, bench = spoken
    assert bench.kernel.language == case.language
    assert bench.execute(case.given).status == "ok"
    assert "42" in said(bench.execute(case.add))
    assert "seen" in said(bench.execute(case.prints))


@pytest.mark.kernel
def test_failure_is_an_error_with_a_name_that_an_output_tells_of(spoken: tuple[Case, Bench]) -> None:
    case, bench = spoken
    for code in (case.fails, case.broken):
        ran = bench.execute(code)
        assert ran.status == "error", code
        assert ran.error is not None
        assert [each["output_type"] for each in ran.outputs].count("error") == 1
        assert ran.error.ename.isidentifier()
        assert ran.error.evalue.strip()
        assert "".join(ran.error.traceback).strip()
    failed = bench.execute(case.fails).error
    assert failed is not None
    assert (failed.ename, case.says in failed.evalue) == (case.ename, True)
    assert "42" in said(bench.execute(f"{case.given}\n{case.add}"))


@pytest.mark.kernel
def test_text_of_a_prompt_as_a_comment_does_nothing(spoken: tuple[Case, Bench]) -> None:
    case, bench = spoken
    assert case.comment_runs.startswith(language_named(case.language).comment)
    ran = bench.execute(f"{case.comment_runs}\n{case.comment_runs}")
    assert (ran.status, said(ran)) == ("ok", "")


@pytest.mark.kernel
def test_stop_interrupts(spoken: tuple[Case, Bench]) -> None:
    case, bench = spoken
    if not case.survives:
        pytest.skip("An interrupt ends it, see below.")
    assert bench.stop_after(case.sleeps, 0.5) < 4
    assert "42" in said(bench.execute(f"{case.given}\n{case.add}"))


@pytest.mark.kernel
@pytest.mark.thorough
def test_stop_ends_a_kernel_that_knows_no_interrupt_and_the_next_code_starts_it_again(
    spoken: tuple[Case, Bench],
) -> None:
    case, bench = spoken
    if case.survives:
        pytest.skip("It knows interrupts, see above.")
    assert isinstance(bench.kernel, ClientKernel)
    assert bench.kernel.manager is not None
    kernel = bench.run(ClientKernel.start(bench.kernel.manager.kernel_name))
    try:
        own = Bench(kernel, bench.run)
        with contextlib.suppress(KernelError):  # which of the two is noticed first is a matter of chance
            assert own.stop_after(case.sleeps, 0.5) < 4
        with contextlib.suppress(KernelError):
            own.execute(case.given)
        assert "42" in said(own.execute(f"{case.given}\n{case.add}"))
    finally:
        bench.run(kernel.aclose())


@pytest.mark.kernel
def test_variables_are_told_and_nothing_changes(spoken: tuple[Case, Bench]) -> None:
    case, bench = spoken
    kernel = bench.kernel
    assert isinstance(kernel, ClientKernel)
    if case.language == "python":
        pytest.skip("Python's are listed by code of their own, in tests/surfaces/web")
    if not case.variables:
        with pytest.raises(KernelError, match="Variables cannot be listed in TypeScript"):
            bench.run(list_variables(kernel))
        return
    bench.execute(case.given)
    variables = VariableContextElsewhere(kernel)
    told = bench.run(variables.take((), 4_000, str)).splitlines()
    assert [line for line in told if line.split(":")[0] in case.variables] == [
        case.variables[name] for name in sorted(case.variables)
    ]
    assert bench.run(variables.take((), 4_000, str)) == ""
    assert bench.run(variables.take(["rates", "gone"], 4_000, str)) == case.variables["rates"]
    assert "42" in said(bench.execute(case.add))


@pytest.mark.kernel
def test_looking_at_r_runs_no_method_of_the_users(spoken: tuple[Case, Bench]) -> None:
    case, bench = spoken
    if case.language != "r":
        pytest.skip("R dispatches on what anybody defines")
    names = (
        "length",
        "format",
        "print",
        "dim",
        "as.character",
        "toString",
        "names",
        "is.na",
        "summary",
        "str",
        "[",
        "$",
    )
    bench.execute("\n".join(f"`{name}.evil` <- function(...) ran <<- TRUE" for name in names))
    bench.execute(
        "evil <- structure(list(1), class = 'evil'); ran <- FALSE; makeActiveBinding('live', function() ran <<- TRUE, globalenv())"
    )
    assert isinstance(bench.kernel, ClientKernel)
    found = bench.run(list_variables(bench.kernel))
    assert {"name": "evil", "type": "evil", "shape": "1"} in found
    assert "FALSE" in said(bench.execute("ran"))


# -- the table, without a kernel ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "given", "readable"),
    [
        ("python", ("<class 'ZeroDivisionError'>", "division", ["x"]), ("ZeroDivisionError", "division", ["x"])),
        ("python", ("<class 'a.b.Own'>", "", []), ("Own", "", ["Own"])),
        ("bash", ("", "127", []), ("ExitStatus", "exit status 127", ["ExitStatus: exit status 127"])),
        ("octave", ("", "left open", "<traceback object at 0x7f>"), ("Error", "left open", ["Error: left open"])),
        ("typescript", ("Error", "plain", [""]), ("Error", "plain", ["Error: plain"])),
        ("julia", ("\x1b[31mUndefVarError\x1b[0m", "x", ["\x1b[31m \x1b[0m"]), ("UndefVarError", "x", ["UndefVarError: x"])),
        ("", (None, None, None), ("Error", "", ["Error"])),
    ],
)  # fmt: skip
def test_error_is_readable(language: str, given: tuple[Any, ...], readable: tuple[Any, ...]) -> None:
    keys = ("ename", "evalue", "traceback")
    content = dict(zip(keys, given, strict=True))
    assert language_named(language).visible_error(content) == dict(zip(keys, readable, strict=True))


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("error: no such thing\r\n", "no such thing"),
        ("a\r\nerror: in f\r\nerror: called from\r\n    f at line 1 column 20\r\n", "in f"),
        (
            "error: parse error:\r\n\r\n  syntax error\r\n\r\n>>> y = [1 2 )\r\n             ^\r\n",
            "parse error:",
        ),
        ("x = 1\r\n", None),
        ("error: was caught\r\nx = 1\r\n", None),
        ("no error: at all\r\n", None),
        ("", None),
    ],
)
def test_failure_that_octave_only_prints_is_seen(printed: str, says: str | None) -> None:
    failure = language_named("octave").failure_in(printed)
    assert (failure and failure["evalue"].startswith(says or "")) == (says and True)
    assert language_named("r").failure_in(printed) is None
