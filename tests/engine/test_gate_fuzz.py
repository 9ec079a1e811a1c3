"""The gate against trees made to deceive it: what it allows is opened, and looked at where it really is."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.engine.permissions import Allow, Ask, decide
from neuroworkflow_agent.workspace import Workspace
from tests import tiers
from tests.tools.offered import TOOLS

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")

NAMES = [
    "a", "b.txt", "sub", "deep", "up", " ", "~", "~root", "-rf", "C:", "a\\..\\b", "\u202e", "a\nb", "\ud83d", "日本", "x" * 255, "...", "*", "[ab]",
    ".git", ".GIT", ".g\u200cit", ".vscode", ".envrc", ".claude", "hooks", "sitecustomize.py", "tasks.json", "post-checkout",
]  # fmt: skip
OBEYED = {".envrc", "sitecustomize.py"}
OBEYED_BELOW = {".git", ".vscode", ".claude"}
TARGETS = ["/", "/etc", "/etc/passwd", "/dev/zero", "/dev/tty", "/proc/self/root", "/proc/self/cwd", "..", "../..", "../outside", "../outside/secret", "../work-2", ".", "up", "a", "sub", ".git"]  # fmt: skip
CASES = 10_000


def make_tree(base: Path, chance: random.Random) -> Workspace:
    """A workspace with links, pipes and odd names, and a secret beside it."""
    shutil.rmtree(base, ignore_errors=True)
    root = base / "work"
    for directory in (root, base / "outside", base / "work-2"):
        directory.mkdir(parents=True)
    (base / "outside" / "secret").write_text("secret")
    places = [root]
    for _ in range(chance.randrange(2, 14)):
        path = chance.choice(places) / chance.choice(NAMES)
        with contextlib.suppress(OSError, UnicodeError):
            match chance.randrange(6):
                case 0 | 1:
                    path.mkdir()
                    places.append(path)
                case 2 | 3:
                    path.symlink_to(chance.choice(TARGETS))
                case 4:
                    os.mkfifo(path)
                case _:
                    path.touch()
    return Workspace(root.resolve())


def some_path(workspace: Workspace, chance: random.Random) -> str:
    parts = [chance.choice([*NAMES, "..", ".", ""]) for _ in range(chance.randrange(1, 6))]
    known = [str(path.relative_to(workspace.root)) for path in workspace.root.rglob("*")]
    if known and chance.random() < 0.7:
        parts[:-1] = [chance.choice(known)]
    if chance.random() < 0.4 and known:
        parts = [chance.choice(known)]
    start = chance.choice(["", "", "", f"{workspace.root}/", "/", "//", "~/", "./", "../work/"])
    return start + "/".join(parts)


def real_place(tool: str, workspace: Workspace, path: str) -> tuple[Path, int] | None:
    """Where a tool that does as it is told ends up, and what is there; None if the system refuses."""
    told = os.path.join(workspace.root, os.path.expanduser(path))  # noqa: PTH111, PTH118 - as others read it
    flags = os.O_RDONLY if tool == "Read" else os.O_WRONLY | os.O_CREAT
    try:
        opened = os.open(told, flags | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    try:
        return Path(f"/proc/self/fd/{opened}").readlink(), os.fstat(opened).st_mode
    finally:
        os.close(opened)


def test_nothing_allowed_leaves_the_workspace(tmp_path: Path) -> None:
    chance = random.Random(tiers.SEED)
    opened = 0
    for case in range(tiers.count(CASES)):
        workspace = make_tree(tmp_path / "base", chance)
        for tool in ("Read", "Write", "Edit"):
            path = some_path(workspace, chance)
            decision = decide(tool, {"file_path": path}, workspace, "edit", TOOLS)
            if not isinstance(decision, Allow | Ask):
                continue
            if (found := real_place(tool, workspace, path)) is None:
                continue
            opened += 1
            place, mode = found
            about = f"case {case} of seed {tiers.SEED}: {tool} {path!r} → {place}"
            assert place.is_relative_to(workspace.root), about
            assert stat.S_ISREG(mode), about
            names = [part.casefold() for part in place.relative_to(workspace.root).parts]
            is_obeyed = names[-1] in OBEYED or not OBEYED_BELOW.isdisjoint(names)
            assert tool == "Read" or isinstance(decision, Ask) or not is_obeyed, about
    assert opened > tiers.count(CASES) // 10


@contextlib.contextmanager
def exchanging(path: Path, makers: list[Callable[[Path], None]]) -> Iterator[None]:
    """What is at `path` is replaced all the time by one of several things."""
    done = threading.Event()

    def exchange() -> None:
        for make in itertools.cycle(makers):
            if done.is_set():
                return
            new = path.with_name("new")
            make(new)
            new.replace(path)

    makers[0](path)
    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        path.unlink()


def test_no_exchange_of_links_gets_through(tmp_path: Path) -> None:
    """Where each of the things that are exchanged is refused, so is what lies between; nothing hangs or raises."""
    chance = random.Random(tiers.SEED)
    root = tmp_path / "work"
    (root / "sub" / ".git").mkdir(parents=True)
    (tmp_path / "outside" / ".git").mkdir(parents=True)
    workspace = Workspace(root.resolve())

    def link_to(target: str) -> Callable[[Path], None]:
        return lambda path: path.symlink_to(target)

    refused = [link_to(target) for target in ("../outside", "/etc", "/dev", "/proc/self", "../outside/.git")]
    no_files = [os.mkfifo, link_to("sub"), link_to("/dev/zero"), link_to("../outside")]
    inside = [link_to("sub"), link_to("../outside")]
    rounds = 10
    for _ in range(rounds):
        with exchanging(root / "flip", chance.sample(refused, 3)):
            for _ in range(tiers.count(CASES) // rounds):
                path = chance.choice(["flip", "flip/passwd", "flip/../flip/x", "sub/../flip/zero"])
                tool = chance.choice(["Read", "Write", "Edit"])
                assert not isinstance(decide(tool, {"file_path": path}, workspace, "edit", TOOLS), Allow), (
                    tool,
                    path,
                )
        with exchanging(root / "flip", no_files):
            for _ in range(tiers.count(CASES) // rounds):
                assert not isinstance(decide("Read", {"file_path": "flip"}, workspace, "edit", TOOLS), Allow)
        with exchanging(root / "flip", inside):
            for _ in range(tiers.count(CASES) // rounds):
                assert not isinstance(
                    decide("Write", {"file_path": "flip/.git/config"}, workspace, "edit", TOOLS), Allow
                )
