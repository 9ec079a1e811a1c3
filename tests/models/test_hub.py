"""A GGUF file of a Hugging Face repository, from an endpoint on loopback, through huggingface_hub itself."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.models.local.hub import try_split

pytest.importorskip("huggingface_hub")
BYTES = b"GGUF" + bytes(range(256)) * 40
_DOWNLOAD = """
import sys
from neuroworkflow_agent.models.local.hub import download
from neuroworkflow_agent.models.local.weights import WeightsError
try:
    print(download(*sys.argv[1:]))
except WeightsError as error:
    sys.exit(str(error))
"""


class _Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        if self.path.startswith("/lab/tiny-GGUF/resolve/main/q4/tiny.gguf"):
            self.send_response(200)
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(BYTES).hexdigest()}"')
            self.send_header("Content-Length", str(len(BYTES)))
        else:
            known = self.path.startswith("/lab/tiny-GGUF/")
            self.send_response(404 if known else 401)
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
            self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if "tiny.gguf" in self.path:
            self.wfile.write(BYTES)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A hub with one repository and one file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def fetch(endpoint: str, home: Path, repo: str, file: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as huggingface_hub reads its settings once."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environ |= {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "*",
    }
    command = [sys.executable, "-c", _DOWNLOAD, repo, file]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def test_file_is_downloaded_once_and_kept(endpoint: str, tmp_path: Path) -> None:
    first = fetch(endpoint, tmp_path, "lab/tiny-GGUF", "q4/tiny.gguf")
    assert first.returncode == 0, first.stderr
    assert Path(first.stdout.strip()).read_bytes() == BYTES
    again = fetch("http://127.0.0.1:9", tmp_path, "lab/tiny-GGUF", "q4/tiny.gguf")
    assert again.stdout == first.stdout, again.stderr


@pytest.mark.parametrize(
    ("repo", "file", "says"),
    [
        ("lab/tiny-GGUF", "other.gguf", "The repository 'lab/tiny-GGUF' has no file 'other.gguf'."),
        ("lab/none", "tiny.gguf", "There is no repository 'lab/none' on Hugging Face, or it needs a token"),
    ],
)
def test_what_is_not_there_is_said(endpoint: str, tmp_path: Path, repo: str, file: str, says: str) -> None:
    ran = fetch(endpoint, tmp_path, repo, file)
    assert ran.returncode == 1
    assert ran.stderr.strip().splitlines()[-1].startswith(says)


@pytest.mark.thorough
def test_hub_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    """Of which huggingface_hub makes sure for 20 s."""
    ran = fetch("http://127.0.0.1:9", tmp_path, "lab/tiny-GGUF", "tiny.gguf")
    assert "is not on this machine and Hugging Face cannot be reached" in ran.stderr


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("lab/tiny-GGUF/q4/tiny.gguf", ("lab/tiny-GGUF", "q4/tiny.gguf")),
        ("lab/tiny/tiny.gguf", ("lab/tiny", "tiny.gguf")),
        ("/home/me/x/tiny.gguf", None),
        ("models/tiny.gguf", None),
        ("tiny.gguf", None),
        ("lab/tiny/README.md", None),
        ("", None),
        ("a/b/../../x.gguf", None),
        ("../b/x.gguf", None),
    ],
)
def test_name_of_a_file_on_the_hub(name: str, parts: tuple[str, str] | None) -> None:
    assert try_split(name) == parts
