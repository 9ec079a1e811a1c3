"""Putting a file in another's place without losing what someone writes there at the same moment.

A `Temporary` owns one file beside its target from its making to `put` or `discard`. Its name is nobody's guess,
it is made anew (`O_EXCL`) with the target's mode and owner, and it is locked while its process lives: what a
killed process leaves is swept by the next one that writes the same target.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import secrets
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = ".neuroworkflow-"
_SUFFIX = ".tmp"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
_WRITERS_TIMEOUT_S = 2.0
_WRITERS_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was when we looked."""

    signature: tuple[int, int, int]
    """(inode, size, mtime in ns)."""
    digest: str
    """Of its bytes."""

    def is_at(self, path: Path) -> bool:
        """Whether the file there still looks so; read only if it could be another."""
        found = _stat(path)
        return found is not None and (_signature(found) == self.signature or digest_of(path) == self.digest)


class Temporary:
    """A new file beside `target`, which is to take its place.

    Raises
    ------
    OSError
        If it cannot be made.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{_family(target)}{secrets.token_hex(8)}{_SUFFIX}")
        self._digest = hashlib.sha256()
        before = _stat(target)
        # Until its owner and mode are right, only we may read it.
        mode = 0o666 if before is None else 0o600
        self._writing = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        self._descriptor = -1
        try:
            # Locked through a descriptor that cannot write, which may stay open while others wait for writers.
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            lock(self._descriptor)
            if before is not None:
                _take_after(self._writing, before)
        except BaseException:
            self.discard()
            raise

    def write(self, data: bytes) -> None:
        """Write all there is to be, durably."""
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._writing, view) :]
        os.fsync(self._writing)
        self._end_writing()

    def put(self, expected: Seen | None) -> bool:
        """Take the target's place if the target is what is expected.

        Parameters
        ----------
        expected
            The target; None if there should be no file.

        Returns
        -------
        bool
            False if somebody else has written there: theirs is in its place then, and this file still beside it.
        """
        if expected is None:
            return self._put_where_nothing_is()
        if not expected.is_at(self.target):
            return False
        if not _exchange(self.path, self.target):
            self.path.replace(self.target)
            return True
        # What was there is now under our name. Whoever opened it before we took its place may be writing still.
        _wait_for_writers(self.path)
        if digest_of(self.path) == expected.digest:
            self.path.unlink()
            return True
        _exchange(self.path, self.target)
        return False

    @property
    def seen(self) -> Seen:
        """What was written, as it looks once it has been put."""
        return Seen(_signature(os.fstat(self._descriptor)), self._digest.hexdigest())

    def rescue(self, place: Path) -> None:
        """Keep the file, at another place, if somebody wrote into it while it stood in the target's."""
        if digest_of(self.path) not in (self._digest.hexdigest(), None):
            self.path.rename(place)

    def take_descriptor(self) -> int:
        """The open and locked file, for whoever is to hold the lock from now on."""
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor

    def discard(self) -> None:
        """Close it, and remove it if it has not been put. Idempotent."""
        if self._descriptor < 0 and self._writing < 0:
            return
        is_put = self._descriptor >= 0 and _same_file(self._descriptor, self.target)
        self._end_writing()
        if self._descriptor >= 0:
            os.close(self.take_descriptor())
        if not is_put:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def _end_writing(self) -> None:
        if self._writing >= 0:
            descriptor, self._writing = self._writing, -1
            os.close(descriptor)

    def _put_where_nothing_is(self) -> bool:
        try:
            os.link(self.path, self.target)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            self.path.replace(self.target)
            return True
        self.path.unlink()
        return True


def lock(descriptor: int) -> bool:
    """Lock an open file against other runs of ours, until it is closed; False if another has it.

    Where the file system knows no locks, everybody gets one.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def sweep(target: Path) -> None:
    """Remove what processes that were killed have left beside `target`."""
    for path in target.parent.glob(f"{_family(target)}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                found = os.fstat(descriptor)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and lock(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


def look(path: Path) -> Seen | None:
    """The file there, if there is one."""
    found, digest = _stat(path), digest_of(path)
    return Seen(_signature(found), digest) if found is not None and digest is not None else None


def digest_of(path: Path) -> str | None:
    """Of a file's bytes; None if there is no file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _family(target: Path) -> str:
    """What the names of a target's temporary files begin with; short, however long the target's name is."""
    return f"{PREFIX}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]}-"


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _signature(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _take_after(descriptor: int, before: os.stat_result) -> None:
    """Give a new file the owner and mode of the one it is to replace."""
    ours = os.fstat(descriptor)
    mode = stat.S_IMODE(before.st_mode)
    if (ours.st_uid, ours.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except OSError:
            with contextlib.suppress(OSError):
                os.fchown(descriptor, -1, before.st_gid)
            if os.fstat(descriptor).st_gid != before.st_gid:
                mode &= ~0o070  # what was for that group is not for another
    os.fchmod(descriptor, mode)


def _same_file(descriptor: int, path: Path) -> bool:
    found = _stat(path)
    return found is not None and os.path.samestat(os.fstat(descriptor), found)


def _exchange(one: Path, other: Path) -> bool:
    """Let two files change places in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if not rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED or code == errno.ENOENT:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _wait_for_writers(path: Path) -> None:
    """Until nobody has the file open for writing, or for two seconds.

    A lease on a file (fcntl's F_SETLEASE) is given only then. Whoever opens the file while we have the lease waits
    for its end, so it is asked for twice: who waited has the file open by the second time.
    """
    if sys.platform != "linux":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    deadline = time.monotonic() + _WRITERS_TIMEOUT_S
    try:
        # We are told of those who wait by a signal; this one is ignored unless somebody wants it.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        for _ in range(2):
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                    break
                time.sleep(_WRITERS_POLL_S)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        pass  # not our file, or a file system that has no leases
    finally:
        os.close(descriptor)
