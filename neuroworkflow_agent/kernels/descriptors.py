"""Text written to the file descriptors themselves, by child processes and C++ simulators: has all of it arrived?

ipykernel leads descriptors 1 and 2 into pipes. A thread a pipe writes what arrives to `sys.stdout` or
`sys.stderr` some time later, and echoes it to where the kernel's own output goes, such as the server's log. A mark
sent down the pipe, taken out again where that thread writes and where it echoes, shows that everything before it
has passed.
"""

from __future__ import annotations

import os
import select
import threading
from typing import Any

MARK = "\x06"  # ASCII "acknowledge": one byte, so that no read can split it
_WAIT_S = 0.5
_ECHO_S = 5.0
"""How long the thread, which has written the mark to the stream, may take to echo it."""
_ECHO_BYTES = 65_536
"""More than the thread reads at once."""


class DescriptorMark:
    """The mark of one stream; harmless where a stream has no such pipe."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = getattr(stream, "watch_fd_thread", None)
        self._one_at_a_time = threading.Lock()
        self._lock = threading.Lock()
        """Guards `_catch` and where the stream echoes to."""
        self._catch: int | None = None
        """Where the thread shall echo what holds the mark; None while nobody waits for it."""
        self._pipe: tuple[int, int] | None = None
        """The two ends through which it is caught; the second is `_catch`."""
        self._echo = -1
        """Where the thread echoes to otherwise."""

    def taken_out(self, text: str) -> str:
        """`text` as it is to be written; what the thread echoes next is caught, if it brings the mark."""
        if MARK not in text or threading.current_thread() is not self._thread:
            return text
        with self._lock:
            if self._catch is not None:
                self._stream._original_stdstream_copy = self._catch
        return text.replace(MARK, "")

    def send_and_wait(self) -> None:
        """Return once everything written to the descriptor so far has been written to the stream."""
        fd: Any = getattr(self._stream, "_original_stdstream_fd", None)
        if self._thread is None or not self._thread.is_alive() or not _is_pipe(fd, self._stream._fid):
            return
        with self._one_at_a_time:
            self._end_catching()  # an interrupt may have kept the last one from it
            self._echo = self._stream._original_stdstream_copy
            self._pipe = caught, self._catch = os.pipe()
            try:
                os.write(fd, MARK.encode())
                select.select([caught], [], [], _WAIT_S)
            finally:
                self._end_catching()

    def _end_catching(self) -> None:
        """Let the thread echo to where it did before, and pass on what it echoed to us."""
        if self._pipe is None:
            return
        caught, catch = self._pipe
        with self._lock:
            self._catch = None
            is_caught = self._stream._original_stdstream_copy == catch
        if is_caught and select.select([caught], [], [], _ECHO_S)[0]:
            self._stream._original_stdstream_copy = self._echo
            os.write(self._echo, os.read(caught, _ECHO_BYTES).replace(MARK.encode(), b""))
        self._stream._original_stdstream_copy = self._echo
        self._pipe = None
        os.close(caught)
        os.close(catch)


def _is_pipe(fd: Any, reader: Any) -> bool:
    """Whether what is written to `fd` is read from `reader`; the user's code may have led it elsewhere."""
    try:
        return os.fstat(fd).st_ino == os.fstat(reader).st_ino
    except (OSError, TypeError):
        return False
