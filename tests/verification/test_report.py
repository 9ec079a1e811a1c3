"""The page with what differs, side by side."""

from __future__ import annotations

import base64
import io
import time
from typing import Any

from PIL import Image

from neuroworkflow_agent.verification.alike_pictures import where
from neuroworkflow_agent.verification.report import report
from neuroworkflow_agent.verification.sides import side_by_side
from neuroworkflow_agent.verification.verdicts import CellVerdict, Verification


def said(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def drawn(*at: tuple[int, int], size: tuple[int, int] = (20, 10)) -> str:
    """A white picture with black pixels."""
    image, made = Image.new("RGB", size, "white"), io.BytesIO()
    for each in at:
        image.putpixel(each, (0, 0, 0))
    image.save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


def shown(picture: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"image/png": picture}, "metadata": {}}


def test_lines_that_differ_are_marked_and_those_alike_are_folded() -> None:
    lines = [f"rate {number} at 0x7f00ab{number:02d}cd" for number in range(30)]
    other = [line.replace("0x7f00", "0x7f99") for line in lines]
    other[20] = "rate <b>"
    page = side_by_side(
        [said("\n".join(lines[:9])), said("\n" + "\n".join(lines[9:]))], [said("\n".join(other))]
    )
    assert page.count("<mark>") == 2
    assert "<mark>rate 20 at 0x7f00ab20cd</mark>" in page
    assert "<mark>rate &lt;b&gt;</mark>" in page
    assert page.count("… 14 lines that are the same …") == 2
    assert "rate 21" in page
    assert "rate 10 " not in page


def test_outputs_of_other_kinds_stand_beside_each_other() -> None:
    page = side_by_side([said("a")], [said("a"), said("oh", "stderr")])
    assert "<mark>" not in page
    assert page.index("As it is kept") < page.index("In a fresh kernel") < page.index("oh")
    assert "<p>Nothing.</p>" in side_by_side([], [said("a")])


def test_pixels_that_differ_are_red_on_a_pale_picture() -> None:
    made = where(drawn((3, 3)), drawn((12, 5)))
    assert made is not None
    image = Image.open(io.BytesIO(made))
    reds = {(x, y) for x in range(20) for y in range(10) if image.getpixel((x, y)) == (220, 0, 0)}
    assert reds == {(x + dx, y + dy) for x, y in ((3, 3), (12, 5)) for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
    assert "Where they differ" in side_by_side([shown(drawn((3, 3)))], [shown(drawn((12, 5)))])
    assert where(drawn(), drawn(size=(90, 10))) is None
    assert where("!!", drawn()) is None


def test_long_texts_take_no_time() -> None:
    started = time.process_time()
    side_by_side([said("a\n" * 100_000)], [said("b\n" * 100_000)])
    side_by_side(
        [said("\n".join("ab"[n % 2] for n in range(1900)))],
        [said("\n".join("abc"[n % 3] for n in range(1900)))],
    )
    assert time.process_time() - started < 10


def test_report_is_harmless_and_loads_nothing() -> None:
    evil = "</pre><script>alert(1)</script><img src=https://example.org/x onerror=alert(1)>"
    html = {"output_type": "display_data", "data": {"text/html": evil, "text/plain": evil}, "metadata": {}}
    svg = {"output_type": "display_data", "data": {"image/svg+xml": f"<svg>{evil}</svg>"}, "metadata": {}}
    text = {"output_type": "stream", "name": "stdout", "text": evil}
    verdict = CellVerdict(1, "a", "differs", (evil,), (), evil, (html, svg, text), (text,))
    page = report(Verification(evil, evil, (verdict, CellVerdict(2, "b", "skipped", (evil,))), (evil,)))
    assert "<script" not in page
    assert "<img src=https" not in page
    assert 'src="http' not in page
    assert "onerror=alert(1)>" not in page.replace("&gt;", "")
    assert "default-src 'none'" in page
