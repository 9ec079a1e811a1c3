"""Data that is loaded and never used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.lint.calls import Calls
from neuroworkflow_agent.nodes.source import Source

_LOADS = re.compile(
    r"(?:pandas|polars)\.(?:read|scan)_\w+|numpy\.(?:load|loadtxt|genfromtxt|fromfile)|scipy\.io\.(?:loadmat|mmread|wavfile\.read)"
    r"|(?:json|pickle|joblib|torch|yaml|nibabel)\.(?:load|safe_load)|xarray\.(?:open|load)_\w+|h5py\.File|mne\.(?:io\.)?read_\w+"
    r"|PIL\.Image\.open|(?:imageio(?:\.v\d)?|skimage\.io|cv2)\.imread|pyarrow\.parquet\.read_table|seaborn\.load_dataset"
    r"|sklearn\.datasets\.(?:load|fetch)_\w+|geopandas\.read_file|anndata\.read\w*|scanpy\.read\w*"
)


def check(source: Source, calls: Calls) -> Iterator[Finding]:
    """Each name that data is given and that nothing reads."""
    read = {
        node.id
        for node in source.walked.nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    texts = " ".join(_texts(source))
    for node in source.walked.nodes:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        function = calls.name_of(node.value.func)
        if not _LOADS.fullmatch(function):
            continue
        for name in _names(node.targets):
            # A query, a magic or a command may name it in a text.
            if (
                name not in read
                and not name.startswith("_")
                and not re.search(rf"\b{re.escape(name)}\b", texts)
            ):
                message = (
                    f"{name!r} holds what {function.rpartition('.')[2]} has loaded, and nothing uses it."
                )
                yield source.find(
                    "NW804", node, message, "Use it, or remove it: readers will think that it matters."
                )


def _names(targets: list[ast.expr]) -> Iterator[str]:
    return (target.id for target in targets if isinstance(target, ast.Name))


def _texts(source: Source) -> Iterator[str]:
    for node in source.walked.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
