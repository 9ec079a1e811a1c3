"""What has changed between two states of an item: as small a message as tells it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Item = dict[str, Any]
Op = dict[str, Any]


def change(before: Item | None, item: Item) -> list[Op]:
    """The operations that turn `before` into `item`; a page that has no such item is given it whole."""
    if before is None:
        return [{"op": "put", "item": {**item, "parts": list(item["parts"])}}]
    ops: list[Op] = []
    fields = {key: value for key, value in item.items() if key != "parts" and before.get(key) != value}
    if before["parts"] != item["parts"]:
        ops.append({"op": "parts", "id": item["id"], **parts_change(before["parts"], item["parts"])})
    if fields:
        ops.append({"op": "set", "id": item["id"], "fields": fields})
    return ops


def parts_change(before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """From which part on, how much of that one stays (in UTF-16 units, as a browser counts), and what follows."""
    start = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        start += 1
    if start == len(after):
        return {"start": start, "keep": 0, "tail": None, "more": []}
    kept = _common(before[start], after[start]) if start < len(before) else 0
    return {
        "start": start,
        "keep": len(after[start][:kept].encode("utf-16-le")) // 2,
        "tail": after[start][kept:],
        "more": list(after[start + 1 :]),
    }


def _common(old: str, new: str) -> int:
    """Length of the common beginning."""
    limit = min(len(old), len(new))
    if old[:limit] == new[:limit]:
        return limit
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[:middle] == new[:middle] else (low, middle - 1)
    return low
