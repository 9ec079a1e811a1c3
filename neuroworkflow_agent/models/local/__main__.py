"""`python -m neuroworkflow_agent.models.local STATE_FILE`: the embedded model's server process.

It owns the llama.cpp server, which runs in threads of this process and ends with it.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

import httpx

from neuroworkflow_agent.models.host import host
from neuroworkflow_agent.models.local.app import LocalModel
from neuroworkflow_agent.models.local.hub import download
from neuroworkflow_agent.models.local.weights import (
    SMALL_PARAMETERS,
    WeightsError,
    assemble,
    named,
    verify,
)

_SMALL_FILE_BYTES = 2_500_000_000
_SMALL_CONTEXT_TOKENS = 8_192
_CONTEXT_TOKENS = 32_768
"""What the agent's full prompt with its tools and a long notebook needs."""
_BATCH_TOKENS = 128
"""What is read between two looks at whether it is still wanted: a second or two on two cores."""
_KEPT_MIB = 512
"""For beginnings of other sessions, about 28 KiB a token; llama.cpp itself takes up to 8 GiB."""


def main() -> None:
    """Load the model and serve it; the reason of a failure is the last line on standard error."""
    settings = json.load(sys.stdin)
    try:
        model = _model_file(settings)
        server, key = _start_llama(model)
    except (WeightsError, OSError, ImportError, RuntimeError) as error:
        sys.exit(_reason(error, settings))
    with httpx.Client(base_url=server.listening_address, headers=_bearer(key), trust_env=False) as client:
        facts = client.get("/v1/models").json()["data"][0]["meta"]
    client_for_app = httpx.AsyncClient(
        base_url=server.listening_address, headers=_bearer(key), timeout=httpx.Timeout(None), trust_env=False
    )
    local = LocalModel(
        client_for_app,
        name=model.stem,
        n_ctx=facts["n_ctx"],
        is_small=facts["n_params"] < SMALL_PARAMETERS,
    )
    host(local.app(), Path(sys.argv[1]), idle_s=float(settings["idle_s"]))
    # llama.cpp's threads would hold the interpreter's end up; nothing of ours is left to be done.
    os._exit(0)


def _model_file(settings: dict[str, Any]) -> Path:
    if settings.get("path"):
        return Path(settings["path"])
    if settings.get("repo"):
        return download(settings["repo"], settings["file"])
    weights = named(settings["weights"])
    path = assemble(Path(settings["cache"]), weights)
    verify(path, weights)
    return path


def _start_llama(model: Path) -> tuple[Any, str]:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.port = 0
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [key := secrets.token_urlsafe(32)]
    params.verbosity = -1
    params.ui = False
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cache_ram_mib = _KEPT_MIB
    params.n_ctx = _SMALL_CONTEXT_TOKENS if model.stat().st_size < _SMALL_FILE_BYTES else _CONTEXT_TOKENS
    return xllamacpp.Server(params), key


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _reason(error: Exception, settings: dict[str, Any]) -> str:
    if isinstance(error, ImportError):
        return f'{error}. Install it: pip install "neuroworkflow-agent[local]".'
    if isinstance(error, RuntimeError):
        what = settings.get("path") or settings.get("file") or settings["weights"]
        return f"'{what}' could not be loaded; it is not a GGUF file, or there is not enough memory for it."
    return str(error)


if __name__ == "__main__":
    main()
