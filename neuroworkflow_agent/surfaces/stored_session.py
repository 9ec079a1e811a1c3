"""A stored session whose turns are taken back without a chat: no model is needed for that, and no kernel is there."""

from __future__ import annotations

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.event_log import add_to_log
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import Event, TurnEnd, TurnUndone
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.surfaces.undo_turn import UndoTurn
from neuroworkflow_agent.text import redact


class StoredSession:
    """One session of the workspace.

    Parameters
    ----------
    session_id
        Its id, or the beginning of it.
    config
        Settings.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    """

    def __init__(self, session_id: str, config: AgentConfig) -> None:
        self.config = config
        """Settings."""
        self.session_id = transcripts.find(session_id, config).session_id
        """Where it goes on: another one once a turn was taken back as a whole."""

    @property
    def undo_turn(self) -> UndoTurn:
        """Takes its turns back, as far as that can be done without their kernel."""
        return UndoTurn(self, Undo(), shared_portal)

    def require_idle(self) -> None:
        """Nothing of it runs here."""

    def history(self) -> list[Event]:
        """What was seen of it."""
        return history(self.session_id, self.config)

    def go_back(self, end: TurnEnd | None) -> None:
        """Go on in a copy of the session that ends with this turn; without one there is nothing to go on with."""
        if end is None:
            return
        if end.session_id is None or end.last_message_id is None:
            raise ConfigError("It is not known where in the session the turn before ended.")
        title = transcripts.find(self.session_id, self.config).title
        self.session_id = transcripts.fork(
            end.session_id, self.config, title=title, up_to=end.last_message_id, log_of=self.session_id
        )

    def note_undone(self, undone: TurnUndone) -> None:
        """Write down that a turn was taken back."""
        secrets = self.config.secrets
        add_to_log(self.session_id, undone.turn_id, undone, lambda text: redact(text, secrets))
