"""Makes a small dataset as the viewer node writes it, for trying things out."""

import json
import math
import random
from pathlib import Path
from typing import Any

AREAS = ("V1", "V2", "MT", "LIP", "A1", "S1", "M1", "PFC")


def make_dataset(seed: int = 1) -> dict[str, Any]:
    """Sixteen regions, eight a hemisphere, connected more weakly the farther apart they are."""
    source = random.Random(seed)
    regions = [
        {
            "name": f"{hemi}_{area}",
            "x": side * source.uniform(4, 12),
            "y": source.uniform(-15, 15),
            "z": source.uniform(-8, 8),
            "hemi": hemi,
            "area": round(source.uniform(5, 60), 1),
        }
        for hemi, side in (("L", -1), ("R", 1))
        for area in AREAS
    ]
    connections = []
    for i in range(len(regions)):
        for j in range(i + 1, len(regions)):
            distance_mm = math.dist(*([regions[k][axis] for axis in "xyz"] for k in (i, j)))
            if source.random() < 0.6:
                connections.append([i, j, round(math.exp(-distance_mm / 8), 4), round(1.3 * distance_mm, 2)])
    connections.sort(key=lambda each: -each[2])
    times_ms = [float(t) for t in range(0, 20000, 2000)]
    bold = [[round(math.sin(t / 3000 + k), 3) for k in range(len(regions))] for t in times_ms]
    return {
        "meta": {
            "n_regions": len(regions),
            "n_connections": len(connections),
            "weight_min_nz": connections[-1][2],
            "weight_max": connections[0][2],
            "area_min": min(each["area"] for each in regions),
            "area_max": max(each["area"] for each in regions),
            "area_spheres": True,
            "hemi_colors": True,
            "stimulated_regions": [0, 8],
            "stimulated_region_weights": {"0": 1.0, "8": 0.5},
        },
        "regions": regions,
        "connections": connections,
        "bold": {"time": times_ms, "data": bold},
        "mesh": None,
        "tracts": None,
    }


if __name__ == "__main__":
    folder = Path("results/viewer")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "connectivity_data.json").write_text(json.dumps(make_dataset()), encoding="utf-8")
    print(f"Written to {folder / 'connectivity_data.json'}")
