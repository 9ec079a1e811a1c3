"""The gate against links, pipes, devices, names and races; the operating system says what a path leads to."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from neuroworkflow_agent.config import MODES
from neuroworkflow_agent.engine.permissions import Allow, decide
from neuroworkflow_agent.skills import prepare
from neuroworkflow_agent.workspace import Workspace
from tests import tiers
from tests.tools.offered import TOOLS

_CALLS, _SKILLS, _RACES = 7_000, 2_500, 500
"""Ten thousand cases together."""
_SECRET = b"what nobody may copy"
_NAMES = (
    "a", "B", "data.txt", " ", "...", "-rf", "a\nb", "x" * 250, "\u202egnp.py", "a\u200bb", "é", "日本", "~", "$HOME", "*", "[a]", "{a,b}",
    ".git", ".GIT", ".vscode", ".claude", "skills", "hooks", "tasks.json", ".envrc", ".mcp.json", "sitecustomize.py", "SKILL.md",
)  # fmt: skip
_TARGETS = (
    "/", "/dev/zero", "/dev/stdin", "/dev/fd/0", "/proc/self/root", "/proc/self/cwd", "/proc/self/environ", "/etc/passwd",
    ".", "..", "../..", "../outside", "../../outside/secret", "../outside/../outside/deep", "a", "B", "missing",
)  # fmt: skip
_PATH_OF = {"Read": "file_path", "Write": "file_path", "Edit": "file_path"}
_KINDS = ("file", "file", "directory", "directory", "link", "link", "pipe", "socket", "device")
_PROTECTED_DIRECTORIES = {".git", ".vscode"}
_PROTECTED_FILES = {".envrc", ".mcp.json", "sitecustomize.py"}


@pytest.fixture
def none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroworkflow_agent.skills.bundled_skills_dir", lambda: None)


@contextlib.contextmanager
def within(limit_s: float, *, max_file_bytes: int = 8_000_000) -> Iterator[None]:
    """Fail where a pipe is waited for, or a device fills the disk."""

    def too_late(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not done within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, too_late)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, hard))
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def case(base: Path, number: int, kind: str) -> Iterator[tuple[random.Random, Path]]:
    """Choices that the seed leads back to, and a directory with something secret outside of `work`."""
    chosen = random.Random(f"{tiers.SEED} {kind} {number}")
    top = base / f"{kind}-{number}"
    (top / "outside" / "deep").mkdir(parents=True)
    for secret in (top / "outside" / "secret", top / "outside" / "deep" / "SKILL.md"):
        secret.write_bytes(_SECRET)
    (top / "work").mkdir()
    try:
        yield chosen, top
    finally:
        shutil.rmtree(top)


def make(path: Path, kind: str, chosen: random.Random, outside: Path) -> None:
    """One entry of a hostile folder; what this system does not let us make becomes a link to its like."""
    match kind:
        case "file":
            path.write_text("harmless")
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to(chosen.choice((*_TARGETS, str(outside), str(outside / "secret"))))
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as listener:  # a name too long
                listener.bind(str(path))
        case "device":
            try:
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
            except PermissionError:
                path.symlink_to("/dev/zero")


def fill(top: Path, chosen: random.Random, outside: Path) -> list[Path]:
    """Put some entries below `top`, and say which."""
    directories, made = [top], [top]
    for _ in range(chosen.randint(3, 12)):
        path, kind = chosen.choice(directories) / chosen.choice(_NAMES), chosen.choice(_KINDS)
        if os.path.lexists(path):
            continue
        make(path, kind, chosen, outside)
        made.append(path)
        if kind == "directory":
            directories.append(path)
    return made


def written(path: Path, root: Path, chosen: random.Random) -> str:
    """One of the ways to write a path."""
    text = chosen.choice((str(path), os.path.relpath(path, root), str(path.relative_to(root))))
    for _ in range(chosen.randint(0, 3)):
        text = chosen.choice(
            (
                f"{text}/{chosen.choice(_NAMES)}",
                f"{text}/..",
                f"{text}/../{path.name}",
                f"{text}/.",
                f"./{text}",
                text.replace("/", "//"),
                f"{text}/",
            )
        )
    return text


def where(root: Path, text: str) -> tuple[str, int | None]:
    """The real path of `text` as the kernel resolves it, of its nearest ancestor if it is not there; and its type."""
    at = root / text
    kind: int | None = None
    with contextlib.suppress(OSError):
        kind = stat.S_IFMT(at.stat().st_mode)
    while True:
        try:
            handle = os.open(at, os.O_PATH)
        except OSError:
            # A link to nothing leads where writing through it would create a file.
            at = (at.parent / at.readlink()).parent if at.is_symlink() else at.parent
            continue
        try:
            return str(Path(f"/proc/self/fd/{handle}").readlink()), kind
        finally:
            os.close(handle)


def escapes(tool: str, text: str, mode: str, root: Path) -> str:
    """Why a call that was allowed must not have been; empty if it may."""
    # The CLI drops a name together with the `..` behind it before it opens a path.
    plain = os.path.normpath(text)
    for way in [plain] + [text] * (root / text).exists():
        real, kind = where(root, way)
        if Path(real) != root and root not in Path(real).parents:
            return f"leads to {real!r}"
        if way == plain and kind not in (None, stat.S_IFREG, stat.S_IFDIR):
            return f"is of type {kind:o}"
    if tool not in ("Write", "Edit"):
        return ""
    if mode != "edit":
        return f"writes in {mode}"
    parts = [part for part in text.split("/") if part]
    if ".." not in parts and (
        not _PROTECTED_DIRECTORIES.isdisjoint(parts) or _PROTECTED_FILES & set(parts[-1:])
    ):
        return "is obeyed by other programs"
    return ""


def test_an_allowed_call_stays_with_regular_files_inside(tmp_path: Path) -> None:
    allowed = 0
    for number in range(tiers.count(_CALLS)):
        with case(tmp_path, number, "call") as (chosen, top):
            root = (top / "work").resolve()
            made = fill(root, chosen, top / "outside")
            for _ in range(8):
                tool = chosen.choice(("Read", "Write", "Edit", "Glob", "Grep"))
                text, mode = written(chosen.choice(made), root, chosen), chosen.choice(MODES)
                given: dict[str, Any] = {_PATH_OF.get(tool, "path"): text, "pattern": "*"}
                with within(5.0):
                    decision = decide(tool, given, Workspace(root), mode, TOOLS)
                if decision == Allow():
                    allowed += 1
                    assert escapes(tool, text, mode, root) == "", (number, tool, text, mode)
    assert allowed > 0


def copied(plugin: Path) -> list[str]:
    """What a plugin holds that no skill of a case may bring along."""
    wrong = []
    for path in plugin.rglob("*"):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            wrong.append(f"{path} is of type {stat.S_IFMT(mode):o}")
        elif stat.S_ISREG(mode) and (_SECRET in path.read_bytes() or b"root:" in path.read_bytes()):
            wrong.append(f"{path} is a copy from outside")
    return wrong


@pytest.mark.usefixtures("none_of_ours")
def test_a_hostile_skill_brings_nothing_along_and_leaves_the_others(tmp_path: Path) -> None:
    for number in range(tiers.count(_SKILLS)):
        with case(tmp_path, number, "skill") as (chosen, top):
            skills = top / "work" / "skills"
            for name in ("good", "hostile"):
                (skills / name).mkdir(parents=True)
            (skills / "good" / "SKILL.md").write_text("# Says hello")
            make(skills / "hostile" / "SKILL.md", chosen.choice(_KINDS), chosen, top / "outside")
            make(skills / "flat.md", chosen.choice(_KINDS), chosen, top / "outside")
            fill(skills / "hostile", chosen, top / "outside")
            make(skills / "linked", "link", chosen, top / "outside")
            with within(5.0):
                prepared = prepare(skills, top / "work", cache=top / "cache")
            assert prepared.plugin_dir is not None, number
            assert copied(prepared.plugin_dir) == [], number
            assert "neuroworkflow:good" in prepared.names, number
            for name in prepared.names:
                text = prepared.plugin_dir / "skills" / name.removeprefix("neuroworkflow:") / "SKILL.md"
                assert text.is_file(), (number, name)


class Exchange:
    """Exchanges entries of a folder for links to the outside and back, until told to end."""

    def __init__(self, folder: Path, outside: Path) -> None:
        self._ended = threading.Event()
        self._pairs = [(folder / "refs", outside / "deep"), (folder / "notes.txt", outside / "secret")]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            for path, outside in self._pairs:
                aside = path.with_name(f"{path.name}.aside")
                path.rename(aside)
                path.symlink_to(outside)
                path.unlink()
                aside.rename(path)


@pytest.mark.usefixtures("none_of_ours")
def test_what_is_exchanged_while_it_is_copied_leads_nowhere_else(tmp_path: Path) -> None:
    for number in range(tiers.count(_RACES)):
        with case(tmp_path, number, "race") as (_, top):
            skill = top / "work" / "skills" / "moving"
            (skill / "refs").mkdir(parents=True)
            (skill / "SKILL.md").write_text("# Says hello")
            (skill / "notes.txt").write_text("harmless")
            (skill / "refs" / "SKILL.md").write_text("harmless")
            with Exchange(skill, top / "outside"):
                for _ in range(4):
                    with within(5.0):
                        prepared = prepare(skill.parent, top / "work", cache=top / "cache")
                    assert prepared.plugin_dir is None or copied(prepared.plugin_dir) == [], number
