"""A language pack for JupyterLab that marks each text, so that what is not translated is seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TEMPLATE = Path(__file__).parents[3] / "labextension" / "neuroworkflow_agent.pot"
LOCALE = "eo"
_MODULE = f"jupyterlab_language_pack_{LOCALE}"
_DOMAIN = "neuroworkflow_agent"
_PLURALS = "nplurals=2; plural=(n != 1);"


def write_language_pack(folder: Path) -> None:
    """Put the pack where Python finds it as an installed one if the folder is on its path."""
    texts = folder / _MODULE / "locale" / LOCALE / "LC_MESSAGES"
    texts.mkdir(parents=True)
    (folder / _MODULE / "__init__.py").touch()
    about = folder / f"{_MODULE}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_MODULE}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[jupyterlab.languagepack]\n{LOCALE} = {_MODULE}\n")
    catalog = marked()
    for_page: dict[str, object] = {"": {"domain": _DOMAIN, "language": LOCALE, "plural_forms": _PLURALS}}
    for message in catalog:
        if message.id:
            key = _forms(message.id)[0]
            for_page[f"{message.context}\x04{key}" if message.context else key] = _forms(message.string)
    (texts / f"{_DOMAIN}.json").write_text(json.dumps(for_page))
    with (texts / f"{_DOMAIN}.mo").open("wb") as file:
        write_mo(file, catalog)


def marked() -> Catalog:
    """The template's texts, each between marks as its translation."""
    with TEMPLATE.open("rb") as file:
        catalog = read_po(file, locale=LOCALE)
    for message in catalog:
        if isinstance(message.id, tuple):
            message.string = tuple(f"«{text}»" for text in message.id)
        elif message.id:
            message.string = f"«{message.id}»"
    return catalog


def _forms(text: Any) -> list[str]:
    """One, and the plural if there is one."""
    return [text] if isinstance(text, str) else list(text)


UNTRANSLATED = r"""() => {
    const foreign = [
        ".nwa-said", ".nwa-parts", ".nwa-input", ".nwa-thought", ".nwa-title", ".nwa-place", ".nwa-end > span", ".nwa-empty > p[dir]", ".nwa-notice",
        ".nwa-head h2", ".nwa-head > small", ".nwa-session > span", ".nwa-target", ".nwa-approval > p", ".nwa-chips", ".nwa-queue li > span", "legend", "label > *",
        ".nwa-change pre", ".nwa-variables tbody", ".nwa-undo li", "dl", ".nwa-hidden",
    ].join(",");
    const found = new Set();
    const look = (text, where) => {
        let left = text;
        for (let before = ""; before !== left; ) [before, left] = [left, left.replace(/«[^«»]*»/g, "")];
        if (/\p{L}{2,}/u.test(left)) found.add(`${where}: ${text.trim()}`);
    };
    for (const root of document.querySelectorAll("#neuroworkflow-agent, .nwa-in-cell, .nwa-on-error")) {
        for (const node of root.querySelectorAll("*")) {
            if (!node.checkVisibility()) continue;
            for (const name of ["aria-label", "title", "placeholder"]) if (node.hasAttribute(name) && !node.matches(foreign)) look(node.getAttribute(name), `${node.localName} ${name}`);
            if (node.closest(foreign) || (node.localName === "option" && node.value === node.textContent)) continue;
            for (const child of node.childNodes) if (child.nodeType === Node.TEXT_NODE) look(child.data, `${node.localName}.${node.className}`);
        }
    }
    return [...found];
}"""
"""What a page shows of ours that is not between marks. What the user, the model or the kernel says is left out."""
