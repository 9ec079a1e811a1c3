"""What a model writes into a notebook's Markdown loads nothing, and stays what it is otherwise."""

from __future__ import annotations

import itertools
import random

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from neuroworkflow_agent.render.cell_markdown import cell_markdown
from tests import tiers
from tests.render import hostile


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b, x<5 & **bold**", "a < b, x<5 & **bold**"),
        ("$a<b$ and $n![k]$", "$a< b$ and $n! [k]$"),
        ("see ![the plot](http://x/p.png)", "see [the plot](http://x/p.png)"),
        ("![](p.png)", "[image](p.png)"),
        ("a <b>bold</b> claim", "a < b>bold< /b> claim"),
        ("`List<int>` is generic", "`List<int>` is generic"),
        ("`a<b` and <b>", "`a<b` and < b>"),
        ("| `x|<b>` |", "| `x|< b>` |"),
        ("```html\n<b>![x](y)</b>\n```", "```html\n<b>![x](y)</b>\n```"),
        ("Look:\n```html\n<b>\n```\n<b>", "Look:\n\n```html\n<b>\n```\n< b>"),
        ("- item\n  ```\n  <b>\n  ```", "- item\n  ```\n  < b>\n  ```"),
        ("```\n<b>", "```\n< b>"),
        ("```mermaid\ngraph\n```", "```text\ngraph\n```"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "| a | b |\n|---|:-:|\n| 1 | 2 |"),
        ("$$\n\\begin{aligned}a\\end{aligned}\n$$", "$$\n\\begin{aligned}a\\end{aligned}\n$$"),
    ],
)
def test_maths_tables_and_code_stay_and_the_rest_is_text(text: str, expected: str) -> None:
    assert cell_markdown(text) == expected
    assert cell_markdown(expected) == expected


def test_nothing_hostile_is_a_picture_or_html_to_a_parser() -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    mixed = itertools.islice(hostile.mixed_answers(random.Random(tiers.SEED)), tiers.count(100_000))
    for text in itertools.chain(hostile.every_answer(), mixed):
        for keep_code in (True, False):
            written = cell_markdown(text, keep_code=keep_code)
            kinds = {token.type for token in _all(parser.parse(written))}
            assert not kinds & {"image", "html_inline", "html_block"}, (text, written)


def test_attacks_are_attacks() -> None:
    parser = MarkdownIt("commonmark", {"html": True})
    for text in hostile.LOADING:
        kinds = {token.type for token in _all(parser.parse(text))}
        is_browsers_own = "$" in text or "mermaid" in text or text.startswith("<img/")
        assert kinds & {"image", "html_inline", "html_block"} or is_browsers_own, text


def _all(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *(token.children or []))]
