"""Prices as data: the file that comes with the gateway, an administrator's own, and how a model's name is spelt."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, ValidationError

from neuroworkflow_agent.errors import ConfigError

_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_BEFORE = re.compile(r"^(?:.*/)?(?:[a-z]{2,6}\.)?(?:anthropic[.:])?")
_AFTER = re.compile(r"(?:\[[^\]]*\]|-fast|-v\d+(?::\d+)?|-latest|@\w+|[-@]\d{8})$")


class Price(BaseModel, extra="forbid"):
    """What a model costs, in US dollars for a million tokens."""

    input: _Amount
    output: _Amount
    cache_read: _Amount | None = None
    """None: a tenth of `input`."""
    cache_write: _Amount | None = None
    """For five minutes. None: 1.25 times `input`."""
    cache_write_1h: _Amount | None = None
    """For an hour. None: 1.6 times `cache_write`, which is twice `input` where nothing else is said."""


class PriceList(BaseModel, extra="forbid"):
    """A file of prices; every part may be left out."""

    as_of: date | None = None
    models: dict[str, Price] = {}
    fast: dict[str, _Amount] = {}
    geo: dict[str, _Amount] = {}
    tier: dict[str, _Amount] = {}
    requests: dict[str, _Amount] = {}

    @classmethod
    def load(cls, own: Path | None = None) -> Self:
        """The list that comes with the gateway, with `own`'s entries before its.

        Raises
        ------
        ConfigError
            If `own` cannot be read, or has what such a file does not.
        """
        ours = cls.model_validate(
            tomllib.loads(files(__package__).joinpath("prices.toml").read_text(encoding="utf-8"))
        )
        if own is None:
            return ours
        try:
            theirs = cls.model_validate(tomllib.loads(own.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"The prices in {str(own)!r} cannot be read: {error}.") from None
        except ValidationError as error:
            where = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
                for item in error.errors(include_url=False)
            )
            raise ConfigError(f"The prices in {str(own)!r} cannot be used: {where}.") from None
        merged = {
            name: {**getattr(ours, name), **getattr(theirs, name)}
            for name in ("models", "fast", "geo", "tier", "requests")
        }
        return cls(as_of=theirs.as_of or ours.as_of, **merged)


def spellings(model: str) -> Iterator[str]:
    """A model's name as it came, then without what clouds and clients put around it."""
    yield model
    name = _BEFORE.sub("", model.strip().lower())
    yield name
    while (shorter := _AFTER.sub("", name)) != name:
        name = shorter
        yield name
