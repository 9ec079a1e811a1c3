"""`%load_ext neuroworkflow_agent`: the `%chat` magics. They parse, delegate and own nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand

from neuroworkflow_agent.errors import AgentError, ConfigError, TurnFailedError
from neuroworkflow_agent.surfaces.chat_line import HELP, ChatLine, parse_chat
from neuroworkflow_agent.surfaces.kernel_chat import KernelChat
from neuroworkflow_agent.surfaces.line_answers import LineAnswers, require_text
from neuroworkflow_agent.surfaces.terminals import Terminals
from neuroworkflow_agent.surfaces.to_main_thread import View
from neuroworkflow_agent.surfaces.transform import chat_transformer, is_awaited

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from neuroworkflow_agent.verification.verdicts import Verification

_NOT_IN_A_TERMINAL = (
    "This is a terminal, which has no notebook to run anew. For a file, outside IPython: "
    "python -m neuroworkflow_agent run NOTEBOOK.ipynb --verify"
)


@magics_class
class ChatMagics(Magics):
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._host: Any = shell
        self._terminals = Terminals()
        self.kernel_chat = KernelChat(shell, self._make_view)
        self._line_answers = LineAnswers(
            self.kernel_chat.chat, self._display, self._make_view, self.kernel_chat.hide
        )

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> None:
        """Ask the agent and wait, blocking; see `%chat --help`."""
        try:
            parsed = parse_chat(line, cell)
            if parsed.undo is not None:
                self.kernel_chat.undo_blocking(parsed, self._display)
                return
            self.kernel_chat.select_blocking(parsed)
            require_text(parsed)
            self.kernel_chat.operate_blocking(parsed)
            if parsed.compact:
                self.kernel_chat.compact_blocking()
            if self._is_for_agent(parsed):
                self.kernel_chat.run_blocking(parsed.prompt, verify=parsed.verify)
            elif parsed.verify:
                self._show_verification(self.kernel_chat.verify_blocking())
        except AgentError as error:
            _reraise(error)

    @no_var_expand
    @line_cell_magic
    async def achat(self, line: str, cell: str | None = None) -> None:
        """What `%chat` becomes at the top level of a cell: ask the agent and await it."""
        try:
            parsed = parse_chat(line, cell)
            if parsed.undo is not None:
                await self.kernel_chat.undo(parsed, self._display)
                return
            await self.kernel_chat.select(parsed)
            require_text(parsed)
            await self.kernel_chat.operate(parsed)
            if parsed.compact:
                await self.kernel_chat.compact()
            if self._is_for_agent(parsed):
                await self.kernel_chat.run(parsed.prompt, verify=parsed.verify)
            elif parsed.verify:
                self._show_verification(await self.kernel_chat.verify())
        except AgentError as error:
            _reraise(error)

    @no_var_expand
    @line_magic
    def lint(self, line: str) -> None:
        """Say what makes the results of this notebook, or of the named one, doubtful; as it was saved last."""
        from neuroworkflow_agent.surfaces.lint_line import lint_line

        try:
            self._display(lint_line(line, self.kernel_chat.chat.config.environ))
        except AgentError as error:
            _reraise(error)

    def _is_for_agent(self, parsed: ChatLine) -> bool:
        """Whether there is something to ask; options that only show something are served here."""
        if parsed.help:
            print(HELP)  # noqa: T201 - the user asked for it
        elif self._line_answers.give(parsed):
            return False
        elif parsed.prompt.strip():
            return True
        elif parsed.verify:
            if getattr(self._host, "kernel", None) is None:
                raise ConfigError(_NOT_IN_A_TERMINAL)
            self._say("Running the notebook anew in a fresh kernel …")
        return False

    def _show_verification(self, found: Verification) -> None:
        from neuroworkflow_agent.surfaces.verifying import as_listing

        self._display(as_listing(found, self.kernel_chat.hide))

    def _say(self, text: str) -> None:
        from neuroworkflow_agent.render import parts

        self._display(parts.notice(text))

    def _display(self, rendered: Any) -> None:
        from neuroworkflow_agent.render.markdown import page

        if _is_notebook(self._host):
            self._host.display_pub.publish({"text/html": page(rendered.html), "text/plain": rendered.text})
        else:
            print(rendered.text)  # noqa: T201 - a terminal's way to show it

    def note_terminals(self, lines: list[str]) -> list[str]:
        """Look who asks whether these lines are complete; for `input_transformers_cleanup`, which both that and cells come through."""
        if hasattr(self._host, "get_parent"):
            self._terminals.note((self._host.get_parent() or {}).get("header", {}))
        return lines

    def _is_in_terminal(self) -> bool:
        """Whether a kernel's cell comes from a front end that shows no display anew."""
        if not hasattr(self._host, "get_parent"):
            return False
        return self._terminals.sent((self._host.get_parent() or {}).get("header", {}))

    def _make_view(self) -> View:
        if self._is_in_terminal():
            from neuroworkflow_agent.surfaces.terminal_view import on_standard_output

            return on_standard_output()
        if _is_notebook(self._host):
            from neuroworkflow_agent.kernels.capture import uncaptured_publish
            from neuroworkflow_agent.surfaces.cell_view import CellView
            from neuroworkflow_agent.surfaces.file_links import FileLinks

            publisher, config = self._host.display_pub, self.kernel_chat.chat.config
            links = FileLinks(config.now("JPY_SESSION_NAME"), config.workspace)
            clear = type(publisher).clear_output.__get__(publisher)
            return CellView(uncaptured_publish(self._host), clear, links.link_to)
        from neuroworkflow_agent.surfaces.terminal_view import on_standard_output

        return on_standard_output(is_live=True)


def load(shell: InteractiveShell) -> ChatMagics:
    """Register the magics and their transformer in `shell`, once; returns them."""
    known: ChatMagics | None = shell.magics_manager.registry.get("ChatMagics")
    if known is not None:
        return known
    magics = ChatMagics(shell)
    shell.register_magics(magics)
    transformer = chat_transformer(lambda: is_awaited(shell))
    transformer.__name__ = "neuroworkflow_agent"
    # So that a terminal, which asks whether more lines are to come, sees the cell magic itself.
    transformer.has_side_effects = True  # type: ignore[attr-defined]
    shell.input_transformers_cleanup.extend((transformer, magics.note_terminals))
    return magics


def unload(shell: InteractiveShell) -> None:
    """Undo `load` and end the session."""
    magics: ChatMagics | None = shell.magics_manager.registry.pop("ChatMagics", None)
    if magics is None:
        return
    magics.kernel_chat.close()
    shell.input_transformers_cleanup[:] = [
        t
        for t in shell.input_transformers_cleanup
        if getattr(t, "__name__", "") not in ("neuroworkflow_agent", "note_terminals")
    ]
    for kind in ("line", "cell"):
        for name in ("chat", "achat", "lint"):
            shell.magics_manager.magics[kind].pop(name, None)


def _is_notebook(shell: Any) -> bool:
    return getattr(shell, "kernel", None) is not None


def _reraise(error: AgentError) -> None:
    """Show our own errors as one sentence, as IPython shows its usage errors; ends of turns as they are."""
    if isinstance(error, TurnFailedError):
        raise error from None
    raise UsageError(str(error)) from None
