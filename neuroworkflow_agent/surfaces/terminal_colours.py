"""Colours of a terminal that are read on a dark ground and on a light one.

The sixteen colours that a terminal's user may choose are not: cyan has 1.6:1 on the white of xterm, blue 2.2:1 on its black, and bright ones are greys in
Solarized. These are fixed ones of the 256, all in the middle: at least 4.4:1 on black and on white, 3.1:1 on every ground that is
common; no colour has 4.5:1 on all of those. Contrasts as in WCAG 2.1, "relative luminance".
"""

from __future__ import annotations

RED = "color(131)"
GREEN = "color(29)"
ORANGE = "color(130)"
BLUE = "color(63)"
PURPLE = "color(98)"
GREY = "color(243)"

FAILURE = RED
ENDS = {"complete": GREEN, "interrupted": ORANGE}
"""Styles of how a turn ended; any other way is a failure."""
MARKDOWN = {
    "markdown.code": f"bold {PURPLE}",
    "markdown.code_block": PURPLE,
    "markdown.block_quote": "italic",
    "markdown.list": "none",
    "markdown.item.number": "bold",
    "markdown.hr": GREY,
    "markdown.h2": "bold underline",
    "markdown.h3": "bold",
    "markdown.h4": "bold italic",
    "markdown.h6": "italic",
    "markdown.h7": "italic",
    "markdown.link": BLUE,
    "markdown.link_url": f"underline {BLUE}",
    "markdown.table.border": GREY,
    "markdown.table.header": "bold",
    "markdown.kbd": "bold",
}
"""In place of rich's own."""
PROGRESS = {
    "bar.back": GREY,
    "bar.complete": PURPLE,
    "bar.finished": GREEN,
    "bar.pulse": PURPLE,
    "progress.elapsed": GREY,
}
"""Likewise."""
