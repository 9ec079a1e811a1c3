"""What a turn took: tokens, cost, and which model answered, as its process told it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.claude.messages import MessageReader
    from neuroworkflow_agent.models.endpoint import Endpoint


class Figures:
    """Of the turns of one session.

    Parameters
    ----------
    endpoint
        Which model serves, and whether it has a price.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._process_cost_usd = 0.0
        self._context_window: int | None = None
        """Of the model, once that is known."""

    def process_started(self) -> None:
        """Begin anew: a process tells what it has cost since its start."""
        self._process_cost_usd = 0.0

    def of(self, reader: MessageReader | None, *, has_run_code: bool) -> dict[str, Any]:
        """Fields of the `TurnEnd` of the turn that `reader` read; None for one that had no process. Once a turn."""
        figures: dict[str, Any] = {
            "cost_usd": self._cost_usd(reader),
            "provenance": self._endpoint.provenance(has_run_code=has_run_code),
        }
        if reader is not None:
            figures |= {"model": reader.model, "last_message_id": reader.last_message_id}
            figures["context_tokens"] = reader.context_tokens
        if reader is not None and (outcome := reader.outcome) is not None:
            figures |= {"input_tokens": outcome.input_tokens, "output_tokens": outcome.output_tokens}
            self._context_window = outcome.context_window or self._context_window
        return {**figures, "context_window": self._context_window}

    def _cost_usd(self, reader: MessageReader | None) -> float | None:
        outcome = reader.outcome if reader else None
        so_far = outcome.session_cost_usd if outcome else None
        if so_far is None or not self._endpoint.is_priced:
            return None
        before, self._process_cost_usd = self._process_cost_usd, so_far
        return max(0.0, so_far - before)
