"""Who may still use how much today."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from weakref import WeakSet

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.body import Body, while_watched
from neuroworkflow_agent.gateway.expected import Estimate, estimate, estimate_whole
from neuroworkflow_agent.gateway.ledger import Ledger
from neuroworkflow_agent.gateway.prices import Prices
from neuroworkflow_agent.gateway.record import Exchange
from neuroworkflow_agent.gateway.reservations import Reservation
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.store import StoreUnavailableError
from neuroworkflow_agent.gateway.totals import Decided, Standing, Used
from neuroworkflow_agent.gateway.usage import Usage
from neuroworkflow_agent.wire import USED_UP

_SOME_TOKENS = 1_000
_LEAST_USD = 1e-6
_LARGE_BYTES = 2**20
_MOST_KEPT_BYTES = 64 * 2**20


class Budgets:
    """Admits requests while the day's budgets last.

    A request is admitted if what was used today, what running requests have reserved and what it is expected to use
    fit the budgets together, on all replicas; or if no other request of that budget runs and some of it is left. It
    is written down before its caller sees its end. So a budget is exceeded by what answers exceed their
    reservations, and by one reservation, and no more.
    """

    def __init__(self, settings: GatewaySettings, ledger: Ledger, prices: Prices) -> None:
        self._settings = settings
        self._ledger = ledger
        self._prices = prices
        self._large: WeakSet[Body] = WeakSet()
        self._with_hub = settings.hub_tokens_per_day is not None or settings.hub_usd_per_day is not None
        self._is_limited = (
            self._with_hub
            or settings.user_tokens_per_day is not None
            or settings.user_usd_per_day is not None
        )

    def check(self) -> None:
        """Return if what a request uses can be written down.

        Raises
        ------
        ApiError
            503 if not.
        """
        if (trouble := self._ledger.trouble) is not None:
            raise _cannot_tell(trouble)

    @asynccontextmanager
    async def admitted(
        self, account: str, body: Body, length: int | None, exchange: Exchange
    ) -> AsyncIterator[None]:
        """Reserve what a message may use, until the block ends or what it used is written down.

        Parameters
        ----------
        account
            Whose message it is.
        body, length
            What is sent, which another task watches while this waits, and its length if that is known.
        exchange
            Gets the day on which it counts.

        Raises
        ------
        ApiError
            429 if a budget is used up, or reserved; 503 if nobody can tell.
        """
        self.check()
        if not self._is_limited:
            yield
            return
        try:
            refusal = await while_watched(self._admit(account, body, length, exchange), body)
            if refusal is None:
                yield
        except BaseException:
            self._give_back(exchange)
            raise
        if refusal is not None:
            raise refusal
        self._give_back(exchange)

    def _give_back(self, exchange: Exchange) -> None:
        if exchange.usage is None:  # else what it used takes the place of what was reserved
            self._ledger.release(exchange.id)

    async def _admit(
        self, account: str, body: Body, length: int | None, exchange: Exchange
    ) -> ApiError | None:
        """Reserve; gives the refusal if there is no room."""
        beginning, is_whole = await body.beginning()
        guess = estimate_whole(beginning) if is_whole else estimate(beginning, length)
        decided = await self._reserve(account, guess, exchange)
        refusal = used_up(self._settings, decided)
        if not decided.is_granted and refusal is None and not is_whole:
            # Pictures look like very long texts until all of it is there.
            decided = await self._reserve(account, await self._read_on(body, length), exchange)
            refusal = used_up(self._settings, decided)
        exchange.day = decided.at.date()
        return None if decided.is_granted else refusal or _no_room(self._settings, decided)

    async def _reserve(self, account: str, guess: Estimate, exchange: Exchange) -> Decided:
        prompt = Usage(guess.model, input_tokens=guess.prompt_tokens)
        prompt_usd = self._prices.cost_usd(prompt)
        with_answer = self._prices.cost_usd(replace(prompt, output_tokens=_SOME_TOKENS))
        reservation = Reservation(
            exchange.id,
            account,
            Used(guess.prompt_tokens, prompt_usd),
            (with_answer - prompt_usd) / _SOME_TOKENS,
            guess.most_answer_tokens,
            partial(fits, self._settings),
            self._with_hub,
        )
        try:
            return await self._ledger.reserve(reservation)
        except StoreUnavailableError as error:
            raise _cannot_tell(str(error)) from None

    async def _read_on(self, body: Body, length: int | None) -> Estimate:
        """The estimate by all of the body, which is kept until it goes up; not too much of all at once."""
        size = self._settings.max_body_bytes if length is None else length
        if sum(each.kept_bytes for each in self._large) + size > max(_MOST_KEPT_BYTES, size):
            raise ApiError(
                503, "The gateway has its hands full of large requests; try again in a moment.",
                reason="size", headers={"retry-after": "1"},
            )  # fmt: skip
        self._large.add(body)
        whole, is_whole = await body.beginning(size + 1, self._settings.idle_timeout_s)
        if not is_whole:
            raise ApiError(
                408, "The request's body stopped coming.", reason="idle", headers={"connection": "close"}
            )
        return (
            estimate_whole(whole)
            if len(whole) <= _LARGE_BYTES
            else await asyncio.to_thread(estimate_whole, whole)
        )


def fits(limits: GatewaySettings, mine: Standing, hub: Standing, amount: Used) -> bool:
    """Whether a request that may use so much is admitted. Pure."""
    return all(
        _fits(standing, amount, tokens, usd) for _, standing, tokens, usd in _limits(limits, mine, hub)
    )


def _fits(standing: Standing, amount: Used, tokens: int | None, usd: float | None) -> bool:
    if _spent(standing.used, tokens, usd):
        return False
    # Alone it may have all that is left: else a budget's last part would be for nobody.
    return not standing.running or not _spent(
        standing.used + standing.reserved + amount, tokens and tokens + 1, usd and usd + _LEAST_USD
    )


def used_up(limits: GatewaySettings, decided: Decided) -> ApiError | None:
    """Why no further message may be sent today; None if one may. Pure."""
    for who, standing, tokens, usd in _limits(limits, decided.account, decided.hub):
        if spent := _spent(standing.used, tokens, usd):
            return _until_tomorrow(f"{who} {USED_UP}: {spent}.", decided.at)
    return None


def _limits(
    limits: GatewaySettings, mine: Standing, hub: Standing
) -> tuple[tuple[str, Standing, int | None, float | None], ...]:
    return (
        ("Your", mine, limits.user_tokens_per_day, limits.user_usd_per_day),
        ("This hub's", hub, limits.hub_tokens_per_day, limits.hub_usd_per_day),
    )


def _spent(used: Used, tokens: int | None, usd: float | None) -> str:
    if tokens is not None and used.tokens >= tokens:
        return f"{used.tokens:,} of {tokens:,} tokens"
    if usd is not None and used.cost_usd >= usd:
        return f"${used.cost_usd:.2f} of ${usd:.2f}"
    return ""


def _no_room(limits: GatewaySettings, decided: Decided) -> ApiError:
    """What is left is reserved: a moment later there may be room."""
    who, standing, tokens, usd = next(
        each
        for each in _limits(limits, decided.account, decided.hub)
        if not _fits(each[1], decided.amount, each[2], each[3])
    )
    used, reserved, asked = standing.used, standing.reserved, decided.amount
    if usd is not None and (used + reserved + asked).cost_usd > usd:
        room = f"${used.cost_usd:.2f} of ${usd:.2f} is used and ${reserved.cost_usd:.2f} reserved; this request may cost ${asked.cost_usd:.2f}"
    else:
        room = f"{used.tokens:,} of {tokens:,} tokens are used and {reserved.tokens:,} reserved; this request may use {asked.tokens:,}"
    text = f"{who} budget for today has no room beside the {standing.running} requests that run: {room}. Wait for one of them to end."
    return ApiError(429, text, reason="reserved", headers={"retry-after": "2"})


def _until_tomorrow(message: str, at: datetime) -> ApiError:
    midnight = (at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    wait_s = max(1, round((midnight - at).total_seconds()))
    hours, minutes = divmod(wait_s // 60, 60)
    # Clients that follow Anthropic's own leave off trying again until the time has come.
    headers = {"retry-after": str(wait_s), "x-should-retry": "false"}
    text = f"{message} It resets at {midnight:%Y-%m-%d %H:%M} UTC, in {hours} h {minutes} min."
    return ApiError(429, text, reason="budget", headers=headers)


def _cannot_tell(trouble: str) -> ApiError:
    return ApiError(503, trouble, reason="ledger", headers={"retry-after": "5"})
