"""What usage costs, in US dollars. The only user of genai-prices."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from neuroworkflow_agent.gateway.settings import Price
from neuroworkflow_agent.gateway.usage import Usage

_MILLION = 1_000_000
_SHORT_TOKENS = 50_000
"""Up to here every token of a kind costs the same."""
UNKNOWN = Price(input=15, output=75, cache_read=1.5, cache_write=18.75)
"""For a model nobody knows: what the dearest usual ones cost, so that a budget stays one."""


class Prices:
    """The administrator's prices, then the published ones.

    Parameters
    ----------
    given
        By model name; `*` for models that are in neither list.
    """

    def __init__(self, given: Mapping[str, Price]) -> None:
        self._given = given

    def prepare(self) -> None:
        """Load the published list; it takes a moment, and would else take it from the first answer."""
        _published("claude-sonnet-4-5")

    def cost_usd(self, usage: Usage) -> float:
        """Cost of one message."""
        price = self._given.get(usage.model)
        if price is None and (known := _published(usage.model)) is not None:
            is_short = usage.tokens <= _SHORT_TOKENS
            return _at(known, usage) if is_short else _calculated(usage)
        return _at(price or self._given.get("*", UNKNOWN), usage)


def _at(price: Price, usage: Usage) -> float:
    read = price.cache_read if price.cache_read is not None else price.input / 10
    write = price.cache_write if price.cache_write is not None else price.input * 1.25
    return (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_tokens * read
        + usage.cache_write_tokens * write
    ) / _MILLION


@functools.lru_cache(maxsize=256)
def _published(model: str) -> Price | None:
    """What a million tokens cost by the list that comes with the library, for prompts that are not long."""
    many = {
        "input_tokens": "input",
        "output_tokens": "output",
        "cache_read_tokens": "cache_read",
        "cache_write_tokens": "cache_write",
    }
    scale = _MILLION / _SHORT_TOKENS
    try:
        return Price(
            **{
                name: _calculated(Usage(model, **{kind: _SHORT_TOKENS})) * scale
                for kind, name in many.items()
            }
        )
    except LookupError:
        return None


def _calculated(usage: Usage) -> float:
    """By that list; long prompts have other prices there. Nothing is looked up in the network."""
    priced = PricedUsage(
        input_tokens=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    return float(calc_price(priced, usage.model, provider_id="anthropic").total_price)
