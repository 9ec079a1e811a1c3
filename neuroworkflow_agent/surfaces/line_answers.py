"""What a `%chat` line asks to be shown, without a turn: sessions, turns, the state of the chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.chat_line import ChatLine

if TYPE_CHECKING:
    from neuroworkflow_agent.render.parts import Rendered
    from neuroworkflow_agent.surfaces.chat import Chat
    from neuroworkflow_agent.surfaces.to_main_thread import View

_USAGE = "Nothing to ask. Write '%chat TEXT', or '%chat --help' for more."
_MOST_SESSIONS = 30


@dataclass(frozen=True, slots=True)
class LineAnswers:
    """Shows what lines ask for."""

    chat: Chat
    display: Callable[[Rendered], None]
    make_view: Callable[[], View]
    """Makes the view of turns."""
    hide: Callable[[str], str]
    """Takes known secrets out of a text."""

    def give(self, line: ChatLine) -> bool:
        """Show what a line asks for; False if there is something to ask the agent, to summarise or to verify.

        Raises
        ------
        ConfigError
            If the line asks for nothing.
        """
        if line.sessions:
            self._sessions()
        elif line.turns:
            self._turns()
        elif line.prompt.strip() or line.compact or line.verify:
            return False
        elif line == ChatLine():
            raise ConfigError(_USAGE)
        else:
            self._state(line)
        return True

    def _sessions(self) -> None:
        from neuroworkflow_agent.render import parts

        found = self.chat.sessions(limit=_MOST_SESSIONS)
        rows = [(c.session_id[:8], c.title[:80], f"{c.modified.astimezone():%Y-%m-%d %H:%M}") for c in found]
        self.display(parts.session_table(rows))

    def _turns(self) -> None:
        from neuroworkflow_agent.render import parts

        account = self.chat.surgery.account()
        said = [
            f"{turn.number}{' (pinned)' if turn.is_pinned else ''}: {turn.prompt}" for turn in account.turns
        ]
        filled = [f"about {tokens:,} tokens of the context: {what}" for what, tokens in account.parts]
        self.display(parts.listing(account.head, [self.hide(line) for line in (*said, *filled)]))

    def _state(self, line: ChatLine) -> None:
        from neuroworkflow_agent.render import parts

        session = self.chat.ready()
        if line.resume is not None or line.fork:
            self.make_view().show(self.chat.history())
        if (pinned := line.pin or line.unpin) is not None:
            is_so = "is given again" if line.pin is not None else "is not given again any more"
            self.display(parts.notice(f"What was said in turn {pinned} {is_so} after a summary."))
            return
        known = f"Session {session.session_id[:8]}, mode {session.config.mode}"
        model = f", model {session.config.model}" if session.config.model else ""
        self.display(parts.notice(f"{known}{model}. Ask with '%chat TEXT'."))


def require_text(line: ChatLine) -> None:
    """A turn that is to be edited needs the text that stands for it.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if line.edit is not None and not line.prompt.strip():
        raise ConfigError(f"Nothing to ask instead. Write '%chat --edit {line.edit} TEXT'.")


def operate(chat: Chat, line: ChatLine) -> None:
    """Take out, edit or pin the turn that a line names, if it names one."""
    if line.edit is not None:
        chat.surgery.go_before(line.edit, hand_on=False)
    elif line.drop is not None:
        chat.surgery.go_before(line.drop, hand_on=True)
    elif line.pin is not None:
        chat.surgery.pin(line.pin)
    elif line.unpin is not None:
        chat.surgery.pin(line.unpin, is_pinned=False)
