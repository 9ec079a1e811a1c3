"""The command line's part for signing in: asks, calls, prints."""

from __future__ import annotations

import getpass
import sys
import warnings
from typing import Annotated

import typer

from neuroworkflow_agent import credentials
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import KINDS, Kind
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.console import echo

_WHO = {
    "anthropic": "Anthropic",
    "openai": "OpenAI, or a provider that speaks as it does",
    "gateway": "a hub's gateway",
    "server": "a model server of yours: Ollama, LM Studio, vLLM …",
}
_MAX_KEY_CHARS = 20_000


def add_commands(app: typer.Typer) -> None:
    """Give `app` the commands for signing in."""
    app.command("login")(login)
    app.command("logout")(logout)


def login(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[anthropic|openai|gateway|server]",
            help="Who takes the key; asked for if left out.",
            autocompletion=lambda: list(KINDS),
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Base URL, for a gateway, a server, or another provider.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model to use unless another is named.")] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Keep the key without asking whether it is taken.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only say whether you are signed in; exit 1 if not.")
    ] = False,
) -> None:
    """Keep a key for all your sessions, once its endpoint has taken it.

    The key is asked for without echo, or read from standard input: `login anthropic < key.txt`. It is never an argument,
    which others on the machine could read. Environment variables go before it.
    """
    from neuroworkflow_agent.models.sign_in import default_url, plain_url, require_no_gateway, sign_in
    from neuroworkflow_agent.surfaces.sign_in import describe, notes

    if status:
        found = describe(AgentConfig.from_env())
        echo(found.text)
        raise typer.Exit(0 if found.is_signed_in else 1)
    require_no_gateway(AgentConfig.from_env())
    credentials.require_place()
    chosen = _kind(kind)
    address = plain_url(url or default_url(chosen) or _asked_url(chosen))
    kept = sign_in(chosen, _key(chosen, address), address, model, unchecked=unchecked)
    echo(f"You are signed in to {kept.url}. What you gave is kept in {kept.place}.")
    for note in notes(AgentConfig.from_env()):
        echo(note)


def logout() -> None:
    """Forget the key that `login` kept."""
    was_kept = credentials.forget()
    echo("You are signed out: the key is removed." if was_kept else "You were not signed in.")


def _kind(given: str | None) -> Kind:
    if given is None:
        _require_terminal("Say who takes the key: neuroworkflow-agent login anthropic")
        echo("Who takes your key?")
        for number, who in enumerate(_WHO.values(), 1):
            echo(f"  {number}  {who}")
        number = typer.prompt("Number", default="1", prompt_suffix=": ").strip()
        given = KINDS[int(number) - 1] if number in ("1", "2", "3", "4") else number
    if given in KINDS:
        return given
    # What was given may be a key, so it is not repeated.
    raise ConfigError(
        f"That is none of {', '.join(KINDS)}. A key is no argument: it is asked for, or read from standard input."
    )


def _asked_url(kind: Kind) -> str:
    example = "https://hub.example.org/services/agent" if kind == "gateway" else "http://127.0.0.1:11434"
    _require_terminal(f"Give its address: neuroworkflow-agent login {kind} --url {example}")
    return str(typer.prompt(f"Base URL, such as {example}")).strip()


def _require_terminal(advice: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError(f"There is no terminal to ask on. {advice}")


def _key(kind: Kind, address: str) -> str:
    """The key, without an echo: from the terminal, or all of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.read(_MAX_KEY_CHARS)
    optional = ", Enter if it asks for none" if kind == "server" else ""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"Key for {address} (not shown{optional}): ")
        except getpass.GetPassWarning:
            raise ConfigError(
                "This terminal cannot hide what is typed. Give the key on standard input: "
                f"neuroworkflow-agent login {kind} < FILE"
            ) from None
