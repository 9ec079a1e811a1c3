"""What `neuroworkflow-agent login` keeps: one key, and the address it belongs to, for this user alone.

A file of the user's configuration directory holds both, or the system's keyring holds the key, if the `keyring` package
finds one, and the file says under which name. A key is never shown to another address than the one it was kept for.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

from neuroworkflow_agent.errors import ConfigError

# What reads and writes the file is imported where that is done: everybody asks whether there is one.

Kind: TypeAlias = Literal["anthropic", "openai", "gateway", "server"]
"""Who takes the key: Anthropic, OpenAI or what speaks as it does, a hub's gateway, or another Messages API server."""
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAME = "neuroworkflow-agent"
_FILE = "sign-in.json"
_MAX_BYTES = 20_000
_USABLE_PRIORITY = 1
"""Of a backend that is a keyring: what refuses, forgets or writes plain text has less (docs of `keyring`, "Priority")."""


class UnusableSignInError(ConfigError):
    """What was kept cannot be used; the message says why and what to do."""


class _Keyring(Protocol):
    """What we need of a backend of the `keyring` package."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


@dataclass(frozen=True)
class SignIn:
    """A key, and where it is to be shown."""

    kind: Kind
    url: str
    """Base URL."""
    text: str = field(default="", repr=False)
    """The key itself; empty where the keyring has it, or a server asks for none."""
    model: str | None = None
    """Which model serves unless something else is asked for."""
    entry: str = ""
    """The key's name in the system's keyring; empty where the keyring does not have it."""

    @cached_property
    def key(self) -> str:
        """The key, looked up in the keyring the first time. Blocks: a keyring may ask to be unlocked.

        Raises
        ------
        UnusableSignInError
            If the keyring does not give it.
        """
        return _from_keyring(self.entry) if self.entry else self.text

    @property
    def known_key(self) -> str:
        """The key as far as this process has it, for whoever hides it."""
        return str(self.__dict__.get("key", self.text))

    @property
    def place(self) -> str:
        """Where the key is kept, for people."""
        return "the system's keyring" if self.entry else str(sign_in_file())


def sign_in_file() -> Path | None:
    """The file; None for a user id without a name or a home."""
    from platformdirs import user_config_path

    try:
        path = user_config_path(_NAME) / _FILE
    except RuntimeError:
        return None
    return path if path.is_absolute() else None  # earlier platformdirs: "~" itself


def stored_sign_in() -> SignIn | None:
    """What was kept; None if nothing was.

    Raises
    ------
    UnusableSignInError
        If the file is not one that we wrote for this user alone.
    """
    path = sign_in_file()
    if path is None or not os.path.lexists(path):  # nor where the directory is closed to this user
        return None
    from neuroworkflow_agent.trusted_text import UnfitFileError, read_trusted_text

    try:
        return _decoded(read_trusted_text(path, _MAX_BYTES, is_secret=True))
    except FileNotFoundError:
        return None
    except (UnfitFileError, ValueError) as error:
        reason = error if isinstance(error, UnfitFileError) else "was not written by this program"
        raise UnusableSignInError(
            f"What you signed in with is not used: '{path}' {reason}. "
            "Remove it with 'neuroworkflow-agent logout', then sign in again."
        ) from None


def require_place() -> Path:
    """The file, seen to be one that can be written and that others cannot exchange.

    Raises
    ------
    ConfigError
        If it is not.
    """
    from neuroworkflow_agent.directories import can_write
    from neuroworkflow_agent.skill_files import distrusted

    path = sign_in_file()
    advice = (
        "Set XDG_CONFIG_HOME to a directory of yours that can be written, or set ANTHROPIC_API_KEY instead."
    )
    if path is None:
        raise ConfigError(f"This user has no home directory to keep a key in. {advice}")
    if not can_write(path.parent):
        raise ConfigError(f"'{path.parent}' cannot be written, so nothing can be kept there. {advice}")
    if path.parent.exists() and (reason := distrusted(path.parent.stat())):
        raise ConfigError(f"'{path.parent}' {reason}, so no key is kept there. {advice}")
    return path


def keep(sign_in: SignIn) -> SignIn:
    """Keep this and forget what was kept before; says where.

    Raises
    ------
    ConfigError
        If it cannot be kept; what was kept before still is.
    """
    from neuroworkflow_agent.private_files import one_at_a_time, write_private

    path = require_place()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with one_at_a_time(path.parent):
        before = _stored_if_usable()
        kept = _into_keyring(sign_in)
        try:
            write_private(path, json.dumps(_encoded(kept), indent=1).encode())
            _refuse_readable(path)
        except BaseException as error:
            _forget_entry(kept)
            if isinstance(error, OSError):
                raise ConfigError(f"'{path}' cannot be written: {error.strerror}.") from error
            raise
        _forget_entry(before)
    return kept


def forget() -> bool:
    """Forget what is kept; says whether anything was.

    Raises
    ------
    ConfigError
        If it cannot be removed.
    """
    from neuroworkflow_agent.private_files import one_at_a_time

    path = sign_in_file()
    if path is None or not os.path.lexists(path):
        return False
    try:
        with one_at_a_time(path.parent):
            before = _stored_if_usable()
            path.unlink()
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be removed: {error.strerror}.") from error
    if not _forget_entry(before):
        raise ConfigError(
            f"'{path}' is removed, but the system's keyring did not remove the key: look there for {_NAME}."
        )
    return True


def _stored_if_usable() -> SignIn | None:
    with contextlib.suppress(UnusableSignInError):
        return stored_sign_in()
    return None


def _refuse_readable(path: Path) -> None:
    """Take it back where the file system has no modes, and everybody could read it."""
    from neuroworkflow_agent.trusted_text import UnfitFileError, read_trusted_text

    try:
        read_trusted_text(path, _MAX_BYTES, is_secret=True)
    except UnfitFileError as error:
        path.unlink()
        raise ConfigError(
            f"No key is kept: on this file system '{path}' {error}. Set XDG_CONFIG_HOME to a directory on another one."
        ) from None


def _encoded(sign_in: SignIn) -> dict[str, str]:
    fields = {
        "kind": sign_in.kind,
        "url": sign_in.url,
        "key": sign_in.text,
        "model": sign_in.model,
        "keyring": sign_in.entry,
    }
    return {name: value for name, value in fields.items() if value}


def _decoded(text: str) -> SignIn:
    found: Any = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("not an object of texts")
    if found.get("kind") not in KINDS or not found.get("url"):
        raise ValueError("no kind or no address")
    return SignIn(
        found["kind"], found["url"], found.get("key", ""), found.get("model"), found.get("keyring", "")
    )


# -- the system's keyring -----------------------------------------------------------------------------------


def _keyring() -> _Keyring | None:
    """The user's keyring; None if the package is missing or finds none."""
    try:
        import keyring

        backend = keyring.get_keyring()
        return backend if backend.priority >= _USABLE_PRIORITY else None
    except ImportError:
        return None
    except Exception:  # noqa: BLE001 - a backend of whatever maker; without it the file serves
        return None


def _into_keyring(sign_in: SignIn) -> SignIn:
    """With the key in the keyring, if there is one that takes it."""
    if not sign_in.text or (keyring := _keyring()) is None:
        return sign_in
    import secrets

    entry = f"{sign_in.kind} {secrets.token_hex(4)}"
    try:
        keyring.set_password(_NAME, entry, sign_in.text)
    except Exception:  # noqa: BLE001 - as above: locked, or not there after all
        return sign_in
    return replace(sign_in, text="", entry=entry)


def _from_keyring(entry: str) -> str:
    keyring = _keyring()
    try:
        found = keyring.get_password(_NAME, entry) if keyring is not None else None
    except Exception:  # noqa: BLE001 - as above
        found = None
    if not found:
        raise UnusableSignInError(
            "The key you signed in with is in the system's keyring, which does not give it here. "
            "Unlock the keyring, or sign in again: neuroworkflow-agent login."
        )
    return found


def _forget_entry(sign_in: SignIn | None) -> bool:
    """Remove a key from the keyring, if it is there; says whether it is gone."""
    if sign_in is None or not sign_in.entry:
        return True
    try:
        keyring = _keyring()
        if keyring is None:
            return False
        keyring.delete_password(_NAME, sign_in.entry)
    except Exception:  # noqa: BLE001 - as above
        return False
    return True
