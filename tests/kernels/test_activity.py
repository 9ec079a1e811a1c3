"""What the agent is told of the user's own cells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from neuroworkflow_agent.kernels.activity import Activity


@pytest.fixture
def activity(shell: InteractiveShell) -> Iterator[Activity]:
    activity = Activity(shell)
    activity.attach()
    yield activity
    activity.detach()


def test_cells_are_told_in_order_with_their_outputs(shell: InteractiveShell, activity: Activity) -> None:
    shell.run_cell("print('loaded')", store_history=True)
    shell.run_cell("6 * 7", store_history=True)
    shell.run_cell("1 / 0", store_history=True)
    told = activity.take(5000)
    assert told.startswith(
        "In [1]:\nprint('loaded')\nOutput:\nloaded\n\nIn [2]:\n6 * 7\nOutput:\n42\n\nIn [3]:\n1 / 0\nOutput:\n"
    )
    assert "ZeroDivisionError: division by zero" in told
    assert activity.take(5000) == ""


def test_old_cells_give_way_and_the_cut_is_stated(shell: InteractiveShell, activity: Activity) -> None:
    for number in range(30):
        shell.run_cell(f"x{number} = '{'y' * 200}'", store_history=True)
    told = activity.take(1000)
    assert len(told) <= 1100
    assert "x29 = " in told
    assert told.startswith("[")
    assert "earlier cells left out]" in told


@pytest.mark.parametrize("offset", [0, 3, 6])
def test_secret_is_kept_back_where_a_cell_is_cut(
    shell: InteractiveShell, activity: Activity, offset: int
) -> None:
    secret = "s3cret-key"
    shell.run_cell(f"x = '{'y' * offset}{f'{secret} ' * 1000}'", store_history=True)
    told = activity.take(1000, lambda text: text.replace(secret, "[redacted]"))
    assert "redacted" in told
    assert not any(secret[at : at + 4] in told for at in range(len(secret) - 3))


@pytest.mark.parametrize("offset", [0, 3, 6])
def test_secret_is_kept_back_where_output_and_error_are_cut(
    shell: InteractiveShell, activity: Activity, offset: int
) -> None:
    secret = "s3cret-key"
    hide = lambda text: text.replace(secret, "[redacted]")  # noqa: E731
    shell.run_cell("key = 's3cret' + '-key'", store_history=True)
    shell.run_cell(f"print(f'{{key}} ' * 5000 + 'y' * {offset})\n1 / 0", store_history=True)
    for told in (activity.last_error(hide), activity.take(20_000, hide)):
        assert "redacted" in told
        assert "ZeroDivisionError" in told
        assert not any(secret[at : at + 4] in told.replace("'s3cret' + '-key'", "") for at in range(7))


def test_endless_output_is_bounded(shell: InteractiveShell, activity: Activity) -> None:
    shell.run_cell("print('z' * 1_000_000)\nprint('the end')", store_history=True)
    told = activity.take(100_000)
    assert len(told) < 10_000
    assert "the end" in told


def test_cells_that_only_talk_to_the_agent_are_left_out(shell: InteractiveShell, activity: Activity) -> None:
    shell.run_cell("%load_ext neuroworkflow_agent.nothing_such", store_history=True)
    assert activity.take(1000) == ""


def test_cells_from_before_are_told_once_by_their_source(shell: InteractiveShell) -> None:
    shell.run_cell("early = 1", store_history=True)
    activity = Activity(shell)
    activity.attach()
    assert activity.take(1000) == "In [1]:\nearly = 1"
    activity.detach()
    assert Activity(shell).take(10) != ""


def test_detached_it_leaves_the_shell_as_it_was(shell: InteractiveShell) -> None:
    before = {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()}
    activity = Activity(shell)
    activity.attach()
    shell.run_cell("1", store_history=True)
    activity.detach()
    assert {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()} == before
    assert "publish" not in vars(shell.display_pub)
