"""Model servers people run on their own machine: names, standard ports, and whether one answers.

A port of this machine may belong to somebody else, who would read along. Unasked, only servers of the
user's own or of a system account are taken.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_ANSWER_TIMEOUT_S = 1.0
_LISTEN = "0A"
_FIRST_PERSON_UID = 1000


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A kind of server with a Messages API of its own."""

    key: str
    """As in `--model KEY:NAME`."""
    name: str
    port: int
    """Where it listens unless told otherwise."""


LOCAL_SERVERS = (
    LocalServer("ollama", "Ollama", 11434),
    LocalServer("lmstudio", "LM Studio", 1234),
    LocalServer("llamacpp", "llama.cpp", 8080),
    LocalServer("vllm", "vLLM", 8000),
)
BY_KEY: Mapping[str, LocalServer] = {server.key: server for server in LOCAL_SERVERS}


def answering(servers: tuple[LocalServer, ...] = LOCAL_SERVERS) -> Iterator[tuple[LocalServer, str]]:
    """Servers that answer on their standard port and have a model, each with its first one."""
    for server in servers:
        if is_trusted(server.port) and (models := list_models(f"http://127.0.0.1:{server.port}")):
            yield server, models[0]


def list_models(url: str, token: str = "") -> list[str]:
    """Names of the models a server has; empty if it does not answer or does not say."""
    import httpx

    headers = {"x-api-key": token, "authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(
            f"{url}/v1/models", headers=headers, timeout=_ANSWER_TIMEOUT_S, trust_env=not is_loopback(url)
        )
        return [str(model["id"]) for model in answer.json()["data"]] if answer.status_code == 200 else []
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return []


def is_trusted(port: int) -> bool:
    """Whether who listens on this loopback port is the user, or a service of the machine's."""
    if not sys.platform.startswith("linux"):
        return True
    owners = list(_owners(port))
    return bool(owners) and all(uid == os.getuid() or uid < _FIRST_PERSON_UID for uid in owners)


def _owners(port: int) -> Iterator[int]:
    """User ids of those who listen on `port`. Source: proc_net(5), /proc/net/tcp."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                yield int(fields[7])


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine, which no proxy leads to."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
