"""What usage costs, in US dollars. The only user of genai-prices."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from neuroworkflow_agent.gateway.price_list import Price, PriceList, spellings
from neuroworkflow_agent.gateway.usage import Usage

_log = logging.getLogger("neuroworkflow_agent.gateway")
_MILLION = 1_000_000
_SHORT_TOKENS = 50_000
"""Up to here every token of a kind costs the same."""
_ANY = "*"
_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one message."""

    usd: float
    unclear: tuple[str, ...] = ()
    """What of it is estimated, or priced by the dearest there is; one word each."""


class Prices:
    """The administrator's prices, then the published ones; what nobody knows costs what the dearest does.

    Parameters
    ----------
    given
        The administrator's, by model name; `*` for models that are in no list.
    listed
        The file of prices; None for the one that comes with the gateway.
    """

    def __init__(self, given: Mapping[str, Price], listed: PriceList | None = None) -> None:
        self._given = given
        self._listed = listed or PriceList.load()
        self._told: set[str] = set()

    def prepare(self) -> None:
        """Load the published list; it takes a moment, and would else take it from the first answer."""
        _published("claude-sonnet-4-5")

    def cost_usd(self, usage: Usage) -> float:
        """Cost of one message."""
        return self.cost(usage).usd

    def cost(self, usage: Usage) -> Cost:
        """Cost of one message, and what of it is not sure."""
        unclear = set(usage.unclear)
        usd = sum(self._part(part, unclear) for part in (usage, *usage.beside))
        for name, number in usage.requests:
            usd += number * self._of(self._listed.requests, name, name, unclear) / 1000
        return Cost(usd, tuple(sorted(unclear)))

    def dearest(self, names: set[str]) -> str:
        """The dearest of the models among some names; empty, which is no model's name, if there is none."""
        costs: dict[str, float] = {}
        for name in names:
            usage = Usage(name, 1000, 1000)
            usd = self._listed_cost(usage)
            # What is called so in a prompt may be anything, such as a model of neurons.
            if usd is not None or "claude" in name.lower():
                costs[name] = self._dearest_cost(usage) if usd is None else usd
        return max(sorted(costs), key=costs.__getitem__, default="")

    def _part(self, usage: Usage, unclear: set[str]) -> float:
        """What the tokens of one model cost."""
        unclear |= set(usage.unclear)
        usd = self._listed_cost(usage)
        if usd is None:
            usd = self._dearest_cost(usage)
            self._tell(usage.model, unclear)
        names = list(spellings(usage.model))
        if usage.speed not in ("", "standard") or any(name.endswith("-fast") for name in names):
            unclear |= set() if usage.speed in ("", "standard", "fast") else {"speed"}
            name = next((name for name in names if name in self._listed.fast), "")
            usd *= self._of(self._listed.fast, name, "speed", unclear)
        if usage.geo:
            usd *= self._of(self._listed.geo, usage.geo, "geo", unclear)
        if usage.tier:
            usd *= self._of(self._listed.tier, usage.tier, "tier", unclear)
        return usd

    def _listed_cost(self, usage: Usage) -> float | None:
        """By the list that has the model; None if none has."""
        for table in (self._given, self._listed.models):
            for name in spellings(usage.model):
                if name in table and name != _ANY:
                    return _at(table[name], usage)
        for name in spellings(usage.model):
            if (known := _published(name)) is not None:
                is_short = usage.prompt_tokens <= _SHORT_TOKENS
                return _at(known, usage) if is_short else _calculated(usage, name)
        return None

    def _dearest_cost(self, usage: Usage) -> float:
        return _at(self._given.get(_ANY) or self._listed.models[_ANY], usage)

    def _of(self, table: Mapping[str, float], name: str, what: str, unclear: set[str]) -> float:
        if name in table and name != _ANY:
            return table[name]
        unclear.add(what)
        return table.get(_ANY, max(table.values(), default=1.0))

    def _tell(self, model: str, unclear: set[str]) -> None:
        """Tell the administrator, once a model, unless they have said what such a one costs."""
        if _ANY in self._given:
            return
        unclear.add("model")
        if model and model not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(model)
            _log.warning(
                "%r is in no price list, so it is booked at the dearest prices. Name its own in NEUROWORKFLOW_GATEWAY_PRICES.",
                model,
            )


def _at(price: Price, usage: Usage) -> float:
    read = price.cache_read if price.cache_read is not None else price.input / 10
    write = price.cache_write if price.cache_write is not None else price.input * 1.25
    hour = price.cache_write_1h if price.cache_write_1h is not None else write * 1.6
    return (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_tokens * read
        + (usage.cache_write_tokens - usage.cache_write_1h_tokens) * write
        + usage.cache_write_1h_tokens * hour
        + usage.other_tokens * max(price.input, price.output, read, write, hour)
    ) / _MILLION


@functools.lru_cache(maxsize=256)
def _published(model: str) -> Price | None:
    """What a million tokens cost by the list that comes with the library, for prompts that are not long."""
    many = {
        "input": Usage(model, _SHORT_TOKENS),
        "output": Usage(model, output_tokens=_SHORT_TOKENS),
        "cache_read": Usage(model, cache_read_tokens=_SHORT_TOKENS),
        "cache_write": Usage(model, cache_write_tokens=_SHORT_TOKENS),
        "cache_write_1h": Usage(model, cache_write_tokens=_SHORT_TOKENS, cache_write_1h_tokens=_SHORT_TOKENS),
    }
    scale = _MILLION / _SHORT_TOKENS
    try:
        return Price(**{name: _calculated(usage, model) * scale for name, usage in many.items()})
    except LookupError:
        return None


def _calculated(usage: Usage, model: str) -> float:
    """By that list; long prompts have other prices there. Nothing is looked up in the network."""
    priced = PricedUsage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens + usage.other_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
    )
    return float(calc_price(priced, model, provider_id="anthropic").total_price)
