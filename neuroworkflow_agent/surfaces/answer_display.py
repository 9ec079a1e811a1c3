"""An answer that is looked at again: in a cell as HTML, on a terminal with its colours."""

from __future__ import annotations

from typing import Any


def show_answer(shell: Any, text: str, instead: str) -> None:
    """Show the answer as the value of a cell.

    Parameters
    ----------
    shell
        Whose cell it is.
    text
        Markdown; empty where the cell has shown it already.
    instead
        What a terminal, which has begun the line of the value by now, says then.
    """
    if getattr(shell, "kernel", None) is not None:
        if text:
            _publish(shell, text)
        return
    from neuroworkflow_agent.surfaces.console import echo
    from neuroworkflow_agent.surfaces.terminal_style import print_markdown

    if text:
        echo("")
        print_markdown(text)
    else:
        echo(instead)


def _publish(shell: Any, text: str) -> None:
    from neuroworkflow_agent.render.markdown import page, render_html, render_text

    shell.display_pub.publish({"text/html": page(render_html(text)), "text/plain": render_text(text)})
