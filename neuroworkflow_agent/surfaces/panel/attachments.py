"""What a message points at: files, values, the last error; and files that come from the user's computer.

Everything here is called on the engine's loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.kernels.variables.namespace import Namespace
from neuroworkflow_agent.pictures import UnreadablePictureError, encode_picture
from neuroworkflow_agent.skills import skill_names
from neuroworkflow_agent.surfaces.panel.surroundings import Surroundings
from neuroworkflow_agent.text import INVISIBLE, MAX_SECRET_CHARS, clip, one_line, strip_control
from neuroworkflow_agent.workspace import Workspace

UPLOADS = "uploads"
"""Directory of the workspace for files from the user's computer."""
MAX_UPLOAD_BYTES = 20 * 1024 * 1024
MAX_ATTACHMENTS = 20
_MAX_FILE_CHARS = 20_000
_MAX_READ_BYTES = 1_000_000
_MAX_VALUE_CHARS = 4_000
_MAX_LABEL_CHARS = 200
_COMMANDS = {
    "new": "begin a new session",
    "sessions": "go to another session",
    "context": "see the turns, what they cost, and what fills the context",
    "compact": "have a summary stand for what was said so far",
    "model": "choose the model",
    "mode": "choose what the agent may do unasked",
    "stop": "stop the turn",
}
_MAX_SCANNED = 20_000
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
_UNSAFE = re.compile(rf'[\x00-\x1f\x7f<>:"/\\|?*{INVISIBLE}]')


async def attach(
    kind: str,
    value: str,
    *,
    workspace: Path,
    beside: Surroundings,
    hide: Callable[[str], str] = str,
) -> Attachment:
    """What the model is given of something the user points at, without the secrets that `hide` takes out.

    Raises
    ------
    ConfigError
        If it is not there.
    OutsideWorkspaceError
        If a file is not in the workspace.
    """
    match kind:
        case "file":
            return await asyncio.to_thread(_file, value, workspace, hide)
        case "variable":
            return await _variable(value, beside, hide)
        case "error":
            if not (error := beside.error()):
                raise ConfigError("The last cell did not fail; there is no error to show.")
            return Attachment("last error", f"The user's last cell failed:\n{error}")
        case _:
            raise ConfigError(f"kind must be 'file', 'variable' or 'error', got {kind!r}.")


def store_upload(name: str, data: bytes, workspace: Path) -> str:
    """Write an uploaded file; returns its path within the workspace. Nothing there is replaced.

    Raises
    ------
    ConfigError
        If it is too large.
    OutsideWorkspaceError
        If the uploads directory leads out of the workspace.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise ConfigError(
            f"{name!r} is larger than {MAX_UPLOAD_BYTES // 2**20} MB; copy it into the workspace instead."
        )
    directory = Workspace(workspace).resolve(UPLOADS)
    if os.path.lexists(directory) and not directory.is_dir():
        raise ConfigError(f"{UPLOADS!r} of the workspace, where files are put, is no folder. Rename it.")
    directory.mkdir(exist_ok=True)
    for candidate in _names(safe_name(name)):
        try:
            file = (directory / candidate).open("xb")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(data)
        except OSError:  # a full disk: nobody would take a part for the file
            (directory / candidate).unlink(missing_ok=True)
            raise
        return f"{UPLOADS}/{candidate}"
    raise AssertionError("unreachable: names do not run out")


def safe_name(name: str) -> str:
    """A file name without a directory, control characters, or a leading dot."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    cleaned = _UNSAFE.sub("_", strip_control(last)).strip(" .")
    stem, suffix = os.path.splitext(cleaned)  # noqa: PTH122 - a name, not a path
    return (_clipped(stem, 80) + _clipped(suffix, 20)) or "file"


def _clipped(text: str, max_chars: int) -> str:
    """Its beginning, of so many characters and of twice as many bytes at most; a name may have 255 bytes."""
    return text[:max_chars].encode("utf-8", "ignore")[: 2 * max_chars].decode("utf-8", "ignore")


def find_files(query: str, workspace: Path, limit: int) -> list[str]:
    """Paths in the workspace that hold `query`, best first; hidden and generated directories left out."""
    wanted = query.casefold()
    found = [path for path in _paths(workspace) if wanted in path.casefold()]
    found.sort(key=lambda path: (wanted not in path.rsplit("/", 1)[-1].casefold(), path.count("/"), path))
    return found[:limit]


def find_variables(query: str, namespace: Namespace, limit: int) -> list[tuple[str, str]]:
    """Names of the user's that begin with `query`, or hold it, with the types of their values; the latest first."""
    wanted = query.casefold()
    rows = [row for row in namespace.kinds() if wanted in row[0].casefold()]
    # Whoever has typed nothing yet means data, hardly a loop's counter.
    rows.sort(key=lambda row: (not row[0].casefold().startswith(wanted), len(row[0]) == 1))
    return rows[:limit]


def describe_variable(name: str, namespace: Namespace) -> str | None:
    """What a variable of the user's is; None if there is none of that name."""
    summary = namespace.describe(name)
    return None if summary is None else "\n".join([summary.line, *summary.more])


def find_commands(query: str, config: AgentConfig) -> list[dict[str, str]]:
    """Commands of the panel, and skills, whose names hold `query`, which begins with a slash. Reads the disk."""
    names = skill_names(config.workspace, config.skills_dir)
    found = [{"kind": "command", "value": f"/{name}", "detail": about} for name, about in _COMMANDS.items()]
    found += [{"kind": "skill", "value": f"/{name}", "detail": "skill"} for name in names]
    return [each for each in found if query[1:].casefold() in each["value"].casefold()]


def _paths(workspace: Path) -> Iterator[str]:
    scanned = 0
    for directory, names, files in os.walk(workspace):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED)
        base = Path(directory).relative_to(workspace)
        for name in sorted(files):
            scanned += 1
            if scanned > _MAX_SCANNED:
                return
            if not name.startswith("."):
                yield (base / name).as_posix()


def _file(path: str, workspace: Path, hide: Callable[[str], str]) -> Attachment:
    real = Workspace(workspace).resolve(path, for_reading=True)
    label = one_line(path, _MAX_LABEL_CHARS)
    if real.is_dir():
        names = sorted(child.name + ("/" if child.is_dir() else "") for child in real.iterdir())[:200]
        return Attachment(label, f"The user points at the directory {label!r}:\n" + "\n".join(names))
    if real.exists() and not real.is_file():
        raise ConfigError(f"{label!r} cannot be read: it is not a regular file.")
    try:
        with real.open("rb") as file:
            raw = file.read(
                MAX_UPLOAD_BYTES if real.suffix.casefold() in _PICTURE_SUFFIXES else _MAX_READ_BYTES
            )
    except OSError as error:
        raise ConfigError(f"{label!r} cannot be read: {error.strerror or error}.") from error
    if real.suffix.casefold() in _PICTURE_SUFFIXES:
        try:
            return Attachment(label, f"The user points at the picture {label!r}:", (encode_picture(raw),))
        except UnreadablePictureError as error:
            return Attachment(
                label, f"The user points at the file {label!r}, a picture that cannot be read: {error}."
            )
    if b"\0" in raw[:8192]:
        size = real.stat().st_size
        return Attachment(label, f"The user points at the file {label!r}; it is binary, {size:,} bytes.")
    text = hide(raw.decode("utf-8", "replace"))
    if len(raw) == _MAX_READ_BYTES:
        text = text[:-MAX_SECRET_CHARS]  # a secret that reading cut through is not known
    text = clip(text, _MAX_FILE_CHARS)
    return Attachment(label, f"The user points at the file {label!r}:\n{text}")


async def _variable(name: str, beside: Surroundings, hide: Callable[[str], str]) -> Attachment:
    described = await beside.describe(name)
    if described is None:
        raise ConfigError(
            f"There is no variable {one_line(name, _MAX_LABEL_CHARS)!r}; it may not have been run yet."
        )
    text = clip(hide(described), _MAX_VALUE_CHARS)
    return Attachment(name, f"The user points at the variable {name!r}: {text}")


def _names(name: str) -> Iterator[str]:
    """`a.png`, `a-1.png`, `a-2.png` …"""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    yield name
    number = 0
    while True:
        number += 1
        yield f"{stem}-{number}{suffix}"
