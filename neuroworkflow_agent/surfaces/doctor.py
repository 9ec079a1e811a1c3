"""`doctor`: can a turn run here, and if not, what is the one thing to do?"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.text import one_line

_PACKAGES = ("claude-agent-sdk", "ipython", "ipykernel", "nbclient", "jupyter-client")
_CLI_TIMEOUT_S = 30.0
_KERNEL = re.compile(r"kernel-([0-9a-f-]{36})\.json")
"""A kernel's connection file in the command line that started it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str
    """What was found."""
    advice: str = ""
    """What to do, if it is not right."""


def examine(make_config: Callable[[], AgentConfig]) -> list[Finding]:
    """Look at everything a turn needs, in the order in which it is needed.

    Parameters
    ----------
    make_config
        Makes the settings; its errors become findings.
    """
    findings = [*_installed()]
    try:
        config = make_config()
    except AgentError as error:
        return [*findings, Finding("settings", False, "not usable", str(error))]
    return [
        *findings,
        *_workspace(config),
        _cli(config),
        *_sign_in(config),
        *_endpoint(config),
        *_mcp_servers(config),
        _kernelspecs(),
        *_notebook(config),
    ]


def _installed() -> Iterator[Finding]:
    yield Finding("python", True, f"{platform.python_version()} on {platform.system()}")
    for package in ("neuroworkflow-agent", *_PACKAGES):
        try:
            yield Finding(package, True, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, False, "not installed", f"Install it: pip install {package}")


def _workspace(config: AgentConfig) -> Iterator[Finding]:
    from neuroworkflow_agent import skills

    yield Finding("workspace", True, str(config.workspace))
    found = skills.find_skills_dir(config.workspace) if config.skills_dir is None else None
    directory = found.directory if found else config.skills_dir
    names = ", ".join(skill.name for skill in skills.find_skills(directory)) if directory else ""
    of_folder = f"{directory}: {names or 'none'}; " if directory else ""
    bundled = skills.bundled_skills_dir()
    ours = ", ".join(skill.name for skill in skills.find_skills(bundled)) if bundled else "none"
    yield Finding("skills", True, f"{of_folder}with the package: {ours}")
    for skipped in found.skipped if found else ():
        yield Finding("skills", False, "skipped", skipped)


def _cli(config: AgentConfig) -> Finding:
    from neuroworkflow_agent.engine.claude.launcher import detached, find_cli

    cli = find_cli(config.cli_path)
    advice = "Reinstall claude-agent-sdk; its wheel brings the claude program."
    if cli is None:
        return Finding("claude", False, "not found", advice)
    try:
        command = [str(detached(cli)), "--version"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=_CLI_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("claude", False, f"{cli} does not start: {error}", advice)
    return Finding("claude", True, f"{result.stdout.strip()} at {cli}")


def _sign_in(config: AgentConfig) -> Iterator[Finding]:
    """What was kept; whether that is in order matters for the endpoint alone."""
    from neuroworkflow_agent.surfaces.sign_in import describe

    if config.sign_in is not None or config.sign_in_trouble:
        yield Finding("sign-in", True, describe(config).text)


def _endpoint(config: AgentConfig) -> Iterator[Finding]:
    from neuroworkflow_agent.models.choose import choose_endpoint
    from neuroworkflow_agent.models.probe import probe

    try:
        endpoint = choose_endpoint(config)
    except AgentError as error:
        yield Finding("endpoint", False, "none", str(error))
        return
    model = endpoint.model or "the CLI's default model"
    seen = probe(endpoint)
    place = f" at {endpoint.url}" if endpoint.url else ""
    limits = endpoint.limits.rstrip(".")
    parts = (seen.detail, limits[:1].lower() + limits[1:], endpoint.weights_from)
    said = "; ".join(part for part in parts if part)
    detail = f"{endpoint.name}{place}, {model}, because {endpoint.why}; {said}".rstrip("; ")
    advice = seen.refusal or (
        "" if seen.answers else f"Check the network, and whether {endpoint.url} is right."
    )
    yield Finding("endpoint", seen.answers and not seen.refusal, detail, advice)


def _mcp_servers(config: AgentConfig) -> Iterator[Finding]:
    from neuroworkflow_agent.tools.user_servers import list_tools

    for name, server in config.mcp_servers.items():
        try:
            tools = asyncio.run(list_tools(server, config.environ, config.workspace))
        except Exception as error:  # noqa: BLE001 - a stranger's program
            place = server.get("url") or server.get("command")
            advice = f"Look at {place}, and at its settings in NEUROWORKFLOW_MCP_CONFIG."
            yield Finding(f"mcp server {name}", False, f"does not answer: {_reason(error)}", advice)
            continue
        reading = sum(tools.values())
        detail = (
            f"{len(tools)} tool{'' if len(tools) == 1 else 's'}; {reading} of them only for reading, it says"
        )
        yield Finding(f"mcp server {name}", True, detail)


def _reason(error: BaseException) -> str:
    """What is at the bottom of it: task groups wrap errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = one_line(str(error), 300)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _notebook(config: AgentConfig) -> Iterator[Finding]:
    """Which notebook this process belongs to, where a kernel has started it: `!neuroworkflow-agent doctor` in a cell."""
    import psutil
    from jupyter_core.paths import jupyter_runtime_dir

    from neuroworkflow_agent.notebooks.belonging import find_notebook

    commands = (" ".join(_command(parent)) for parent in psutil.Process().parents())
    kernel_id = next((found[1] for command in commands if (found := _KERNEL.search(command))), "")
    if not kernel_id:
        return  # a terminal, which belongs to none
    belonging = find_notebook(config.environ, kernel_id=kernel_id, runtime_dir=Path(jupyter_runtime_dir()))
    if belonging.path is not None:
        yield Finding("notebook", True, f"{belonging.path}, says {belonging.said_by}")
        return
    advice = "Cells are edited in a page of JupyterLab or Notebook 7; a file that may be open elsewhere is never written."
    yield Finding("notebook", True, f"not known: {belonging.said_by}", advice)


def _command(process: Any) -> list[str]:
    import psutil

    try:
        command: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return command


def _kernelspecs() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    names = sorted(KernelSpecManager().find_kernel_specs())
    advice = "" if names else "Install a kernel: pip install ipykernel"
    return Finding("kernelspecs", bool(names), ", ".join(names) or "none", advice)
