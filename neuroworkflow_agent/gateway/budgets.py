"""Who may still use how much today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.ledger import Ledger
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.store import StoreUnavailableError, Totals, Used
from neuroworkflow_agent.wire import USED_UP

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


class Budgets:
    """Admits requests while the day's budgets last.

    A request is admitted by what is written down, and written down before its caller sees its end. So an
    account goes over its budget by what is in flight at that moment, on all replicas together, and no more.
    """

    def __init__(self, settings: GatewaySettings, ledger: Ledger, clock: Clock = now) -> None:
        self._settings = settings
        self._ledger = ledger
        self._clock = clock

    async def admit(self, account: str) -> None:
        """Return if a message may be sent for `account`.

        Raises
        ------
        ApiError
            429 if a budget is used up; 503 if nobody can tell.
        """
        limits = self._settings
        with_hub = limits.hub_tokens_per_day is not None or limits.hub_usd_per_day is not None
        if not with_hub and limits.user_tokens_per_day is None and limits.user_usd_per_day is None:
            return
        try:
            totals = await self._ledger.totals(account, with_hub=with_hub)
        except StoreUnavailableError as error:
            raise ApiError(
                503, f"{error} Try again soon.", reason="ledger", headers={"retry-after": "5"}
            ) from None
        refusal = used_up(limits, totals, self._clock())
        if refusal is not None:
            raise refusal


def used_up(limits: GatewaySettings, totals: Totals, at: datetime) -> ApiError | None:
    """Why no further message may be sent; None if one may. Pure."""
    for who, used, tokens, usd in (
        ("Your", totals.account, limits.user_tokens_per_day, limits.user_usd_per_day),
        ("This hub's", totals.hub, limits.hub_tokens_per_day, limits.hub_usd_per_day),
    ):
        spent = _spent(used, tokens, usd)
        if spent:
            return _refusal(f"{who} {USED_UP}: {spent}.", at)
    return None


def _spent(used: Used, tokens: int | None, usd: float | None) -> str:
    if tokens is not None and used.tokens >= tokens:
        return f"{used.tokens:,} of {tokens:,} tokens"
    if usd is not None and used.cost_usd >= usd:
        return f"${used.cost_usd:.2f} of ${usd:.2f}"
    return ""


def _refusal(message: str, at: datetime) -> ApiError:
    midnight = (at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    wait_s = max(1, round((midnight - at).total_seconds()))
    hours, minutes = divmod(wait_s // 60, 60)
    # Clients that follow Anthropic's own leave off trying again until the time has come.
    headers = {"retry-after": str(wait_s), "x-should-retry": "false"}
    text = f"{message} It resets at {midnight:%Y-%m-%d %H:%M} UTC, in {hours} h {minutes} min."
    return ApiError(429, text, reason="budget", headers=headers)
