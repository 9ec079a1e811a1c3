"""Variables of a turn whose code runs in another process: a real kernel is asked for them, and puts them back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.state.variables_elsewhere import VariablesElsewhere

NAMES = "sorted(name for name in get_ipython().user_ns if not name.startswith('_i'))"


class Turn:
    """A turn that runs code in a kernel."""

    def __init__(self, kernel: ClientKernel, turn_id: str = "t1") -> None:
        self.kernel = kernel
        self.turn_id = turn_id
        self.variables = VariablesElsewhere(kernel)

    async def run(self, code: str) -> NameChanges | None:
        await self.variables.prepare(self.turn_id)
        await self.variables.before_code(self.turn_id, [self.turn_id])
        await self.kernel.execute(code)
        return await self.variables.changes(self.turn_id)

    async def undo(self) -> dict[str, str]:
        """Take everything back; what was left, and why."""
        await self.variables.end(self.turn_id)
        effects, _ = await self.variables.effects(self.turn_id)
        done = await self.variables.take_back(self.turn_id, [each.key for each in effects])
        return {each.name: each.obstacle for each in done if each.obstacle}


async def value(kernel: ClientKernel, expression: str) -> str:
    return await kernel.evaluate(expression)


@pytest.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[ClientKernel]:
    kernel = await ClientKernel.start("python3", cwd=tmp_path)
    yield kernel
    await kernel.aclose()


@pytest.mark.kernel
async def test_code_is_told_and_undone_where_it_ran(kernel: ClientKernel) -> None:
    await kernel.execute("import numpy as np\na = np.zeros(3); items = [1]; n = 1\nclass M: x = 0\nm = M()")
    names = await value(kernel, NAMES)
    turn = Turn(kernel)
    assert await turn.run("a += 1; items.append(2); n = 2; extra = 5; m.x = 1") == NameChanges(
        new=("extra",), rebound=("n",), in_place=("a", "items"), not_looked_at=("m",)
    )
    # Code that fails has changed things, too; what comes right behind it a kernel throws away.
    assert await turn.run("n = 3; del extra; 1 / 0") == NameChanges(
        rebound=("n",), deleted=("extra",), not_looked_at=("m",)
    )
    # The user's own cells are not the turn's.
    await kernel.execute("mine = 1; items.append(3)")
    effects, limits = await turn.variables.effects("t1")
    assert {each.name: each.obstacle for each in effects} == {
        "n": "", "extra": "", "a": "", "items": "it was changed since"
    }  # fmt: skip
    assert "Not looked into, so what code changed inside them stays: m (kept by reference)." in limits
    assert await turn.undo() == {"items": "it was changed since"}
    assert await value(kernel, "n, a.sum() == 0, items, mine, 'extra' in dir()") == (
        "(1, np.True_, [1, 2, 3], 1, False)"
    )
    await kernel.execute("del mine")
    assert await value(kernel, NAMES) == names
    # A turn that nobody remembers is let go of; a new process knows none.
    turn.turn_id = "t2"
    await turn.run("n = 9")
    assert "knows nothing of this turn" in (await turn.variables.effects("t1"))[1][0]
    await kernel.restart()
    assert "knows nothing of this turn" in (await turn.variables.effects("t2"))[1][0]


@pytest.mark.kernel
async def test_chats_that_share_a_kernel_do_not_meet(kernel: ClientKernel, tmp_path: Path) -> None:
    assert kernel.manager is not None
    other = await ClientKernel.connect(kernel.manager.connection_file)
    one, two = Turn(kernel, "t1"), Turn(other, "t2")
    await kernel.execute("a = b = 1")
    # Both have sent word of their code before either's runs.
    await one.variables.before_code("t1", ["t1"])
    await two.variables.before_code("t2", ["t2"])
    await other.execute("b = 2")
    await kernel.execute("a = 2")
    assert (
        await one.variables.changes("t1") == await one.variables.changes("t1") == NameChanges(rebound=("a",))
    )
    assert await two.variables.changes("t2") == NameChanges(rebound=("b",))
    # Code that the kernel was sent and did not see is said.
    await one.variables.before_code("t1", ["t1"])
    assert (await one.variables.effects("t1"))[1] == [
        "Not all code of this turn was seen to run; what the rest changed stays."
    ]
    assert await one.undo() == {}
    assert await kernel.evaluate("a, b") == "(1, 2)"
    await other.aclose()


@pytest.mark.kernel
@pytest.mark.parametrize("code", ["n = 2", "n = 2 +"])
async def test_stop_while_arrays_are_copied_lets_no_statement_run(code: str, kernel: ClientKernel) -> None:
    slow = """
from neuroworkflow_agent.state import turn_variables
import time
def before(self, *_more, looks=turn_variables.TurnVariables.before):
    print("copying", flush=True); time.sleep(1); looks(self, *_more)
turn_variables.TurnVariables.before = before
"""
    turn = Turn(kernel)
    await turn.run("n = 1")
    await kernel.execute(slow)
    await turn.variables.before_code("t1", ["t1"])
    copying = asyncio.Event()
    running = asyncio.ensure_future(kernel.execute(code, on_output=lambda _change: copying.set()))
    await copying.wait()
    await kernel.interrupt()
    stopped = await running
    assert stopped.status == "interrupted"
    assert await kernel.evaluate("n") == "1"
    assert (await kernel.execute("n = 3")).status == "ok"


@pytest.mark.kernel
async def test_package_of_the_same_name_in_the_folder_is_never_imported(
    kernel: ClientKernel, tmp_path: Path
) -> None:
    (tmp_path / "neuroworkflow_agent").mkdir()
    (tmp_path / "neuroworkflow_agent" / "__init__.py").write_text("open('imported', 'w')")
    turn = Turn(kernel)
    assert await turn.run("n = 1") is None
    assert turn.variables.trouble.endswith("in an environment without this package.")
    assert (await turn.variables.effects("t1"))[1] == [turn.variables.trouble]
    assert not (tmp_path / "imported").exists()


class Answering:
    """A kernel that answers as a test says."""

    def __init__(self, answer: str | Exception, language: str = "python") -> None:
        self.language = language
        self.is_started = True
        self._answer = answer
        self.asked = 0

    async def evaluate(self, _expression: str) -> str:
        self.asked += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    async def mention(self, _expression: str) -> None:
        self.asked += 1


@pytest.mark.parametrize(
    "answer",
    ["", "'", "1 +", "'{'", "'[]'", "'{}'", "'{\"answer\": 7}'", "'{\"answer\": {}}'", "'{\"answer\": {\"effects\": [1], \"limits\": []}}'", "'{\"answer\": {\"new\": 5}}'"],
)  # fmt: skip
async def test_whatever_a_kernel_answers_ends_nothing(answer: str) -> None:
    variables = VariablesElsewhere(Answering(answer))
    changes = await variables.changes("t1")
    assert changes is None or not changes.changed
    effects, limits = await variables.effects("t1")
    assert (effects, len(limits)) == ([], 1)


async def test_what_it_tells_of_files_is_taken_for_a_variable() -> None:
    told = '\'{"answer": {"limits": [], "effects": [{"kind": "files", "key": "k", "name": "n", "verb": "v", "obstacle": ""}]}}\''
    effects, _ = await VariablesElsewhere(Answering(told)).effects("t1")
    assert [each.kind for each in effects] == ["variables"]


async def test_other_languages_are_not_asked() -> None:
    kernel = Answering("", language="r")
    variables = VariablesElsewhere(kernel)
    await variables.prepare("t1")
    await variables.before_code("t1", ["t1"])
    assert await variables.changes("t1") is None
    assert await variables.effects("t1") == (
        [],
        ["Variables of this kernel are not looked at: its language is 'r'."],
    )
    assert kernel.asked == 0


async def test_kernel_that_has_died_says_so() -> None:
    variables = VariablesElsewhere(Answering(KernelError("The kernel died.")))
    assert await variables.changes("t1") is None
    assert await variables.effects("t1") == ([], ["The kernel died."])
