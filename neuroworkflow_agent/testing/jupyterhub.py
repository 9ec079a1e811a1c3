"""A real JupyterHub with its proxy, the gateway as its service, and users with servers of their own.

`Hub` owns the Hub's process and, through it, the proxy, the gateway and every user's server. Needs jupyterhub,
jupyterlab and npm's configurable-http-proxy. Users' servers run as the user who starts it: this is for tests
and for a look, not for people who do not trust each other.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from neuroworkflow_agent.testing.environ import JUPYTERS, bare_environ
from neuroworkflow_agent.testing.ports import free_port

_START_S = 90.0
_SERVICE = "administration"
_WELCOME = """
def welcome(spawner):
    import pathlib, shutil
    home = pathlib.Path(spawner.home_dir)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / {name!r}).exists():
        shutil.copy({welcome!r}, home / {name!r})

c.Spawner.pre_spawn_hook = welcome
c.Spawner.default_url = "/lab/tree/{name}"
"""


def find_proxy() -> str | None:
    """npm's configurable-http-proxy, if it is installed: beside this Python, else on the PATH."""
    beside = Path(sys.prefix) / "node_modules" / ".bin" / "configurable-http-proxy"
    return str(beside) if beside.exists() else shutil.which("configurable-http-proxy")


class Hub:
    """A Hub on loopback.

    Parameters
    ----------
    home
        Where everything it writes goes.
    config
        The configuration to try, such as deploy/jupyterhub_config.py.
    environ
        The gateway's settings, `NEUROWORKFLOW_GATEWAY_…`.
    password
        What every user logs in with.
    port
        Where the proxy listens; None for a free one.
    welcome
        A notebook that every user finds and starts with; None for none.
    """

    def __init__(
        self,
        home: Path,
        config: Path,
        environ: Mapping[str, str],
        *,
        password: str,
        port: int | None = None,
        welcome: Path | None = None,
    ) -> None:
        self.home = home
        self.users = home / "users"
        self.users.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{port or free_port()}"
        self.gateway_url = f"http://127.0.0.1:{free_port()}"
        self.log_file = home / "hub.log"
        self._token = secrets.token_hex(16)
        self._environ = {
            **bare_environ(*JUPYTERS, "IPYTHON"),
            "NEUROWORKFLOW_BACKEND_URL": self.gateway_url,
            "NEUROWORKFLOW_GATEWAY_DATABASE_URL": f"sqlite:///{home / 'usage.db'}",
            **environ,
            # Everything runs as one user here, who may be root in a container.
            "NEUROWORKFLOW_GATEWAY_RUN_AS": getpass.getuser(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        file = home / "jupyterhub_config.py"
        file.write_text(self._overrides(config, password, welcome), encoding="utf-8")
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(file)],
                cwd=home,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.http = httpx.Client(
            base_url=f"{self.url}/hub/api", headers={"authorization": f"token {self._token}"}, timeout=60
        )
        try:
            self._wait(lambda: self.http.get("/").is_success)
            self._wait(lambda: httpx.get(f"{self.gateway_url}/healthz").is_success)
        except BaseException:
            self.close()
            raise

    def _overrides(self, config: Path, password: str, welcome: Path | None) -> str:
        proxy = find_proxy()
        if proxy is None:
            raise RuntimeError(
                "configurable-http-proxy is not installed: npm install configurable-http-proxy."
            )
        settings = {
            "JupyterHub.authenticator_class": "dummy",
            "DummyAuthenticator.password": password,
            "Authenticator.allow_all": True,
            "JupyterHub.spawner_class": "simple",
            "SimpleLocalProcessSpawner.home_dir_template": str(self.users / "{username}"),
            "Spawner.args": ["--allow-root", "--ServerApp.allow_remote_access=False"],
            "Spawner.start_timeout": 120,
            "Spawner.http_timeout": 120,
            "JupyterHub.bind_url": self.url,
            "JupyterHub.hub_bind_url": f"http://127.0.0.1:{free_port()}",
            "ConfigurableHTTPProxy.command": [proxy],
            "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{free_port()}",
            "ConfigurableHTTPProxy.pid_file": str(self.home / "proxy.pid"),
            "JupyterHub.db_url": f"sqlite:///{self.home / 'hub.db'}",
            "JupyterHub.cookie_secret_file": str(self.home / "cookie_secret"),
            "JupyterHub.cleanup_servers": True,
        }
        lines = [f"load_subconfig({str(config)!r})", "c = get_config()"]
        lines += [f"c.{name} = {value!r}" for name, value in settings.items()]
        lines.append(f"c.JupyterHub.services.append({{'name': {_SERVICE!r}, 'api_token': {self._token!r}}})")
        role = {
            "name": _SERVICE,
            "services": [_SERVICE],
            "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"],
        }
        lines.append(f"c.JupyterHub.load_roles.append({role!r})")
        if welcome is not None:
            lines.append(_WELCOME.format(welcome=str(welcome), name=welcome.name))
        return "\n".join(lines) + "\n"

    @property
    def log(self) -> str:
        """Everything the Hub, the proxy, the gateway and the users' servers have said."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def start_server(self, user: str) -> None:
        """Make a user, and start their server."""
        if self.http.get(f"/users/{user}").status_code == 404:
            self.http.post(f"/users/{user}").raise_for_status()
        self.http.post(f"/users/{user}/server").raise_for_status()
        self._wait(lambda: self.http.get(f"/users/{user}").json()["servers"].get("", {}).get("ready"))

    def stop_server(self, user: str) -> None:
        """End a user's server; its token is worth nothing then."""
        self.http.delete(f"/users/{user}/server").raise_for_status()
        self._wait(lambda: not self.http.get(f"/users/{user}").json()["servers"])

    def user_token(self, user: str, **model: Any) -> str:
        """A token of the user's own, as they would make one on the Hub's token page."""
        made = self.http.post(f"/users/{user}/tokens", json=model).raise_for_status()
        return str(made.json()["token"])

    def start_kernel(self, user: str) -> Path:
        """A kernel on the user's server; gives its connection file."""
        kernels = f"{self.url}/user/{user}/api/kernels"
        made = httpx.post(kernels, headers=dict(self.http.headers), json={"name": "python3"}, timeout=60)
        file = f"kernel-{made.raise_for_status().json()['id']}.json"
        runtime = self.users / user / ".local" / "share" / "jupyter" / "runtime"
        self._wait(
            lambda: (runtime / file).exists() and json.loads((runtime / file).read_text() or "{}").get("key")
        )
        return runtime / file

    def end_kernels(self, user: str) -> None:
        """Shut down every kernel of the user's server, if it runs."""
        kernels = f"{self.url}/user/{user}/api/kernels"
        for kernel in httpx.get(kernels, headers=dict(self.http.headers), timeout=60).json():
            httpx.delete(f"{kernels}/{kernel['id']}", headers=dict(self.http.headers), timeout=60)

    def run_gateway_command(self, *arguments: str) -> str:
        """What `neuroworkflow-agent gateway …` prints, with the gateway's own settings."""
        command = [sys.executable, "-m", "neuroworkflow_agent", "gateway", *arguments]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, check=True).stdout

    def close(self) -> None:
        """End all of it."""
        self.http.close()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def _wait(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                if holds():
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The Hub did not do it:\n{self.log[-6000:]}")
            time.sleep(0.1)
