"""Reads the brain viewer's data and the state a user pastes from it."""

import json
import math
import re
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"```json\s*\n(.*?)\n```", re.DOTALL)


def load(path: str | Path) -> dict[str, Any]:
    """The viewer's data.

    Parameters
    ----------
    path
        `connectivity_data.json`, or the folder it is in.

    Raises
    ------
    ValueError
        If it is not the viewer's file.
    """
    file = Path(path)
    file = file / "connectivity_data.json" if file.is_dir() else file
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    missing = {"meta", "regions", "connections"} - data.keys()
    if missing:
        raise ValueError(f"{file} has no {', '.join(sorted(missing))}; it is not the viewer's file.")
    return data


def read_state(text: str) -> dict[str, Any]:
    """The state inside a pasted block: its JSON fence, not its prose.

    Raises
    ------
    ValueError
        If there is no JSON fence in it.
    """
    found = _FENCE.search(text)
    if found is None:
        raise ValueError(
            "There is no JSON block in the text. Copy the state again with the viewer's own button."
        )
    state: dict[str, Any] = json.loads(found.group(1))
    return state


def shown_connections(
    data: dict[str, Any], percentile: float, region: int | None = None
) -> list[list[float]]:
    """The connections on screen at a percentile threshold, strongest first.

    Parameters
    ----------
    percentile
        Threshold in percent; 0 shows all.
    region
        Id of the selected region; its connections only.
    """
    total = len(data["connections"])
    shown = data["connections"][: math.ceil(total * (1 - percentile / 100))]
    return [each for each in shown if region is None or region in each[:2]]


def strongest(data: dict[str, Any], region: int, count: int = 5) -> list[tuple[str, float, float]]:
    """Partner, weight (unitless) and tract length in mm of a region's strongest connections."""
    names = [each["name"] for each in data["regions"]]
    found = [each for each in data["connections"] if region in each[:2]][:count]
    return [(names[int(j) if i == region else int(i)], weight, length) for i, j, weight, length in found]


def compare(state: dict[str, Any], data: dict[str, Any]) -> list[str]:
    """What the pasted state and the file disagree about, in sentences; empty if nothing."""
    summary = state.get("dataset") or {}
    facts = {"n_regions": len(data["regions"]), "n_connections": len(data["connections"])}
    told = [
        f"{key}: the block says {summary[key]}, the file has {actual}."
        for key, actual in facts.items()
        if summary.get(key, actual) != actual
    ]
    names = [each["name"] for each in data["regions"]]
    selected = state.get("selected") or {}
    mentioned = [selected["name"]] if selected else []
    mentioned += [each["region"] for each in selected.get("strongest_connections", [])]
    mentioned += state.get("stimulated_regions") or []
    told += [
        f"The region {name!r} is not in the file." for name in dict.fromkeys(mentioned) if name not in names
    ]
    index, name = selected.get("index"), selected.get("name")
    if index is not None and name in names and names[index : index + 1] != [name]:
        told.append(f"Region {index} is not {name!r} in the file.")
    return told
