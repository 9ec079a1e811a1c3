"""Sees every output of code run in a shell, while it goes where it would go anyway.

The hooks sit at IPython's own level (publisher, display hook, tracebacks, `sys.stdout`, `sys.stderr`),
so the same capture works in an ipykernel, in a terminal and in a bare `InteractiveShell`. A `Capture`
owns the attributes it sets and removes them when it is left; captures may be nested.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from neuroworkflow_agent.kernels.descriptors import MARK, DescriptorMark
from neuroworkflow_agent.kernels.wrapping import Wrappings
from neuroworkflow_agent.outputs import OutputChange, OutputListener, error, stream

_FLUSH_CHARS = 65_536
_FLUSH_S = 0.03


class _Muted(threading.local):
    """Whether what this thread writes is recorded already."""

    on = False


class Capture:
    """Reports outputs of the code run inside the `with` block.

    Parameters
    ----------
    shell
        The `InteractiveShell` that runs the code.
    listener
        Called with each change, on the thread that produced it.
    on_clear
        Asked when the code clears the cell's outputs; True keeps the clear from being sent.
    hide
        Applied to every text before anyone sees it; takes known secrets out.
    later
        Given a function to call a little later, on any thread; without it, text that was gathered waits for
        the next output or the end.
    in_order
        Whether an output other than text waits for text that went to the file descriptors before it.
    is_unseen
        Asked with the class name of an exception; True keeps its traceback from being shown, not from being reported.
    """

    def __init__(
        self,
        shell: Any,
        listener: OutputListener,
        *,
        on_clear: Callable[[bool], bool] | None = None,
        hide: Callable[[str], str] | None = None,
        later: Callable[[Callable[[], None]], object] | None = None,
        in_order: bool = False,
        is_unseen: Callable[[str], bool] = lambda _name: False,
    ) -> None:
        self._in_order = in_order
        self._is_unseen = is_unseen
        self._hide = hide
        self._later = later
        self._is_flush_due = False
        self._shell = shell
        self._listener = listener
        self._on_clear = on_clear
        self._wrappings = Wrappings()
        self._muted = _Muted()
        self._last_stream: str | None = None
        self._texts: list[str] = []
        self._chars = 0
        self._flushed_at = 0.0
        self._lock = threading.RLock()
        self._marks: list[DescriptorMark] = []

    def __enter__(self) -> Self:
        shell = self._shell
        self._wrappings.wrap(shell.display_pub, "publish", self._publish)
        self._wrappings.wrap(shell.display_pub, "clear_output", self._clear_output)
        self._wrappings.wrap(shell.displayhook, "write_output_prompt", self._silently)
        self._wrappings.wrap(shell.displayhook, "write_format_data", self._write_format_data)
        self._wrappings.wrap(shell.displayhook, "finish_displayhook", self._silently)
        self._wrappings.wrap(shell, "_showtraceback", self._showtraceback)
        for name in ("stdout", "stderr"):
            self._wrap_stream(name)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._wrappings.undo()
        with self._lock:
            self._flush_text()

    def settle(self) -> None:
        """Wait, within bounds, for text that went to the file descriptors."""
        for mark in self._marks:
            mark.send_and_wait()

    def _wrap_stream(self, name: str) -> None:
        target = getattr(sys, name)
        other = sys.stderr if name == "stdout" else sys.stdout
        mark = DescriptorMark(target)
        self._marks.append(mark)
        original, hide, muted = target.write, self._hide, self._muted

        def put(text: str) -> int:
            shown = hide(text) if hide is not None else text
            if shown and not muted.on:
                if self._last_stream != name:
                    # Each stream has a buffer of its own; without this the cell shows them out of order.
                    with contextlib.suppress(Exception):
                        other.flush()
                self._record_text(name, shown)
            written: int = original(shown)
            return written

        def write(text: Any) -> Any:
            # Called a hundred thousand times a second by code that prints much.
            if not isinstance(text, str):
                return original(text)
            return put(text if MARK not in text else mark.taken_out(text))

        self._wrappings.replace(target, "write", write)

    def _record_text(self, name: str, text: str) -> None:
        """Gather neighbouring texts: code may print a hundred thousand times a second."""
        with self._lock:
            if self._last_stream != name:
                self._flush_text()
                self._last_stream = name
            self._texts.append(text)
            self._chars += len(text)
            if self._chars >= _FLUSH_CHARS or time.monotonic() - self._flushed_at >= _FLUSH_S:
                self._flush_text()
            elif self._later is not None and not self._is_flush_due:
                # In this order an interrupt in between costs one call too many, never a text.
                self._later(self._flush_late)
                self._is_flush_due = True

    def _flush_late(self) -> None:
        with self._lock:
            self._is_flush_due = False
            self._flush_text()

    def _flush_text(self) -> None:
        texts, self._texts, self._chars = self._texts, [], 0
        self._flushed_at = time.monotonic()
        if texts and self._last_stream is not None:
            self._listener(stream(self._last_stream, "".join(texts)))

    def _record(self, change: OutputChange) -> None:
        if self._in_order:
            self.settle()
        with self._lock:
            self._flush_text()
            self._listener(change)

    def _publish(
        self, original: Callable[..., None], data: Any, metadata: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        data = self._without_secrets(data)
        display_id = (kwargs.get("transient") or {}).get("display_id")
        bundle, meta = encode_bundle(data), encode_bundle(metadata or {})
        if kwargs.get("update"):
            self._record({"op": "update", "display_id": str(display_id), "data": bundle, "metadata": meta})
        else:
            output = {"output_type": "display_data", "data": bundle, "metadata": meta}
            self._record({"op": "append", "output": output, "display_id": display_id})
        self._silently(original, data, metadata, *args, **kwargs)

    def _clear_output(self, original: Callable[..., None], wait: bool = False) -> None:
        self._record({"op": "clear", "wait": bool(wait)})
        if self._on_clear is None or not self._on_clear(bool(wait)):
            self._silently(original, wait)

    def _write_format_data(self, original: Callable[..., None], data: Any, metadata: Any = None) -> None:
        data = self._without_secrets(data)
        output = {
            "output_type": "execute_result",
            "data": encode_bundle(data),
            "metadata": encode_bundle(metadata or {}),
            "execution_count": None,
        }
        self._record({"op": "append", "output": output, "display_id": None})
        self._silently(original, data, metadata)

    def _showtraceback(
        self, original: Callable[..., None], etype: type, evalue: BaseException, stb: Any
    ) -> None:
        hide = self._hide or str
        message = hide(message_of(evalue))
        stb = [hide(str(part)) for part in ([stb] if isinstance(stb, str) else stb or [])]
        name = getattr(etype, "__name__", str(etype))
        self._record(error(name, message, stb))
        if self._is_unseen(name):
            return
        # A front end is sent `str(evalue)` next to the traceback.
        self._silently(original, etype, evalue if message == message_of(evalue) else message, stb)

    def _without_secrets(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """A mime bundle whose texts have been through `hide`."""
        if self._hide is None:
            return bundle
        hide = self._hide
        return {k: hide(v) if isinstance(v, str) and k.startswith("text/") else v for k, v in bundle.items()}

    def _silently(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Go on as usual; what a terminal shell prints for it is not an output of its own."""
        before, self._muted.on = self._muted.on, True
        try:
            original(*args, **kwargs)
        finally:
            self._muted.on = before


def uncaptured_publish(shell: Any) -> Callable[..., None]:
    """`display_pub.publish` of a shell as its class has it: what goes through it is no output of the code that runs."""
    publisher = shell.display_pub
    found: Callable[..., None] = type(publisher).publish.__get__(publisher)
    return found


def encode_bundle(bundle: dict[str, Any]) -> dict[str, Any]:
    """A mime bundle as JSON carries it: bytes as base64, everything else made JSON-safe."""
    return {str(key): _encode(value) for key, value in bundle.items()}


def _encode(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    try:
        return json.loads(json.dumps(value, default=repr, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return _json_safe(value)


def _json_safe(value: Any, depth: int = 0) -> Any:
    """As ipykernel's `json_clean`: numbers that JSON does not know as their names, any key as a string."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > 100:
        return repr(type(value))
    if isinstance(value, dict):
        return {str(key): _json_safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_json_safe(item, depth + 1) for item in value]
    return repr(value)


def message_of(exception: BaseException) -> str:
    """`str(exception)`, whatever its `__str__` does."""
    try:
        return str(exception)
    except Exception:  # noqa: BLE001 - the user's code, about to be shown as an error already
        return f"<{type(exception).__name__} without a message: its __str__ failed>"
