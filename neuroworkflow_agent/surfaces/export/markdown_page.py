"""A notebook's parts as Markdown, with their pictures as files beside it."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, assert_never

from neuroworkflow_agent.render.markdown import sanitize_data
from neuroworkflow_agent.render.outputs import render_output
from neuroworkflow_agent.surfaces.export.html_page import MADE, WRITTEN
from neuroworkflow_agent.surfaces.export.pictures import place_pictures
from neuroworkflow_agent.surfaces.export.sections import Asked, Code, Part, Said, Shown, Words
from neuroworkflow_agent.text import fenced, overwrite, strip_control


class MarkdownPage:
    """Writes the text, and collects the pictures.

    Parameters
    ----------
    folder
        The notebook's.
    files
        Name of the folder with the pictures, beside the text.
    language
        Of the code.
    """

    def __init__(self, folder: Path, files: str, language: str) -> None:
        self._folder, self._files, self._language = folder, files, language
        self.pictures: dict[str, bytes] = {}
        """Bytes by name, in that folder."""

    def write(self, parts: Sequence[Part], facts: Iterable[tuple[str, str]]) -> str:
        """The text.

        Parameters
        ----------
        parts
            What it shows.
        facts
            How it was made.
        """
        drawn = [self._drawn(part) for part in parts]
        made = [f"## {MADE}", "\n".join(f"- **{name}**: {value}" for name, value in facts)]
        return "\n\n".join(text.strip("\n") for text in [*drawn, *made] if text.strip()) + "\n"

    def _drawn(self, part: Part) -> str:
        match part:
            case Words():
                return place_pictures(part.markdown, part.attachments, self._folder, self._kept)
            case Code(source=source, is_folded=is_folded):
                code = fenced(source.rstrip(), self._language)
                return _folded("Code", code) if is_folded else code
            case Shown(output=output):
                return self._shown(dict(output))
            case Asked(text=text):
                return _folded("Asked of the agent", _quoted(text))
            case Said(markdown=markdown, is_folded=is_folded):
                said = _quoted(markdown)
                return _folded(WRITTEN, said) if is_folded else f"*{WRITTEN}:*\n\n{said}"
            case _:
                assert_never(part)

    def _shown(self, output: dict[str, Any]) -> str:
        data = output.get("data", {})
        picture = render_output(output).picture
        if picture is not None:
            return self._kept(picture.media_type, picture.data, "")
        if "<table" in str(data.get("text/html", "")):
            return re.sub(r"\n\s*\n", "\n", sanitize_data(str(data["text/html"])))
        if "text/markdown" in data:
            return str(data["text/markdown"])
        if "text/latex" in data:
            return str(data["text/latex"])
        text = output.get("text") or "\n".join(output.get("traceback", ())) or data.get("text/plain", "")
        return fenced(overwrite(strip_control(str(text))).rstrip()) if str(text).strip() else ""

    def _kept(self, media_type: str, data: bytes, alt: str) -> str:
        name = f"figure-{len(self.pictures) + 1}{mimetypes.guess_extension(media_type) or '.png'}"
        self.pictures[name] = data
        return f"![{alt}]({self._files}/{name})"


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
