"""Outputs of code as HTML that is safe outside a notebook's own output area."""

from __future__ import annotations

from typing import Any

import pytest

from neuroworkflow_agent.render.outputs import render_output


def data(**bundle: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {k.replace("_", "/"): v for k, v in bundle.items()},
        "metadata": {},
    }


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


@pytest.mark.parametrize(
    ("output", "html"),
    [
        (stream("a<b"), '<pre class="nwa-stdout">a&lt;b</pre>'),
        (stream("10%\r100%\n"), '<pre class="nwa-stdout">100%\n</pre>'),
        (stream("\x1b[1;31mred\x1b[0m <b>"), '<pre class="nwa-stdout"><span class="nwa-bold nwa-ansi-1">red</span> &lt;b&gt;</pre>'),
        (stream("\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07"), '<pre class="nwa-stdout">x</pre>'),
        (data(text_html="<table class='x' style='y'><tr><th>a</th></tr></table>", text_plain="p"), '<div class="nwa-data"><table><tbody><tr><th>a</th></tr></tbody></table></div>'),
        (data(text_html="<script>alert(1)</script>", text_plain="plain"), '<pre class="nwa-stdout">plain</pre>'),
        (data(text_html="<div id='plot'></div>", text_plain="Plot"), '<pre class="nwa-stdout">Plot</pre>'),
        (data(text_markdown="**b**"), '<div class="nwa-data"><p><strong>b</strong></p>\n</div>'),
        (data(image_png="not base64!", text_plain="p"), '<pre class="nwa-stdout">p</pre>'),
        (data(application_json="{}"), '<pre class="nwa-stdout">&quot;{}&quot;</pre>'),
        (data(**{"application/x<b>": "?"}), '<div class="nwa-note">Output of a kind that is not shown here: application/x&lt;b&gt;</div>'),
    ],
)  # fmt: skip
def test_rendering(output: dict[str, Any], html: str) -> None:
    assert render_output(output).html == html


def test_a_picture_is_named_and_handed_out_apart() -> None:
    shown = render_output(data(image_png="iVBORw0KGgo=", text_plain='<Figure "x">'))
    assert shown.picture is not None
    assert shown.html == f'<img data-picture="{shown.picture.key}" alt="&lt;Figure &quot;x&quot;&gt;">'
    assert (shown.picture.media_type, shown.picture.data) == ("image/png", b"\x89PNG\r\n\x1a\n")


def test_an_error_keeps_its_colours_and_loses_its_tricks() -> None:
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mE\x1b[39m: <img src=x>"],
    }
    assert (
        render_output(error).html
        == '<pre class="nwa-error"><span class="nwa-ansi-1">E</span>: &lt;img src=x&gt;</pre>'
    )
