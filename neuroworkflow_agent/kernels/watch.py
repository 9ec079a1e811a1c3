"""Sees the end of what a cell of the user's shows, at next to no cost.

A front end's stream is watched where it sends, a few times a second, and not where it is written to: a cell may
print a hundred thousand times a second. In a terminal, where nothing is sent, the writes are watched. A `Watch`
owns what it attaches, from `start` to `stop`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.kernels.capture import message_of
from neuroworkflow_agent.kernels.wrapping import Wrappings


class Watch:
    """Reports what a cell shows, as text.

    Parameters
    ----------
    shell
        The `InteractiveShell` that runs the cell.
    on_text
        Called with texts, results and tracebacks in their order, on the thread that brings them.
    on_error
        Called with the exception that ended the cell, in a line.
    """

    def __init__(self, shell: Any, on_text: Callable[[str], None], on_error: Callable[[str], None]) -> None:
        self._shell = shell
        self._on_text = on_text
        self._on_error = on_error
        self._wrappings = Wrappings()
        self._senders: list[Any] = []
        self._is_muted = False

    def start(self) -> None:
        """Begin to watch."""
        shell = self._shell
        self._wrappings.wrap(shell.display_pub, "publish", self._publish)
        self._wrappings.wrap(shell.displayhook, "write_output_prompt", self._muted)
        self._wrappings.wrap(shell.displayhook, "write_format_data", self._write_format_data)
        self._wrappings.wrap(shell.displayhook, "finish_displayhook", self._muted)
        self._wrappings.wrap(shell, "_showtraceback", self._showtraceback)
        streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
        for stream in streams:
            if hasattr(stream, "register_hook") and getattr(stream, "pub_thread", None) is not None:
                self._senders.append(stream)
                # A hook belongs to the thread that registers it, and the thread that sends calls its own.
                stream.pub_thread.schedule(lambda stream=stream: stream.register_hook(self._sent))
            else:
                self._watch_writes(stream)

    def stop(self) -> None:
        """Watch no longer; everything written so far has been reported. Idempotent."""
        self._wrappings.undo()
        self._flush()
        while self._senders:
            stream = self._senders.pop()
            if stream.pub_thread is not None:
                stream.pub_thread.schedule(lambda stream=stream: stream.unregister_hook(self._sent))

    def _watch_writes(self, stream: Any) -> None:
        original, report = stream.write, self._on_text

        def write(text: Any) -> Any:
            if isinstance(text, str) and not self._is_muted:
                report(text)
            return original(text)

        self._wrappings.replace(stream, "write", write)

    def _sent(self, msg: Any) -> Any:
        """A stream's text on its way to the front end, on the thread that sends."""
        self._on_text(msg["content"]["text"])
        return msg

    def _flush(self) -> None:
        """Have what was written so far sent, as IPython does before it shows anything else."""
        for stream in self._senders:
            with contextlib.suppress(Exception):  # the user's code may have closed it
                stream.flush()

    def _publish(
        self, original: Callable[..., None], data: Any, metadata: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        if not kwargs.get("update"):
            self._show(data)
        self._muted(original, data, metadata, *args, **kwargs)

    def _write_format_data(self, original: Callable[..., None], data: Any, *args: Any) -> None:
        self._show(data)
        self._muted(original, data, *args)

    def _show(self, data: Any) -> None:
        text = data.get("text/plain", "")
        has_image = any(str(key).startswith("image/") for key in data)
        self._flush()
        self._on_text(f"{text if isinstance(text, str) else ''}{' (image)' if has_image else ''}\n")

    def _showtraceback(
        self, original: Callable[..., None], etype: type, evalue: BaseException, stb: Any
    ) -> None:
        self._flush()
        name = getattr(etype, "__name__", str(etype))
        self._on_error(f"{name}: {message_of(evalue)}")
        self._on_text("\n".join([stb] if isinstance(stb, str) else map(str, stb or ())))
        self._muted(original, etype, evalue, stb)

    def _muted(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Go on as usual; what a terminal shell prints for it has been reported."""
        before, self._is_muted = self._is_muted, True
        try:
            original(*args, **kwargs)
        finally:
            self._is_muted = before
