"""A real web chat in a process of its own, for tests.

`WebChatServer` owns the process until `close`; what it keeps is below its home.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from neuroworkflow_agent.models.scripted.server import ScriptedModel
from neuroworkflow_agent.testing.environ import JUPYTERS, private_environ

_START_S = 60.0
_END_S = 20.0
_ANSWER_S = 90.0
"""The first answers wait for what a server that was just started imports."""


class WebChatServer:
    """`neuroworkflow-agent web` on loopback.

    Parameters
    ----------
    home
        Where everything is kept; the workspace is in it.
    model
        Who answers.
    more
        Arguments of its command line.
    settings
        Environment variables of its.
    """

    def __init__(self, home: Path, model: ScriptedModel, *more: str, **settings: str) -> None:
        self.home = home
        self.root = home / "workspace"
        self.root.mkdir(parents=True, exist_ok=True)
        self.model = model
        self.env = {**private_environ(home, *JUPYTERS), **model.environ, **settings}
        self._more = more
        self.log = (home / "web.log").open("ab")
        self.process, self.url = self._start(0)
        """The address that was printed."""

    @property
    def base(self) -> str:
        """The server's address, without the token."""
        return self.url.partition("/?")[0]

    @property
    def port(self) -> int:
        """Its port."""
        return httpx.URL(self.url).port or 0

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A client that has signed in."""
        with httpx.Client(base_url=self.base, timeout=_ANSWER_S, follow_redirects=True) as client:
            client.get(self.url).raise_for_status()
            yield client

    def kill(self) -> None:
        """End the server as `kill -9` does, and see what it has started end by itself."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait(10)
        _gone, alive = psutil.wait_procs(started, timeout=_END_S)
        if alive:
            raise AssertionError(f"Left behind: {[each.name() for each in alive]}")

    def start_again(self) -> None:
        """Start another one on the same port, for the same home."""
        self.process, self.url = self._start(self.port)

    def close(self) -> None:
        """End the server as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()

    def _start(self, port: int) -> tuple[subprocess.Popen[str], str]:
        command = [
            sys.executable,
            "-m",
            "neuroworkflow_agent",
            "web",
            "--no-browser",
            "--port",
            str(port),
            *self._more,
        ]
        deadline = time.monotonic() + _START_S
        while True:
            process = subprocess.Popen(
                command, cwd=self.root, env=self.env, stdout=subprocess.PIPE, stderr=self.log, text=True
            )
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            process.stdout.close()
            if line:
                return process, line
            process.wait()
            if time.monotonic() > deadline:
                raise RuntimeError((self.home / "web.log").read_text(encoding="utf-8"))


class WebChatPage:
    """What a page of the web chat knows, without a browser. It owns a thread that reads the stream, until `close`.

    Parameters
    ----------
    client
        One that has signed in; its base is the page's.
    chat
        Id of its session; None for a new one.
    place
        Where the code of a new one runs, if not in a kernel of its own.
    """

    def __init__(
        self, client: httpx.Client, chat: str | None = None, place: dict[str, str] | None = None
    ) -> None:
        self.client = client
        self.id = chat or str(client.post("/chats", json={"place": place}).raise_for_status().json()["id"])
        self.place = ""
        """Where it says that its code runs."""
        self.items: dict[str, dict[str, Any]] = {}
        self.state: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.times: list[float] = []
        """`time.monotonic()` at each change of the chat."""
        self._changed = threading.Condition()
        self._seq: int | None = None
        self._is_open = threading.Event()
        url = client.base_url
        self._connection = http.client.HTTPConnection(url.host, url.port or 80, timeout=60)
        self._connection.connect()
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._is_open.wait(30)
        self.send(type="hello", view="page")

    def send(self, **message: Any) -> dict[str, Any]:
        """Send a message; gives the answer to one with a `request`."""
        answer = self.client.post(f"/chats/{self.id}/messages", json={"message": message}, timeout=60)
        answered: dict[str, Any] = answer.raise_for_status().json()["message"] or {}
        return answered

    def ask(self, text: str) -> dict[str, Any]:
        """Send what a person says."""
        return self.send(type="ask", text=text, chips=[], request="page:1")

    def wait_for(self, holds: Callable[[], object], timeout_s: float = 30.0) -> None:
        """Until it is so, looked at after each change."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(holds()), timeout_s):
                raise AssertionError(f"It did not come true; the page has {self.kinds} and {self.state}.")

    def wait_for_end(self, count: int = 1) -> str:
        """Until so many turns have ended; how the last one did."""
        self.wait_for(lambda: self.kinds.count("end") >= count and not self.state.get("busy"))
        return str([item["end"] for item in self.items.values() if item["kind"] == "end"][-1])

    @property
    def kinds(self) -> list[str]:
        """What is shown, in its order."""
        return [item["kind"] for item in self.items.values()]

    @property
    def said(self) -> list[str]:
        """What the user said."""
        return [item["text"] for item in self.items.values() if item["kind"] == "user"]

    @property
    def answers(self) -> list[str]:
        """Answers, as their HTML."""
        return ["".join(item["parts"]) for item in self.items.values() if item["kind"] == "answer"]

    def close(self) -> None:
        """Leave the stream."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # which wakes the reader
        self._thread.join(10)

    def _read(self) -> None:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookies.jar)
        root = self.client.base_url.path.rstrip("/")
        self._connection.request("GET", f"{root}/events?chat={self.id}", headers={"Cookie": cookies})
        answer = self._connection.getresponse()
        kind = ""
        with answer, contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while line := answer.readline().decode():
                if line.startswith(":"):
                    self._is_open.set()
                elif line.startswith("event: "):
                    kind = line[7:].strip()
                elif line.startswith("data: "):
                    with self._changed:
                        self._take(kind, json.loads(line[6:])["message"])
                        self._changed.notify_all()
        self._connection.close()

    def _take(self, kind: str, message: Any) -> None:
        if kind == "chats":
            self.rows = message
        elif kind == "place":
            self.place = message
        elif kind == "chat" and message["type"] == "snapshot":
            if message["part"] == 0:
                self.items = {}
            self.items |= {item["id"]: item for item in message["items"]}
            self.state, self._seq = message["state"], message["seq"]
        elif (
            kind == "chat"
            and message["type"] == "patch"
            and self._seq is not None
            and message["seq"] > self._seq
        ):
            self.times.append(time.monotonic())
            self._seq = message["seq"]
            self.state |= message["state"]
            for op in message["ops"]:
                self._apply(op)

    def _apply(self, op: dict[str, Any]) -> None:
        if op["op"] == "put":
            self.items[op["item"]["id"]] = op["item"]
        elif op["op"] == "set":
            self.items[op["id"]] |= op["fields"]
        elif op["tail"] is None:
            del self.items[op["id"]]["parts"][op["start"] :]
        else:
            parts = self.items[op["id"]]["parts"]
            kept = parts[op["start"]][: op["keep"]] if op["start"] < len(parts) else ""
            parts[op["start"] :] = [kept + op["tail"], *op["more"]]
