"""A user's own token for a hub's workflow tools: as a text, in a file, or from a function."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from neuroworkflow_agent.errors import GatewayError

UserToken: TypeAlias = str | os.PathLike[str] | Callable[[], str]
"""The token itself, a file with it (a path, or a text that begins as one), or what gives it; the last two are asked anew each time."""

_BEGINS_A_PATH = ("/", "~", "./", "../")
_MAX_CHARS = 16_384


class TokenSource:
    """A token that may be another one each time.

    Parameters
    ----------
    given
        A file or a function.
    """

    def __init__(self, given: os.PathLike[str] | Callable[[], str]) -> None:
        self._given = given
        self.known: frozenset[str] = frozenset()
        """Every token it has given, to be hidden."""

    def read(self) -> str:
        """The token as it is now. May take a while.

        Raises
        ------
        GatewayError
            If there is none.
        """
        token = (
            self._read_file(self._given) if isinstance(self._given, os.PathLike) else self._call(self._given)
        )
        if not token or len(token) > _MAX_CHARS or not token.isascii() or not token.isprintable():
            raise GatewayError(
                f"{self._name} gave no token: it should be one line of text. Look at what it holds now."
            )
        self.known |= {token}
        return token

    def _read_file(self, path: os.PathLike[str]) -> str:
        try:
            with Path(path).expanduser().open(encoding="utf-8") as file:
                return file.read(_MAX_CHARS + 1).strip()
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not a text file"
            raise GatewayError(f"{self._name} cannot be read: {reason}. Put your token there.") from None

    def _call(self, give: Callable[[], str]) -> str:
        try:
            token = give()
        except Exception as error:  # the user's own function: whatever it raises is what it says
            raise GatewayError(f"{self._name} failed: {type(error).__name__}: {str(error)[:200]}.") from error
        return token.strip() if isinstance(token, str) else ""

    @property
    def _name(self) -> str:
        if isinstance(self._given, os.PathLike):
            return f"The file {os.fspath(self._given)!r}, given as user_token,"
        return "The function given as user_token"


def checked_token(given: UserToken | TokenSource) -> str | TokenSource:
    """What is given, ready to be asked: a token as it is, anything else as its source.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if isinstance(given, TokenSource):
        return given
    if isinstance(given, str):
        return TokenSource(Path(given)) if given.startswith(_BEGINS_A_PATH) else given
    if isinstance(given, os.PathLike) or callable(given):
        return TokenSource(given)
    raise TypeError(f"user_token must be a token, a file's path or a function, got {type(given).__name__}.")
