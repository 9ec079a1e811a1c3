"""A notebook file verified without a browser, and what is said of a verification."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.kernels.process import START_TIMEOUT_S
from neuroworkflow_agent.notebooks.reading import parse_notebook, read_text
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.render.parts import Rendered, listing
from neuroworkflow_agent.text import one_line
from neuroworkflow_agent.verification.fresh_run import verify
from neuroworkflow_agent.verification.verdicts import BAD, Verification

NOT_VERIFIED = 6
"""Exit code of a run whose notebook was not verified, though everything else went well."""
_LINE_CHARS = 240
_REPORT_ENDINGS = (".html", ".htm")


def verify_file(
    path: Path,
    environ: Mapping[str, str],
    *,
    cwd: Path,
    kernel: str | None = None,
    timeout_s: float | None = None,
    start_timeout_s: float = START_TIMEOUT_S,
    upgrade: bool = False,
    on_cell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verification:
    """Run a notebook file anew and compare, blocking; Ctrl-C ends it. See `begin_to_verify`."""
    future = begin_to_verify(
        path,
        environ,
        cwd=cwd,
        kernel=kernel,
        timeout_s=timeout_s,
        start_timeout_s=start_timeout_s,
        upgrade=upgrade,
        on_cell=on_cell,
    )
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def begin_to_verify(
    path: Path, environ: Mapping[str, str], *, cwd: Path, upgrade: bool = False, **how: Any
) -> Future[Verification]:
    """Begin to run a notebook file anew; cancelled, it ends with its kernel. The file stays as it is.

    Parameters
    ----------
    how
        More arguments of `verify`.

    Raises
    ------
    NotebookError
        If it cannot be read; the future raises NoKernelSpecError if there is no such kernelspec.
    """
    notebook = parse_notebook(read_text(path), str(path), upgrade=upgrade)
    return shared_portal().submit(verify(notebook, path.name, cwd=cwd, environ=environ, **how))


def require_report_place(path: Path) -> None:
    """See that a report can be put in a file and takes no other file's place, before the notebook is run for it.

    Raises
    ------
    ConfigError
        If it cannot.
    """
    if path.suffix.lower() not in _REPORT_ENDINGS:
        raise ConfigError(f"A report is an HTML page and ends in .html, got '{path}'.")
    try:
        is_folder_there, is_blocked = path.resolve().parent.is_dir(), False
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            is_blocked = bool(path.lstat()) and not path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have, or a loop of links
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"The report cannot be written to '{path}': {reason}.") from error
    if not is_folder_there:
        raise ConfigError(f"The report cannot be written to '{path}': there is no such folder.")
    if is_blocked:
        raise ConfigError(f"The report cannot be written to '{path}': it is no regular file.")


def write_report(found: Verification, path: Path) -> None:
    """Put the HTML report of a verification in a file.

    Raises
    ------
    ConfigError
        If it cannot be written there.
    """
    from neuroworkflow_agent.verification.report import report

    try:
        write_private(path, report(found).encode("utf-8", "replace"))
    except OSError as error:
        raise ConfigError(f"The report cannot be written to '{path}': {error.strerror}.") from error


def as_listing(found: Verification, hide: Callable[[str], str]) -> Rendered:
    """A verification as a cell shows it; `hide` takes known secrets out."""
    head, *lines = in_lines(found.as_json())
    return listing(head, [hide(line.strip()) for line in lines])


def in_lines(found: Mapping[str, Any]) -> list[str]:
    """A verification, as `as_json` gives it, in lines of text: the sentence, what stands against the notebook, remarks."""
    lines = [str(found["summary"])]
    for each in found["cells"]:
        why = one_line("; ".join(each["reasons"]), _LINE_CHARS)
        if each["state"] in BAD:
            lines.append(f"  cell {each['number']} {each['state']}: {why}")
        elif each["state"] == "skipped":
            lines.append(f"  cell {each['number']} was not run: {why}")
    return [*lines, *(f"  {remark}" for remark in found["remarks"])]
