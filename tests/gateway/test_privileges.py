"""As whom the gateway runs."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway.privileges import take_user
from neuroworkflow_agent.gateway.settings import load_settings
from tests.gateway.conftest import REAL_KEY

SETTING = "NEUROWORKFLOW_GATEWAY_RUN_AS"
SOMEBODY = pwd.struct_passwd(("somebody", "x", 4321, 4322, "", "/home/somebody", "/bin/sh"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is asked of the system by a process that seems to be root's."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", {"somebody": SOMEBODY}.__getitem__)
    for name in ("initgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda *arguments, name=name: asked.append((name, *arguments)))
    for name in ("HOME", "USER", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "/root")
    return asked


def test_root_gives_up_groups_then_itself_and_its_places(calls: list[tuple[Any, ...]]) -> None:
    take_user(load_settings(run_as="somebody"))
    assert calls == [("initgroups", "somebody", 4322), ("setgid", 4322), ("setuid", 4321)]
    assert (os.environ["HOME"], os.environ["USER"]) == ("/home/somebody", "somebody")
    assert "XDG_DATA_HOME" not in os.environ


def test_service_of_a_hub_does_not_run_as_root(
    calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "neuroworkflow-gateway")
    with pytest.raises(ConfigError, match=f"does not serve a JupyterHub as root. Set {SETTING}"):
        take_user(load_settings())
    assert not calls


def test_user_who_is_not_there_is_named(calls: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ConfigError, match="no such user here: useradd --system --create-home nobdy"):
        take_user(load_settings(run_as="nobdy"))


def test_only_root_becomes_somebody(calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "neuroworkflow-gateway")
    take_user(load_settings())
    with pytest.raises(ConfigError, match="Only root can become 'somebody'"):
        take_user(load_settings(run_as="somebody"))
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY.pw_uid)
    take_user(load_settings(run_as="somebody"))
    assert not calls


def test_service_started_as_root_says_why_it_does_not_run(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root starts processes of root's")
    key = tmp_path / "key"
    key.write_text(REAL_KEY)
    environ = {
        **os.environ,
        "JUPYTERHUB_SERVICE_NAME": "neuroworkflow-gateway",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
        "NEUROWORKFLOW_GATEWAY_API_KEY_FILE": str(key),
    }
    command = [sys.executable, "-m", "neuroworkflow_agent", "gateway", "--port", "0"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert f"Set {SETTING} to a user of its own" in ran.stderr


def test_root_cannot_be_had_again() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives root up")
    code = (
        "import os\n"
        "from neuroworkflow_agent.gateway.privileges import take_user\n"
        "from neuroworkflow_agent.gateway.settings import load_settings\n"
        "take_user(load_settings(run_as='nobody'))\n"
        "print(os.getresuid(), os.getresgid(), os.getgroups())\n"
        "try: os.setuid(0)\n"
        "except PermissionError: print('for good')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    nobody = pwd.getpwnam("nobody")
    uid, gid = nobody.pw_uid, nobody.pw_gid
    assert ran.stdout.splitlines() == [f"({uid}, {uid}, {uid}) ({gid}, {gid}, {gid}) [{gid}]", "for good"]
