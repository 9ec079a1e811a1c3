"""What an answer says of its cell is read back from it."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.tools.cell_answers import address_told, cell_head


@pytest.mark.parametrize(
    ("answer", "address"),
    [
        (f"Done. {cell_head(4, '1a-b_c')} · code · not run · 1 lines: x = 1", "1a-b_c"),
        (f"{cell_head(0, '~0123abcd')} · markdown · 1 lines", "~0123abcd"),
        ("Done. Which cell '~1' is cannot be told: 2 say the same and have no ids.", ""),
        ("The cell c1 is deleted.", ""),
        ("", ""),
    ],
)
def test_address_is_read_from_the_beginning_alone(answer: str, address: str) -> None:
    assert address_told(answer) == address
