"""Keeps the real key out of what comes down, even where the upstream repeats it. Pure."""

from __future__ import annotations


class KeyFilter:
    """Replaces a secret in a stream of bytes by as many stars.

    Only an end that may be the secret's beginning waits for the next chunk; everything else passes at once.

    Parameters
    ----------
    secret
        What must not pass.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._stars = b"*" * len(self._secret)
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may pass now."""
        data = self._held + chunk if self._held else chunk
        if self._secret in data:
            data = data.replace(self._secret, self._stars)
        keep = self._beginning_at_the_end(data)
        self._held = data[len(data) - keep :] if keep else b""
        return data[: len(data) - keep] if keep else data

    def end(self) -> bytes:
        """What was held back: it was not the secret."""
        held, self._held = self._held, b""
        return held

    def _beginning_at_the_end(self, data: bytes) -> int:
        if data[-1:] not in self._secret:  # as after the end of an event
            return 0
        start = data.find(self._secret[:1], max(0, len(data) - len(self._secret) + 1))
        while start >= 0:
            if self._secret.startswith(data[start:]):
                return len(data) - start
            start = data.find(self._secret[:1], start + 1)
        return 0
