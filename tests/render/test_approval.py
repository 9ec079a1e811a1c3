"""An approval shows everything that it allows."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from neuroworkflow_agent.engine.permissions import MAX_SHOWN_CHARS, can_be_shown
from neuroworkflow_agent.events import FileChange
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.render.approval import approval, approval_card
from neuroworkflow_agent.render.parts import tool_card

LONG = "x = 1\n" * 10_000
MIDDLE = f"{LONG}os.remove('thesis')\n{LONG}"
HIDDEN = "a\u202eb\u200bc\x1b[8md\x9be\u2066f\U000e0041g\u3164h\xadi\u2028j\rk\x00l\xa0m\ufe0fn\x85o"
ESCAPES = [
    "\\u202e", "\\u200b", "\\x1b", "\\x9b", "\\u2066", "\\U000e0041", "\\u3164", "\\xad", "\\u2028", "\\r", "\\x00", "\\xa0", "\\ufe0f", "\\x85",
]  # fmt: skip

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("run_code", {"code": "{}"}),
    ("Bash", {"command": "{}"}),
    ("Bash", {"command": "ls", "description": "{}"}),
    ("Write", {"file_path": "a", "content": "{}"}),
    ("Write", {"file_path": "{}", "content": ""}),
    ("Edit", {"file_path": "a", "old_string": "{}", "new_string": ""}),
    ("Edit", {"file_path": "a", "old_string": "", "new_string": "{}"}),
    ("run_workflow", {"nested": [{"deep": "{}"}]}),
    ("check_node", {"paths": ["{}"], "run": True}),
    ("{}", {}),
]


def filled(value: Any, text: str) -> Any:
    """`value` with `text` wherever it holds braces."""
    if isinstance(value, str):
        return value.replace("{}", text)
    if isinstance(value, dict):
        return {key: filled(each, text) for key, each in value.items()}
    return [filled(each, text) for each in value] if isinstance(value, list) else value


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize(("name", "given"), CALLS)
def test_nothing_is_left_out(name: str, given: dict[str, Any]) -> None:
    shown = approval(filled(name, MIDDLE), filled(given, MIDDLE), "why")
    for text in (shown.text, plain(shown.html)):
        assert "left out" not in text
        assert text.count("x = 1") == 20_000
        assert "os.remove('thesis')" in text


@pytest.mark.parametrize(("name", "given"), CALLS)
def test_invisible_characters_are_shown(name: str, given: dict[str, Any]) -> None:
    shown = approval(filled(name, HIDDEN), filled(given, HIDDEN), "why")
    for text in (shown.text, plain(shown.html)):
        assert not set(HIDDEN) - set("abcdefghijklmno[8") & set(text.replace("\n", ""))
        assert [escape for escape in ESCAPES if escape not in re.sub(r"\\u00(..)", r"\\x\1", text)] == []


def test_every_part_of_the_input_is_shown() -> None:
    given = {
        "file_path": "a",
        "old_string": "1",
        "new_string": "2",
        "replace_all": True,
        "more": "than known",
    }
    assert "replace_all" in (shown := approval("Edit", given, "").text)
    assert "than known" in shown
    odd = approval("Write", {"file_path": "a", "content": ["not", "text"]}, "").text
    assert '"not"' in odd


def test_a_change_of_line_ends_is_shown() -> None:
    given = {"file_path": "a", "old_string": "x\n", "new_string": "x\r\n"}
    assert "+x\\r" in approval("Edit", given, "").text


def test_what_cannot_be_shown_does_not_fit() -> None:
    assert can_be_shown({"code": "x" * (MAX_SHOWN_CHARS - 100)})
    assert not can_be_shown({"code": "x" * MAX_SHOWN_CHARS})
    assert not can_be_shown({"code": "\u202e" * (MAX_SHOWN_CHARS // 4)})


def test_cell_is_told_by_its_place_and_what_is_run_by_its_text() -> None:
    given = {"cell": "0e717402", "last": "7e453de8", "timeout_s": 5, "restart": True}
    place = "a.ipynb, cells 3 to 4 of 6 (0e717402 to 7e453de8)"
    change = FileChange(ToolUseId("t"), place, "@@ cell 3 @@\n a = 1\n@@ cell 4 @@\n a + 1")
    card = approval_card("cell_execute", given, change=change)
    assert card.title == f"Run {place}, the kernel restarted first"
    assert card.text.split("\n") == [
        "    timeout_s: 5",
        "    restart: true",
        "    @@ cell 3 @@",
        "     a = 1",
        "    @@ cell 4 @@",
        "     a + 1",
    ]
    # A heading that would be cut tells nothing for sure.
    long = FileChange(ToolUseId("t"), f"{'a' * 200}, cell 3 of 6 (0e717402)", " a = 1")
    assert "cell: 0e717402" in approval_card("cell_execute", given, change=long).text
    order = FileChange(ToolUseId("t"), "a.ipynb, order of cells", "")
    moved = approval_card("cell_move", {"cell": "0e717402", "index": 0}, change=order).text
    assert moved.split() == ["cell:", "0e717402", "index:", "0", "(nothing", "changes)"]
    assert approval_card("cell_execute", {"cell": "0e717402"}).title == "Run cell 0e717402"
    assert approval_card("cell_update", {"cell": "0e717402"}).title == "Rewrite cell 0e717402"


def test_cells_that_are_run_do_not_take_the_room_of_what_came_of_them() -> None:
    change = FileChange(ToolUseId("t"), "a.ipynb, cell 3 of 6 (c)", " a = 1")
    cards = [tool_card(name, {"cell": "c"}, change=change) for name in ("cell_execute", "cell_edit")]
    assert [card.is_open for card in cards] == [False, True]
