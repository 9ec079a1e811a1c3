"""Files on their way from the browser, in parts that any server lets through."""

from __future__ import annotations

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.panel.attachments import MAX_UPLOAD_BYTES

_MOST_AT_ONCE = 20


class Uploads:
    """Files of which some parts have come; only the newest few are waited for."""

    def __init__(self) -> None:
        self._files: dict[str, list[bytes]] = {}

    def add(self, upload_id: str, part: int, of: int, data: bytes) -> bytes | None:
        """Take in a part; the whole file when it was the last one.

        Raises
        ------
        ConfigError
            If a part is missing, or the file is too large.
        """
        parts = self._files.setdefault(upload_id, [])
        while len(self._files) > _MOST_AT_ONCE:
            self._files.pop(next(iter(self._files)))
        if part != len(parts):
            self._files.pop(upload_id, None)
            raise ConfigError("The upload was interrupted; add the file again.")
        parts.append(data)
        if sum(map(len, parts)) > MAX_UPLOAD_BYTES:
            self._files.pop(upload_id, None)
            raise ConfigError(
                f"The file is larger than {MAX_UPLOAD_BYTES // 2**20} MB; copy it into the workspace instead."
            )
        if part + 1 < of:
            return None
        return b"".join(self._files.pop(upload_id))
