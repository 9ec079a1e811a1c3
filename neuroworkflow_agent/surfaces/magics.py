"""`%load_ext neuroworkflow_agent`: the `%chat` magics. They parse, delegate and own nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from neuroworkflow_agent.errors import AgentError, TurnFailedError
from neuroworkflow_agent.surfaces.chat_line import HELP, ChatLine, parse_chat
from neuroworkflow_agent.surfaces.kernel_chat import KernelChat
from neuroworkflow_agent.surfaces.to_main_thread import View
from neuroworkflow_agent.surfaces.transform import chat_transformer, is_awaited

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from neuroworkflow_agent.verification.verdicts import Verification

_USAGE = "Nothing to ask. Write '%chat TEXT', or '%chat --help' for more."


@magics_class
class ChatMagics(Magics):
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._host: Any = shell
        self.kernel_chat = KernelChat(shell, self._make_view)

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
            if (number := _turn_meant(parsed)) is not None:
                self.kernel_chat.chat.go_before(number, hand_on=parsed.drop is not None)
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
            if (number := _turn_meant(parsed)) is not None:
                await self.kernel_chat.go_before(number, hand_on=parsed.drop is not None)
            if self._is_for_agent(parsed):
                await self.kernel_chat.run(parsed.prompt, verify=parsed.verify)
            elif parsed.verify:
                self._show_verification(await self.kernel_chat.verify())
        except AgentError as error:
            _reraise(error)

    def _is_for_agent(self, parsed: ChatLine) -> bool:
        """Whether there is something to ask; options that only show something are served here."""
        if parsed.help:
            print(HELP)  # noqa: T201 - the user asked for it
        elif parsed.sessions:
            self._show_sessions()
        elif parsed.turns:
            self._show_turns()
        elif parsed.prompt.strip():
            return True
        elif parsed.verify:
            self._say("Running the notebook anew in a fresh kernel …")
        elif parsed == ChatLine():
            raise UsageError(_USAGE)
        else:
            self._show_state(parsed)
        return False

    def _show_sessions(self) -> None:
        from neuroworkflow_agent.render import parts

        found = self.kernel_chat.chat.sessions(limit=30)
        rows = [(c.session_id[:8], c.title[:80], f"{c.modified.astimezone():%Y-%m-%d %H:%M}") for c in found]
        self._display(parts.session_table(rows))

    def _show_turns(self) -> None:
        from neuroworkflow_agent.engine.past_turns import context_parts, session_cost
        from neuroworkflow_agent.render import parts

        turns = self.kernel_chat.chat.turns()
        cost = session_cost(turns)
        price = f", ${cost.cost_usd:.4f}" if cost.cost_usd is not None else ""
        number = "1 turn" if cost.turns == 1 else f"{cost.turns} turns"
        head = f"{number}, {cost.input_tokens:,} tokens in, {cost.output_tokens:,} out{price}"
        said = [f"{turn.number}: {turn.prompt}" for turn in turns]
        filled = [f"about {tokens:,} tokens of the context: {what}" for what, tokens in context_parts(turns)]
        self._display(parts.listing(head, [self.kernel_chat.hide(line) for line in (*said, *filled)]))

    def _show_state(self, parsed: ChatLine) -> None:
        from neuroworkflow_agent.render import parts

        chat = self.kernel_chat.chat
        session = chat.ready()
        if parsed.resume is not None or parsed.fork:
            self._make_view().show(chat.history())
        known = f"Session {session.session_id[:8]}, mode {session.config.mode}"
        model = f", model {session.config.model}" if session.config.model else ""
        self._display(parts.notice(f"{known}{model}. Ask with '%chat TEXT'."))

    def _show_verification(self, found: Verification) -> None:
        from neuroworkflow_agent.render import parts
        from neuroworkflow_agent.surfaces.verifying import in_lines

        head, *lines = in_lines(found.as_json())
        self._display(parts.listing(head, [self.kernel_chat.hide(line.strip()) for line in lines]))

    def _say(self, text: str) -> None:
        from neuroworkflow_agent.render import parts

        self._display(parts.notice(text))

    def _display(self, rendered: Any) -> None:
        from neuroworkflow_agent.render.markdown import page

        if _is_notebook(self._host):
            self._host.display_pub.publish({"text/html": page(rendered.html), "text/plain": rendered.text})
        else:
            print(rendered.text)  # noqa: T201 - a terminal's way to show it

    def _make_view(self) -> View:
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
    shell.input_transformers_cleanup.append(transformer)
    return magics


def unload(shell: InteractiveShell) -> None:
    """Undo `load` and end the session."""
    magics: ChatMagics | None = shell.magics_manager.registry.pop("ChatMagics", None)
    if magics is None:
        return
    magics.kernel_chat.close()
    shell.input_transformers_cleanup[:] = [
        t for t in shell.input_transformers_cleanup if getattr(t, "__name__", "") != "neuroworkflow_agent"
    ]
    for kind in ("line", "cell"):
        for name in ("chat", "achat"):
            shell.magics_manager.magics[kind].pop(name, None)


def _turn_meant(parsed: ChatLine) -> int | None:
    """The turn before which the session is to go on.

    Raises
    ------
    UsageError
        If a turn is to be edited, and there is no text.
    """
    if parsed.edit is not None and not parsed.prompt.strip():
        raise UsageError(f"Nothing to ask instead. Write '%chat --edit {parsed.edit} TEXT'.")
    return parsed.edit if parsed.edit is not None else parsed.drop


def _is_notebook(shell: Any) -> bool:
    return getattr(shell, "kernel", None) is not None


def _reraise(error: AgentError) -> None:
    """Show our own errors as one sentence, as IPython shows its usage errors; ends of turns as they are."""
    if isinstance(error, TurnFailedError):
        raise error from None
    raise UsageError(str(error)) from None
