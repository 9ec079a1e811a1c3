"""The scenes of the documentation's pictures can still be played."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from neuroworkflow_agent.testing.lab import Lab

SCRIPT = runpy.run_path(str(Path(__file__).parents[4] / "scripts" / "pictures.py"))


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["cell", "panel"])
def test_scene_is_played_to_its_end(name: str, lab: Lab, browser: Browser) -> None:
    picture = next(each for each in SCRIPT["PICTURES"] if (each.name, each.theme) == (name, "light"))
    png = SCRIPT["Stage"](lab, browser, picture).photograph()
    with Image.open(io.BytesIO(png)) as image:
        assert image.width > 1000
        assert image.height > 800
    assert len(png) <= SCRIPT["MAX_BYTES"]
    assert len(lab.model.requests) == (3 if name == "cell" else 4)
