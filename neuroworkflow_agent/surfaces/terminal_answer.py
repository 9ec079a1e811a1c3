"""An answer in a terminal while it is written: as it comes, and block by block as Markdown once a block is whole."""

from __future__ import annotations

from collections.abc import Callable

from neuroworkflow_agent.render.stream import blocks
from neuroworkflow_agent.surfaces.terminal_style import TerminalStyle
from neuroworkflow_agent.text import for_terminal

_TAB = 4


class TerminalAnswer:
    """Writes one answer; it begins and ends at the start of a line.

    Parameters
    ----------
    write
        Takes text for the terminal.
    style
        Draws what is whole.
    """

    def __init__(self, write: Callable[[str], object], style: TerminalStyle) -> None:
        self._write = write
        self._style = style
        self._block = ""
        """Source of the block that grows; it stands on the screen as it came."""

    def add(self, text: str) -> None:
        """Take in more of it."""
        text = for_terminal(text).expandtabs(_TAB)
        if not self._block:
            text = text.lstrip("\n")
        self._block += text
        *whole, rest = blocks(self._block) if "\n" in text else [self._block]
        if not whole:
            self._write(text)
            return
        if self._take_back(self._block[: len(self._block) - len(text)]):
            self._draw("".join(whole))
            self._write(f"\n{rest}")
        else:
            self._write(text)
        self._block = rest

    def end(self) -> None:
        """Draw what is left; idempotent."""
        block = self._block
        if block.strip() and self._take_back(block):
            self._draw(block)
        elif block and not block.endswith("\n"):
            self._write("\n")
        self._block = ""

    def _draw(self, source: str) -> None:
        self._write(self._style.markdown(source) + "\n")

    def _take_back(self, written: str) -> bool:
        """Remove from the screen what was written last; False where some of it has scrolled away."""
        rows = self._style.rows(written)
        if rows >= self._style.height:
            return False
        self._write((f"\x1b[{rows - 1}A" if rows > 1 else "") + "\r\x1b[J")
        return True
