"""The files of one turn: told before and after each change, and taken back.

All methods may be called on any thread, one at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.file_copies import FileCopies, FileCopy, FileState, look, state_of
from neuroworkflow_agent.state.restoring_files import obstacle, put_back, sweep_beside
from neuroworkflow_agent.state.scan import Listing, SmallFiles, differing, scan
from neuroworkflow_agent.workspace import Workspace

MAX_CHANGED = 500
"""Files that code may change in one go and that are remembered."""
_TOO_LARGE = FileState("", trouble="it is too large to be kept before code runs")


class TurnFiles:
    """Of one turn.

    Parameters
    ----------
    turn_id
        Whose.
    workspace
        Where files are looked for.
    copies
        What is stored of it already.
    """

    def __init__(
        self,
        turn_id: TurnId,
        workspace: Workspace,
        *,
        copies: FileCopies | None = None,
    ) -> None:
        self._workspace = workspace
        self._copies = copies or FileCopies(turn_id)
        self._small = SmallFiles()
        self._before: Listing | None = None
        self._lock = threading.Lock()
        self.gaps: list[str] = []
        """What was not looked at, or could not be kept, in sentences."""

    @classmethod
    def load(cls, turn_id: TurnId, workspace: Workspace) -> TurnFiles:
        """Of a turn that another process may have run."""
        return cls(turn_id, workspace, copies=FileCopies.load(turn_id))

    # -- while the turn runs --------------------------------------------------------------------------

    def before_write(self, path: Path) -> None:
        """A tool is about to change a file."""
        with self._lock, self._trouble(path):
            self._copies.keep(path)

    def after_write(self, path: Path) -> None:
        """It has, or has failed to."""
        with self._lock, self._trouble(path):
            self._copies.leave(path)

    def prepare(self) -> None:
        """Code is about to be written: read small files ahead."""
        with self._lock:
            self._look()

    def before_code(self) -> None:
        """Code is about to run."""
        with self._lock:
            self._before = self._look()

    def after_code(self) -> None:
        """It has ended."""
        with self._lock:
            before, self._before = self._before, None
            if before is not None:
                self._compare(before, self._scan())

    def end(self) -> None:
        """The turn has ended."""
        with self._lock:
            if self._before is None:  # else its code runs on
                self._small = SmallFiles()
            with self._trouble(self._workspace.root):
                self._copies.end()

    # -- afterwards -----------------------------------------------------------------------------------

    def effects(self) -> list[Effect]:
        """What would be done to its files, and what cannot be, as they are now."""
        return [self._effect(copy) for copy in self._copies.files if not _is_as_before(copy)]

    def take_back(self, keys: Collection[str]) -> list[Effect]:
        """Put files back; what became of each.

        Parameters
        ----------
        keys
            Of effects.
        """
        done = []
        for copy in reversed(self._copies.files):
            effect = self._effect(copy)
            sweep_beside(copy, self._workspace)
            if effect.key in keys and not _is_as_before(copy):
                done.append(effect.became(put_back(copy, self._copies, self._workspace)))
        return done[::-1]

    def _effect(self, copy: FileCopy) -> Effect:
        name = copy.path
        with contextlib.suppress(ValueError):
            name = str(Path(copy.path).relative_to(self._workspace.root))
        left_nothing = copy.left is not None and not copy.left.is_there
        verb = "is restored" if left_nothing or copy.before.is_there else "is deleted"
        if copy.is_later_version:
            verb += ", as you had changed it during the turn"
        return Effect("files", f"file:{copy.path}", name, verb, obstacle(copy, self._copies, self._workspace))

    # -- what code does -------------------------------------------------------------------------------

    def _look(self) -> Listing:
        listing = self._scan()
        self._small.take(listing)
        return listing

    def _scan(self) -> Listing:
        listing = scan(self._workspace.root)
        if not listing.is_whole:
            self._say("The workspace is too large to look for all files that code has changed.")
        return listing

    def _compare(self, before: Listing, after: Listing) -> None:
        changed = differing(before, after)
        if len(changed) > MAX_CHANGED:
            self._say(f"Code changed {len(changed):,} files; only {MAX_CHANGED} of them are remembered.")
        for path in changed[:MAX_CHANGED]:
            with self._trouble(Path(path)):
                self._copies.keep_as(Path(path), *self._known(path, before))
                self._copies.leave(Path(path))

    def _known(self, path: str, listing: Listing) -> tuple[FileState, bytes | None]:
        """A file as it was in an earlier listing."""
        signature = listing.files.get(path)
        if signature is None:
            return FileState(""), None
        data = self._small.content(path, signature)
        return (_TOO_LARGE, None) if data is None else (state_of(data, signature[2]), data)

    @contextlib.contextmanager
    def _trouble(self, path: Path) -> Iterator[None]:
        """What cannot be kept ends no turn; it is said afterwards."""
        try:
            yield
        except (OSError, ValueError) as error:
            why = str(getattr(error, "strerror", None) or error).rstrip(".")
            self._say(f"{path.name} could not be kept: {why}.")

    def _say(self, gap: str) -> None:
        if gap not in self.gaps:
            self.gaps.append(gap)


def _is_as_before(copy: FileCopy) -> bool:
    """Whether nothing is left to do; a process may have been killed before it wrote that down."""
    return copy.is_undone or look(Path(copy.path)) == copy.before
