"""What counts as the same output, and what does not."""

from __future__ import annotations

import base64
import io
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image, ImageDraw

from neuroworkflow_agent.verification.alike_texts import Likeness, alike
from neuroworkflow_agent.verification.comparing import differences

SAME = [
    ("<A at 0x7f12ab34cd>", "<A at 0x7f99ab34cd>"),
    ("mean 1.0000001", "mean 1.0000002"),
    ("[1.  2. ]", "[1. 2.]"),
    ("array([1e-17, 2.])", "array([3e-17, 2.])"),
    ("Wall time: 3.2 s", "Wall time: 101 ms"),
    ("CPU times: user 2.1 ms, sys: 0 ns, total: 2.1 ms", "CPU times: user 5 ms, sys: 1 µs, total: 6 ms"),
    ("12.3 µs ± 200 ns per loop (mean ± std. dev. of 7 runs, 100,000 loops each)",
     "1.3 ms ± 20 ns per loop (mean ± std. dev. of 7 runs, 1,000 loops each)"),
    ("Duration: 0.0312", "Duration: 12.034"),
    ("Elapsed: 3", "Elapsed: 4"),
    ("CPU times: user 1min 2s, sys: 1.2 s, total: 1min 3s", "CPU times: user 58 s, sys: 0 ns, total: 58 s"),
    ("Fitted; took 3.51 seconds", "Fitted; took 2.07 seconds"),
    ("peak memory: 120.31 MiB, increment: 3.2 MiB", "peak memory: 98.2 MiB, increment: 3.1 MiB"),
    ("run 123e4567-e89b-42d3-a456-426614174000", "run 00000000-e89b-42d3-a456-426614174000"),
    ("{'b', 'a'}", "{'a', 'b'}"),
    (" 10%|#    | 1/10 [00:01<00:05, 3.1it/s]\r100%|##| 10/10 [00:01<00:00, 9it/s]\ndone", "100%|##| 10/10 [00:02<00:00, 7it/s]\ndone"),
    ("/tmp/tmpab12/x.csv", "/tmp/tmpzz99/x.csv"),
    ("/tmp/ipykernel_12/3456.py:3: UserWarning: far", "/tmp/ipykernel_99/1.py:3: UserWarning: far"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("pid 1234", "pid 99"),
    ("<DisplayHandle display_id=89c1920396354b71d19e0bfa357fac76>", "<DisplayHandle display_id=fcbeda4c1ffc6a6e0c7fbe692c0f7cb8>"),
    ("nan", "nan"),
]  # fmt: skip
OTHER = [
    ("spikes 3", "spikes 4"),
    ("tau = 20 ms", "tau = 30 ms"),
    ("Duration: 2.0 s", "Duration: 3.0 s"),
    ("100 neurons took 3.1 s", "101 neurons took 3.1 s"),
    ("I = 1e-12 A", "I = 2e-12 A"),
    ("2024-01-01", "2024-01-02"),
    ("started 09:30:00", "started 09:31:00"),
    ("nan", "1.0"),
    ("1.0", "1.001"),
    ("a b", "a c"),
    ("", "1"),
    ("{'a': 1}", "{'a': 2}"),
    ("x1", "x2"),
    ("89c1920396354b71d19e0bfa357fac76", "fcbeda4c1ffc6a6e0c7fbe692c0f7cb8"),
    ("1700000000", "1700000100"),
]


@pytest.mark.parametrize(("before", "after"), SAME)
def test_what_differs_each_time_does_not_count(before: str, after: str) -> None:
    assert alike(before, after, Likeness())


@pytest.mark.parametrize(("before", "after"), OTHER)
def test_other_results_are_told_apart(before: str, after: str) -> None:
    at_another_time = Likeness(now=datetime(2026, 3, 4, 20, tzinfo=UTC))
    assert not alike(before, after, at_another_time)
    assert not alike(after, before, at_another_time)


def test_only_the_present_time_may_differ_from_another_one() -> None:
    now = datetime.now()
    hours_ago = now - timedelta(hours=5)  # a fixed time of day is near the present one once a day
    for before, after in [
        ("2024-01-01 10:11:12.123", str(now)),
        ("made 2024-01-01", f"made {now:%Y-%m-%d}"),
        (f"at {hours_ago:%H:%M:%S}", f"at {now:%H:%M:%S}"),
        ("1700000000.12", repr(time.time())),
        ("datetime.datetime(2024, 1, 5, 3)", repr(now)),
        ("Mon Jan  5 10:11:12 2024", now.strftime("%a %b %d %H:%M:%S %Y")),
    ]:
        assert alike(before, after, Likeness()), after
        assert not alike(after, before, Likeness()), after


def test_a_hostile_text_takes_no_time() -> None:
    started = time.process_time()
    for text in (
        "1" * 200_000 + "x",
        "{" * 200_000,
        "1.1." * 50_000,
        "0x" + "a" * 200_000,
        "9%|" * 60_000,
        "Mon Jan 1 " * 20_000,
    ):
        alike(text, text + "!", Likeness())
    assert time.process_time() - started < 10


def picture(
    shift: int = 0,
    colour: str = "navy",
    size: tuple[int, int] = (320, 240),
    ground: int = 255,
    dots: int = 0,
    grid: int = 250,
) -> dict[str, Any]:
    image = Image.new("RGB", size, (ground, ground, ground))
    ImageDraw.Draw(image).line([(50, 0), (50, 19)], fill=(grid, grid, grid))
    for each in range(dots):
        image.putpixel((5 * each, 5), (0, 0, 0))
    ImageDraw.Draw(image).line([(10, 20 + shift), (300, 200 + shift)], fill=colour, width=3)
    made = io.BytesIO()
    image.save(made, "PNG")
    return shown({"image/png": base64.b64encode(made.getvalue()).decode(), "text/plain": "<Figure>"})


def shown(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def said(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def failed(ename: str, evalue: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": []}


TABLE = "<table><tr><td>{}</td></tr></table>"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([said("a\n"), said("b\n")], [said("a\nb\n")], ()),
        ([said("a\n"), shown({"text/plain": "1"}), said("b\n")], [said("a\nb\n"), shown({"text/plain": "1"})], ()),
        ([said("a\nb")], [said("a\nc")], ("stdout: 'b' before, 'c' now",)),
        ([said("a")], [said("a"), said("oh", "stderr")], ("stderr: '' before, 'oh' now",)),
        ([picture()], [picture()], ()),
        ([picture()], [picture(dots=1)], ()),
        ([picture()], [picture(dots=4)], ("display: another picture, 0.01 % of its pixels",)),
        ([picture()], [picture(grid=235)], ()),
        ([picture()], [picture(grid=230)], ("display: another picture, 0.026 % of its pixels",)),
        ([picture()], [picture(ground=250)], ()),
        ([picture()], [picture(ground=243)], ("display: another picture, 99 % of its pixels",)),
        ([picture()], [picture(shift=6)], ("display: another picture, 2.9 % of its pixels",)),
        ([picture()], [picture(colour="red")], ("display: another picture, 1.4 % of its pixels",)),
        ([picture()], [picture(size=(640, 480))], ("display: a picture of 640 x 480 pixels, not 320 x 240",)),
        ([picture()], [], ("1 display before, no displays now",)),
        ([shown({"image/png": "!!"})], [picture()], ("display: a picture that cannot be read",)),
        ([shown({"text/html": TABLE.format(1), "text/plain": "1"})], [shown({"text/html": TABLE.format(2), "text/plain": "2"})],
         ("display: '1' before, '2' now",)),
        ([shown({"text/html": TABLE.format(1), "text/plain": "   a\n0  1"})], [shown({"text/html": TABLE.format(2), "text/plain": "   a\n0  2"})],
         ("display: '0 1' before, '0 2' now",)),
        ([shown({"text/html": '<style>#T_1</style><b id="T_1">1</b>'})], [shown({"text/html": '<style>#T_2</style><b id="T_2">1</b>'})], ()),
        ([shown({"application/json": {"a": [1.0, 2]}})], [shown({"application/json": {"a": [1.0000000001, 2]}})], ()),
        ([shown({"application/json": {"a": 1}})], [shown({"application/json": {"a": 2}})], ("display: other data of the kind application/json",)),
        ([failed("ValueError", "at 0x7f00ab12cd")], [failed("ValueError", "at 0x7f00ab99cd")], ()),
        ([failed("ValueError", "a")], [failed("ValueError", "b")], ("error: ValueError: a before, ValueError: b now",)),
        ([failed("ValueError", "a")], [], ("error: ValueError: a before, none now",)),
    ],
)  # fmt: skip
def test_outputs_beside_those_of_a_new_run(
    before: list[Any], after: list[Any], expected: tuple[str, ...]
) -> None:
    assert differences(before, after) == expected
