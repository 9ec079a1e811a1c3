"""Text written to the file descriptors themselves, by child processes and C++ simulators: has all of it arrived?

ipykernel leads descriptors 1 and 2 into pipes, and a thread a pipe writes what arrives to `sys.stdout` or
`sys.stderr`, some time later. A mark sent down the pipe, taken out again where that thread writes, shows that
everything before it has passed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MARK = "\x06"  # ASCII "acknowledge": one byte, so that no read can split it
_WAIT_S = 0.5


class DescriptorMark:
    """The mark of one stream; harmless where a stream has no such pipe."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = getattr(stream, "watch_fd_thread", None)
        self._passed = threading.Event()

    @contextmanager
    def taken_out(self, text: str) -> Iterator[str]:
        """`text` as it is to be written; if this thread brings the mark, it has passed when the block ends."""
        if MARK not in text or threading.current_thread() is not self._thread:
            yield text
            return
        try:
            yield text.replace(MARK, "")
        finally:
            self._passed.set()

    def send_and_wait(self) -> None:
        """Return once everything written to the descriptor so far has been written to the stream."""
        fd: Any = getattr(self._stream, "_original_stdstream_fd", None)
        if self._thread is None or not self._thread.is_alive() or not _is_pipe(fd, self._stream._fid):
            return
        self._passed.clear()
        os.write(fd, MARK.encode())
        self._passed.wait(_WAIT_S)


def _is_pipe(fd: Any, reader: Any) -> bool:
    """Whether what is written to `fd` is read from `reader`; the user's code may have led it elsewhere."""
    try:
        return os.fstat(fd).st_ino == os.fstat(reader).st_ino
    except (OSError, TypeError):
        return False
