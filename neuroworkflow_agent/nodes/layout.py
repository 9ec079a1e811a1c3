"""Where nodes, the library and its documents are: in a repository, in a hub's container, in a bare folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["repository", "hub container", "bare folder"]

_REPOSITORY_NODES = PurePosixPath("src/neuroworkflow/nodes")
_REPOSITORY_LIBRARY = PurePosixPath("src/neuroworkflow")


@dataclass(frozen=True, slots=True)
class Layout:
    """One of the ways in which people have NeuroWorkflow's files."""

    kind: Kind
    root: Path
    """The repository, the container's `codes`, or the folder itself."""
    nodes: Path
    """The tree of node files; may not exist yet."""
    library: Path | None
    """What has to be on `sys.path` for `import neuroworkflow`; None if it is not here."""
    projects: Path
    """Where workflows lie."""

    @property
    def new_nodes(self) -> Path:
        """Where new node files go."""
        return self.nodes if self.kind == "bare folder" else self.nodes / "sandbox"

    def locate(self, repository_path: str) -> Path | None:
        """Where a file or folder of the repository is here; None if it is not.

        Parameters
        ----------
        repository_path
            As in the repository, such as `src/neuroworkflow/nodes/io` or `NODE_SCHEMA.md`.
        """
        path = PurePosixPath(repository_path)
        if path.is_absolute() or ".." in path.parts:
            return None
        if self.kind == "hub container":
            for start, here in (
                (_REPOSITORY_NODES, self.nodes),
                (_REPOSITORY_LIBRARY, self.root / "neuroworkflow"),
            ):
                if path.is_relative_to(start):
                    return _existing(here / path.relative_to(start))
            if path.parts[:1] != ("projects",):
                return None
        return _existing(self.root / path)


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None


def detect_layout(start: Path) -> Layout:
    """The layout around a directory or file.

    Notes
    -----
    The nearest one counts, from `start` up. A hub's container shows only a directory with `nodes` and
    `neuroworkflow` side by side, `/home/jovyan/codes`.
    """
    here = start.absolute()
    here = here if here.is_dir() else here.parent
    for root in (here, *here.parents):
        if (root / _REPOSITORY_NODES).is_dir():
            library = root / "src"
            return Layout("repository", root, root / _REPOSITORY_NODES, library, root / "projects")
        for codes in (root, root / "codes"):
            if (codes / "nodes").is_dir() and (codes / "neuroworkflow" / "core").is_dir():
                return Layout("hub container", codes, codes / "nodes", codes, codes / "projects")
    return Layout("bare folder", here, here / "nodes", None, here)
