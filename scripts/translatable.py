"""What the side bar and the web page say, as a template for translators: from its JavaScript, and from the schema of its settings."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "labextension"
TEMPLATE = SOURCE / "neuroworkflow_agent.pot"
_SCHEMA = SOURCE / "schema" / "side-bar.json"
_MODULES = (
    "labextension/src/*.js",
    "neuroworkflow_agent/surfaces/panel/js/*.js",
    "neuroworkflow_agent/surfaces/web/js/*.js",
)
_CALLS: dict[str, tuple[int, ...] | None] = {"__": None, "_n": (1, 2)}
_HEADER = b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
"""Without dates and versions, which change by themselves."""


def template() -> bytes:
    """The template; of the same source it is the same."""
    catalog = Catalog()
    for place in _MODULES:
        for module in sorted(ROOT.glob(place)):
            _add_module(catalog, module)
    for context, text in _of_schema(json.loads(_SCHEMA.read_text(encoding="utf-8"))):
        catalog.add(text, locations=[(str(_SCHEMA.relative_to(ROOT)), 0)], context=context)
    file = io.BytesIO()
    write_po(file, catalog, width=0, omit_header=True, include_lineno=False)
    return _HEADER + file.getvalue()


def _add_module(catalog: Catalog, module: Path) -> None:
    with module.open("rb") as file:
        found = extract("javascript", file, keywords=_CALLS, options={"parse_template_string": True})
        for _line, text, _comments, _context in found:
            catalog.add(text, locations=[(str(module.relative_to(ROOT)), 0)])


def _of_schema(schema: dict[str, object]) -> Iterator[tuple[str, str]]:
    """What Jupyter's server looks up for a schema of settings, each with its context."""
    for key, context in {"title": "schema", "description": "schema", "jupyter.lab.setting-icon-label": "settings"}.items():  # fmt: skip
        yield context, str(schema[key])
    properties = schema["properties"]
    assert isinstance(properties, dict)
    for setting in properties.values():
        yield from (("settings", setting[key]) for key in ("title", "description"))
