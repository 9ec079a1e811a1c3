"""Markdown → sanitized HTML, and its plain-text form.

The text is a model's and therefore hostile: raw HTML is shown, not run; images become links, so that
nothing is loaded; links go only where `_SCHEMES` allows, or to a place beside the page. What the parser makes passes nh3 at the end,
whose allow-list is the last word.
"""

from __future__ import annotations

import functools
import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.text import strip_control

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SCHEMES = {"http", "https", "mailto"}
_MATH_TAGS = {
    "math", "semantics", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msup", "msub", "msubsup", "mfrac",
    "msqrt", "mroot", "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom",
    "menclose", "mmultiscripts", "mprescripts",
}  # fmt: skip
_TAGS = _MATH_TAGS | {
    "a", "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "span",
    "div", "em", "strong", "del", "s", "sub", "sup", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
}  # fmt: skip
_MATH_ATTRIBUTES = {
    "display",
    "mathvariant",
    "stretchy",
    "fence",
    "form",
    "accent",
    "columnalign",
    "linethickness",
}
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href"},
    "ol": {"start"},
    "details": {"open"},
    "math": {"display"},
    **{tag: {"class"} for tag in ("code", "div", "pre", "span", "summary", "table", "td", "th")},
    **dict.fromkeys(_MATH_TAGS, _MATH_ATTRIBUTES),
}
_PYTHON_NAMES = frozenset({"python", "py", "python3", "ipython", "ipython3"})
_PYTHON = '<code class="nwa-python">'
"""What a cell could be made of."""
_MAX_HIGHLIGHTED_CHARS = 50_000

STYLE = (Path(__file__).parent / "markdown.css").read_text(encoding="utf-8")
"""CSS for one display, scoped to the class `nwa`; follows JupyterLab's theme, readable without it."""


_INLINE = {
    '<pre class="highlight">': "border: 1px solid rgba(127, 127, 127, 0.4); border-radius: 4px; padding: 0.5em 0.7em; margin: 0.4em 0",
    '<div class="nwa-note nwa-fail">': "border-left: 3px solid #d32f2f; padding-left: 0.6em",
}
"""What is seen also where a notebook is not trusted, or shown by others: those take the style away but for this."""


def render_html(markdown: str) -> str:
    """Sanitized HTML for a Markdown text; safe to place in a page as it is."""
    return sanitize(parser().render(strip_control(markdown)))


def page(safe: str, *, with_style: bool = True) -> str:
    """Rendered HTML as one display of a notebook, closed to MathJax.

    JupyterLab typesets what stands between dollars in any HTML output; in ours that is money, or shell code.

    Parameters
    ----------
    with_style
        Whether it brings its style along; false where a display before it in the same cell has.
    """
    for mark, style in _INLINE.items():
        safe = safe.replace(mark, f'{mark[:-1]} style="{style}">')
    brought = f"<style>{STYLE}</style>" if with_style else ""
    return f'<div class="nwa mathjax_ignore tex2jax_ignore">{brought}{safe}</div>'


def render_text(markdown: str) -> str:
    """The text to show where HTML cannot be: the Markdown itself, control characters removed."""
    return strip_control(markdown).strip("\n")


def highlight(code: str, language: str) -> str:
    """HTML for a code block, coloured by classes; very long code stays plain."""
    code = strip_control(code)
    return f'<pre class="highlight"><code>{_highlighted(code, language)}</code></pre>'


def sanitize(unsafe: str) -> str:
    """`unsafe` reduced to the tags, attributes and link targets that are allowed."""
    import nh3

    return nh3.clean(
        unsafe,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        clean_content_tags={"script", "style"},
    )


def sanitize_data(unsafe: str) -> str:
    """HTML that code put out, reduced to text, tables and links: no picture, no style, no class of ours to pose as."""
    import nh3

    cells = {"colspan", "rowspan"}
    return nh3.clean(
        unsafe,
        tags=_TAGS - {"details", "summary"},
        attributes={
            "a": {"href"},
            "ol": {"start"},
            "td": cells,
            "th": cells,
            **dict.fromkeys(_MATH_TAGS, _MATH_ATTRIBUTES),
        },
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        clean_content_tags={"script", "style"},
    )


def _highlighted(code: str, language: str) -> str:
    from pygments import highlight as colour

    lexer = _lexer(language) if language and len(code) <= _MAX_HIGHLIGHTED_CHARS else None
    return html.escape(code) if lexer is None else str(colour(code, lexer, _formatter()))


@functools.lru_cache(maxsize=64)
def _lexer(language: str) -> Any:
    """The lexer with that name, if there is one; looking it up takes longer than a short text."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@functools.cache
def _formatter() -> Any:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True)


@functools.cache
def parser() -> MarkdownIt:
    """The one parser; configured once, never changed after."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    made = MarkdownIt("commonmark", {"html": False, "highlight": _fence}).enable(["table", "strikethrough"])
    made.use(dollarmath_plugin, renderer=_math, allow_digits=False, double_inline=True)
    made.use(amsmath_plugin, renderer=lambda source: _math(source, {"display_mode": True}))
    made.add_render_rule("image", _image_as_link)
    return made


def _fence(code: str, language: str, _attributes: str) -> str:
    shown = highlight(code, language)
    return shown.replace("<code>", _PYTHON, 1) if language.casefold() in _PYTHON_NAMES else shown


def _math(source: str, options: dict[str, Any]) -> str:
    from latex2mathml.converter import convert

    try:
        return convert(source, display="block" if options["display_mode"] else "inline")
    except Exception:  # noqa: BLE001 - the converter raises many kinds; a formula is never worth an answer
        return f"<code>{html.escape(source)}</code>"


def _image_as_link(_self: Any, tokens: Any, index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    target = html.escape(str(token.attrGet("src") or ""))
    label = html.escape(token.content) or target
    return f'<a href="{target}">{label}</a>'
