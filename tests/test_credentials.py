"""What is signed in with is kept for this user alone, and taken only from a file that nobody else can have written."""

from __future__ import annotations

import json
import os
import stat
import sys
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neuroworkflow_agent import credentials, private_files
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import SignIn, UnusableSignInError, forget, keep, stored_sign_in
from neuroworkflow_agent.errors import ConfigError

KEY = "sk-ant-very-secret-key"
SIGN_IN = SignIn("anthropic", "https://api.anthropic.com", KEY)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own is left alone."""
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def place() -> Path:
    """The file, its directory made."""
    path = credentials.sign_in_file()
    assert path is not None
    path.parent.mkdir(parents=True)
    return path


class Keyring:
    """A backend of the `keyring` package."""

    def __init__(self, priority: float = 5) -> None:
        self.priority = priority
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_keyring(self) -> Keyring:
        return self

    def set_password(self, service: str, username: str, password: str) -> None:
        self._require_unlocked()
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        self._require_unlocked()
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        self._require_unlocked()
        del self.kept[service, username]

    def _require_unlocked(self) -> None:
        if self.is_locked:
            raise RuntimeError("locked")


MakeKeyring = Callable[..., Keyring]


@pytest.fixture
def make_keyring(monkeypatch: pytest.MonkeyPatch) -> MakeKeyring:
    """Puts such a backend in the package's place."""

    def make(priority: float = 5) -> Keyring:
        backend = Keyring(priority)
        module = types.ModuleType("keyring")
        module.get_keyring = backend.get_keyring  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", module)
        return backend

    return make


def test_kept_for_this_user_alone_and_forgotten() -> None:
    assert stored_sign_in() is None
    assert not forget()
    kept = keep(SIGN_IN)
    path = credentials.sign_in_file()
    assert path is not None
    assert stored_sign_in() == kept == SIGN_IN
    assert kept.place == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert KEY not in repr(kept)
    other = SignIn("server", "http://127.0.0.1:11434", model="qwen3:8b")
    keep(other)
    assert stored_sign_in() == other
    assert forget()
    assert list(path.parent.iterdir()) == []


def plant_link(path: Path) -> None:
    target = path.with_name("target.json")
    target.write_text(json.dumps({"kind": "server", "url": "http://evil.example"}))
    target.chmod(0o600)
    path.symlink_to(target)


def plant_for_group(path: Path) -> None:
    path.write_text(json.dumps({"kind": "server", "url": "http://evil.example"}))
    path.chmod(0o620)


def plant_readable(path: Path) -> None:
    path.write_text(json.dumps({"kind": "server", "url": "http://evil.example"}))
    path.chmod(0o644)


def plant_text(path: Path) -> None:
    path.write_text("[]")
    path.chmod(0o600)


def plant_much(path: Path) -> None:
    path.write_text(" " * 30_000)
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (plant_link, "is a link"),
        (os.mkfifo, "is not a regular file"),
        (plant_for_group, "can be (written by a group|read by others)"),
        (plant_readable, "can be read by others"),
        (plant_text, "was not written by this program"),
        (plant_much, "is longer than"),
    ],
)
def test_what_others_may_have_put_there_is_refused(
    plant: Callable[[Path], None], says: str, place: Path
) -> None:
    plant(place)
    with pytest.raises(UnusableSignInError, match=says):
        stored_sign_in()
    config = AgentConfig.from_env({})
    assert config.sign_in is None
    assert str(place) in config.sign_in_trouble
    assert "neuroworkflow-agent logout" in config.sign_in_trouble
    # And what is there is replaced, or removed, and never followed.
    keep(SIGN_IN)
    assert stored_sign_in() == SIGN_IN
    place.unlink()
    plant(place)
    assert forget()
    assert not os.path.lexists(place)
    if plant is plant_link:
        assert "evil" in place.with_name("target.json").read_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(place: Path) -> None:
    plant_text(place)
    os.chown(place, 12345, 12345)
    with pytest.raises(UnusableSignInError, match="belongs to another user"):
        stored_sign_in()


def test_no_key_is_kept_where_others_can_exchange_it(place: Path) -> None:
    place.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="can be written by everybody, so no key is kept there"):
        keep(SIGN_IN)
    assert list(place.parent.iterdir()) == []


def test_home_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert stored_sign_in() is None
    with pytest.raises(
        ConfigError, match=r"cannot be written.*Set XDG_CONFIG_HOME .* or set ANTHROPIC_API_KEY"
    ):
        keep(SIGN_IN)


def test_file_system_without_modes_keeps_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        path.chmod(0o644)

    monkeypatch.setattr(private_files, "write_private", write)
    with pytest.raises(ConfigError, match=r"on this file system .* can be read by others"):
        keep(SIGN_IN)
    assert list(place.parent.iterdir()) == []


def test_one_of_many_at_once_is_kept_as_a_whole(make_keyring: MakeKeyring) -> None:
    keyring = make_keyring()
    asked = [SignIn("anthropic", f"http://host-{n}", f"key-of-host-{n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, asked * 3))
    kept = stored_sign_in()
    assert kept is not None
    assert kept.key == f"key-of-{kept.url.removeprefix('http://')}"
    assert len(keyring.kept) == 1  # none of those that were replaced is left behind
    path = credentials.sign_in_file()
    assert path is not None
    assert list(path.parent.iterdir()) == [path]


def test_keyring_has_the_key_and_the_file_has_not(make_keyring: MakeKeyring) -> None:
    keyring = make_keyring()
    kept = keep(SIGN_IN)
    path = credentials.sign_in_file()
    assert path is not None
    assert kept.place == "the system's keyring"
    assert KEY not in path.read_text()
    found = stored_sign_in()
    assert found == kept
    assert found.known_key == ""
    assert found.key == found.known_key == KEY
    assert forget()
    assert keyring.kept == {}


def test_keyring_that_is_locked_later_is_said(make_keyring: MakeKeyring) -> None:
    keyring = make_keyring()
    keep(SIGN_IN)
    keyring.is_locked = True
    found = stored_sign_in()
    assert found is not None
    with pytest.raises(UnusableSignInError, match="Unlock the keyring, or sign in again"):
        _ = found.key
    with pytest.raises(ConfigError, match="keyring did not remove the key"):
        forget()
    assert stored_sign_in() is None


@pytest.mark.parametrize("trouble", ["not one", "locked"])
def test_without_a_keyring_that_takes_it_the_file_has_the_key(
    trouble: str, make_keyring: MakeKeyring
) -> None:
    keyring = make_keyring(0.5 if trouble == "not one" else 5)
    keyring.is_locked = trouble == "locked"
    assert keep(SIGN_IN).place == str(credentials.sign_in_file())
    assert keyring.kept == {}


def test_key_is_a_secret_of_every_session() -> None:
    keep(SIGN_IN)
    config = AgentConfig.from_env({"ANTHROPIC_API_KEY": "another-key-0000"})
    assert {KEY, "another-key-0000"} <= config.secrets
    assert KEY not in repr(config)
    assert KEY not in str(config.harmless_environ)
