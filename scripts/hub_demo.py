"""A JupyterHub to look at: any user name, one password, a recorded or an embedded model behind the gateway."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.gateway.server import hide_from_other_processes
from neuroworkflow_agent.models.access import EndpointAccess
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.testing import RecordedRequest, Reply, ScriptedModel, Text, ToolCall
from neuroworkflow_agent.testing.jupyterhub import Hub
from neuroworkflow_agent.testing.ports import free_port

_ROOT = Path(__file__).resolve().parents[1]
_TURNS = 10_000
_CODE = "import os, sys\nkeys = [name for name in os.environ if 'KEY' in name]\nf'Python {sys.version_info.major}.{sys.version_info.minor}, keys in this kernel: {keys}'"


def _recorded(request: RecordedRequest) -> Reply:
    """Look once into the kernel, then say that this is a recording."""
    last = request.body["messages"][-1]
    is_answer = isinstance(last["content"], list) and any(
        b.get("type") == "tool_result" for b in last["content"]
    )
    if is_answer:
        return Reply.text(
            "That ran in **your own kernel**, and no key is there: this answer came through the hub's gateway. "
            "(It is a recording; start the demo with `--model local` for a small real model.)",
            delay_s=0.02,
        )
    look = ToolCall("mcp__neuroworkflow__run_code", {"code": _CODE})
    return Reply((Text("I look into your kernel.", delay_s=0.02), look))


@contextlib.contextmanager
def _upstream(model: str) -> Iterator[tuple[str, str]]:
    """URL and key of a Messages API."""
    if model == "recorded":
        with ScriptedModel([_recorded] * _TURNS, api_key=secrets.token_hex(16)) as scripted:
            yield scripted.base_url, scripted.api_key
        return
    access = EndpointAccess(choose_endpoint(AgentConfig.from_env(model="local")))
    try:
        environ = access.open()
        yield environ["ANTHROPIC_BASE_URL"], environ["ANTHROPIC_API_KEY"]
    finally:
        access.close()


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--port", type=int, default=8000, help="where the hub listens on 127.0.0.1 (0: a free port)"
    )
    parser.add_argument("--model", choices=("recorded", "local"), default="recorded", help="what answers")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    hide_from_other_processes()
    home = Path(tempfile.mkdtemp(prefix="neuroworkflow-hub-"))
    try:
        with _upstream(options.model) as (url, key):
            _serve(home, options.port or free_port(), url, key)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    except (AgentError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _serve(home: Path, port: int, upstream_url: str, key: str) -> None:
    key_file, password = home / "key", secrets.token_urlsafe(9)
    key_file.touch(0o600)
    key_file.write_text(key, encoding="utf-8")
    environ = {
        "NEUROWORKFLOW_GATEWAY_API_KEY_FILE": str(key_file),
        "NEUROWORKFLOW_GATEWAY_UPSTREAM_URL": upstream_url,
        "NEUROWORKFLOW_GATEWAY_USER_TOKENS_PER_DAY": "1000000",
        "NEUROWORKFLOW_GATEWAY_PRICES": '{"*": {"input": 0, "output": 0}}',
    }
    config = _ROOT / "deploy" / "jupyterhub_config.py"
    welcome = _ROOT / "notebooks" / "hub.ipynb"
    hub = Hub(home / "hub", config, environ, password=password, port=port, welcome=welcome)
    try:
        # From here on the key is in the gateway's memory and nowhere else.
        key_file.unlink()
        print(f"The hub is at {hub.url}", flush=True)
        print(f"Log in as anybody (alice, bob, …) with the password {password}", flush=True)
        print("Stop it with Ctrl-C.", flush=True)
        hub.process.wait()
        print(hub.log[-3000:], file=sys.stderr)
    finally:
        hub.close()


if __name__ == "__main__":
    sys.exit(main())
