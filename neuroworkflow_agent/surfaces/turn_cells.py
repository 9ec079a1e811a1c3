"""Events of a turn → cells at the end of a notebook.

The prompt and the answer become Markdown cells that load nothing, each `run_code` a code cell with its outputs. All carry
the turn they came from in their metadata; the last one carries how the turn ended. The notebook is valid
after each event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, output_from_msg

from neuroworkflow_agent.events import (
    CellEnd,
    CellOutput,
    EndReason,
    Event,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.notebooks.document import Notebook
from neuroworkflow_agent.outputs import OutputList
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.cell_markdown import cell_markdown

METADATA_KEY = "neuroworkflow_agent"
_FIRST_MINOR_WITH_IDS = 5


class TurnCells:
    """Writes one turn into a notebook.

    Parameters
    ----------
    notebook
        Changed in place.
    hide
        Applied to the texts of outputs; takes known secrets out.
    """

    def __init__(self, notebook: Notebook, hide: Callable[[str], str] = str) -> None:
        self._hide = hide
        self._notebook = notebook
        self._turn: str = ""
        self._answer: Any = None
        self._text = ""
        """Of the answer's cell, as the model wrote it."""
        self._code: dict[ToolUseId, tuple[Any, OutputList]] = {}

    def handle(self, event: Event) -> bool:
        """Take in one event; True when a cell is complete and the notebook worth saving."""
        is_due = self._take(event)
        if is_due:
            self._show_answer()
        return is_due

    def _take(self, event: Event) -> bool:
        match event:
            case TurnStart(turn_id=turn_id, prompt=prompt):
                self._turn = turn_id
                self._add(new_markdown_cell(_quoted(prompt)), "prompt")
                return True
            case TextDelta(text=text):
                self._write(text)
            case ToolUse(tool_use_id=tool_use_id, name="run_code", input=tool_input):
                self._show_answer()
                self._answer = None
                cell = self._add(new_code_cell(str(tool_input.get("code", ""))), "code")
                self._code[tool_use_id] = (cell, OutputList())
            case ToolUse(name=name, input=tool_input):
                self._write(f"\n\n*{_plain(parts.tool_use(name, tool_input).text.splitlines()[0])}*\n\n")
            case CellOutput(tool_use_id=tool_use_id, change=change) if tool_use_id in self._code:
                cell, outputs = self._code[tool_use_id]
                outputs.apply(change)
                cell.outputs = [_node(_hidden(output, self._hide)) for output in outputs.outputs]
            case CellEnd(tool_use_id=tool_use_id, execution_count=count) if tool_use_id in self._code:
                self._code[tool_use_id][0].execution_count = count
            case ToolResult(tool_use_id=tool_use_id):
                return tool_use_id in self._code
            case TurnEnd(end=end, message=message, checked=checked):
                self._end(end, message, checked)
                return True
            case _:
                pass
        return False

    def _write(self, text: str) -> None:
        if self._answer is None:
            if not text.strip():
                return
            self._answer, self._text = self._add(new_markdown_cell(""), "answer"), ""
            text = text.lstrip("\n")
        self._text += text

    def _show_answer(self) -> None:
        """Write what the model has said into its cell; a long text is gone through once a save, not once a word."""
        if self._answer is not None:
            self._answer.source = cell_markdown(self._text)

    def _end(self, end: EndReason, message: str, checked: str) -> None:
        if checked:
            self._write(f"\n\n*{checked}*")
        if end != "complete":
            self._write(
                f"\n\n*The turn ended as {end.replace('_', ' ')}{f': {_plain(message)}' if message else ''}*"
            )
        self._notebook.cells[-1].metadata[METADATA_KEY]["end"] = end

    def _add(self, cell: Any, role: str) -> Any:
        cell.metadata[METADATA_KEY] = {"turn": self._turn, "role": role}
        if (self._notebook.nbformat_minor or 0) < _FIRST_MINOR_WITH_IDS:
            cell.pop("id", None)
        self._notebook.cells.append(cell)
        return cell


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    """`value` with every text in it, but for images, through `hide`."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [_hidden(item, hide) for item in value]
    if isinstance(value, dict):
        return {k: v if str(k).startswith("image/") else _hidden(v, hide) for k, v in value.items()}
    return value


def _node(output: dict[str, Any]) -> Any:
    """An nbformat output; `execute_result` and the others through nbformat's own constructor."""
    kind = output["output_type"]
    content = {key: value for key, value in output.items() if key != "output_type"}
    return output_from_msg({"header": {"msg_type": kind}, "content": content})


def _quoted(prompt: str) -> str:
    """The prompt as a quotation, so that a reader sees who speaks."""
    lines = cell_markdown(prompt.strip(), keep_code=False).splitlines()
    return "**Prompt**\n\n" + "\n".join(f"> {line}".rstrip() for line in lines)


def _plain(text: str) -> str:
    """Text inside emphasis: no characters that would end it."""
    return text.replace("*", "\\*").replace("`", "'").strip()
