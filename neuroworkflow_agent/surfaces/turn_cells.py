"""A turn as cells at the end of a notebook.

The prompt and the answer become Markdown cells that load nothing, each `run_code` a code cell with its outputs. All carry
the turn they came from in their metadata; the last one carries how the turn ended. The notebook is valid
after each event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, output_from_msg

from neuroworkflow_agent.events import Event, TextDelta, ThinkingDelta, TurnEnd
from neuroworkflow_agent.notebooks.cells import has_ids
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.outputs import with_texts
from neuroworkflow_agent.prompt_cells import METADATA_KEY
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.cell_markdown import cell_markdown
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.turn_items import Card, End, Item, Prompt, Text
from neuroworkflow_agent.surfaces.turn_view import TurnView


class TurnCells:
    """Writes one turn into a notebook.

    Parameters
    ----------
    notebook
        Changed in place.
    hide
        Applied to the texts of outputs; takes known secrets out.
    with_code
        Whether the code that the agent ran becomes cells.
    """

    def __init__(
        self, notebook: Notebook, hide: Callable[[str], str] = str, *, with_code: bool = True
    ) -> None:
        self._hide = hide
        self._with_code = with_code
        self._notebook = notebook
        self._view = TurnView()
        self._turn: str = ""
        self._answer: Any = None
        """The cell of what the model says, until it runs code."""
        self._pieces: dict[int, str] = {}
        """Of that cell, by item, as the model wrote it."""
        self._plans: dict[int, Any] = {}
        self._code: dict[int, Any] = {}
        self._finished: set[int] = set()
        self._cells: list[Any] = []
        """All of the turn."""

    def handle(self, event: Event) -> bool:
        """Take in one event; True when a cell is complete and the notebook worth saving."""
        self._view.handle(event)
        if isinstance(event, TextDelta | ThinkingDelta):
            return False  # a long text is gone through once a save, not once a word
        drawn = [self._draw(item) for item in self._view.take_changed()]
        return any(drawn)

    @property
    def identities(self) -> set[int]:
        """`id()` of the turn's cells."""
        return {id(cell) for cell in self._cells}

    def _draw(self, item: Item) -> bool:
        match item:
            case Prompt(turn_id=turn_id, text=text):
                self._turn, self._answer, self._pieces = turn_id, None, {}
                self._add(new_markdown_cell(_quoted(text)), "prompt")
                return True
            case Text(is_thinking=False, text=text):
                self._say(item, text)
            case Card(is_code=True):
                if not self._with_code:
                    return False
                return self._draw_code(item)
            case Card():
                title = parts.tool_use(item.name, item.input, change=item.change).text.splitlines()[0]
                self._say(item, f"\n\n*{_plain(title)}*\n\n")
            case Plan():
                self._draw_plan(item)
            case End(event=event):
                self._end(item, event)
                return True
            case _:
                pass
        return False

    def _draw_code(self, card: Card) -> bool:
        """Bring a code cell up to date; True once the model was answered."""
        cell = self._code.get(id(card))
        if cell is None:
            self._answer, self._pieces = None, {}
            cell = self._add(new_code_cell(str(card.input.get("code", ""))), "code")
            self._code[id(card)] = cell
        cell.outputs = [_node(with_texts(output, self._hide)) for output in card.outputs.outputs]
        cell.execution_count = card.execution_count
        is_news = card.result is not None and id(card) not in self._finished
        if is_news:
            self._finished.add(id(card))
        return is_news

    def _draw_plan(self, plan: Plan) -> None:
        """Bring the plan up to date, in a cell of its own."""
        if id(plan) not in self._plans:
            self._answer, self._pieces = None, {}
            self._plans[id(plan)] = self._add(new_markdown_cell(""), "answer")
        steps = (_plain(parts.plan_line(state, text)) for state, text in plan.rows)
        self._plans[id(plan)].source = cell_markdown("\n".join(f"- {step}" for step in steps))

    def _say(self, item: Item, text: str) -> None:
        """Put what an item says into the answer's cell, in its place."""
        if self._answer is None:
            if not text.strip():
                return
            self._answer = self._add(new_markdown_cell(""), "answer")
        self._pieces[id(item)] = text
        self._answer.source = cell_markdown("".join(self._pieces.values()).lstrip("\n"))

    def _end(self, item: End, event: TurnEnd) -> None:
        said = [f"\n\n*{note}*" for note in (event.checked, event.provenance) if note]
        if event.end != "complete":
            why = f": {_plain(event.message)}" if event.message and event.end != "interrupted" else ""
            said.append(f"\n\n*The turn ended as {event.end.replace('_', ' ')}{why or '.'}*")
        if said:
            self._say(item, "".join(said))
        self._cells[-1].metadata[METADATA_KEY]["end"] = event.end

    def _add(self, cell: Any, role: str) -> Any:
        cell.metadata[METADATA_KEY] = {"turn": self._turn, "role": role}
        if not has_ids(self._notebook):
            cell.pop("id", None)
        self._notebook.cells.append(cell)
        self._cells.append(cell)
        return cell


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
