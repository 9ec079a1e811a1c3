"""Notebooks and their cells as resources: `notebook:///folder/name.ipynb`, and the same with `?cell=ID`."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs, quote, unquote, urlsplit

from neuroworkflow_agent.errors import AgentError, ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.surfaces.mcp.notebooks import Notebooks
from neuroworkflow_agent.surfaces.mcp.served_notebook import ServedNotebook
from neuroworkflow_agent.tools.registry import Answer, Call
from neuroworkflow_agent.tools.resources import Resource, Resources

_SCHEME = "notebook"
_JSON = "application/json"


class NotebookResources(Resources):
    """The notebooks of one server, to be read and to be told of.

    Parameters
    ----------
    notebooks
        Belongs to the caller.
    """

    templates = (
        Resource(f"{_SCHEME}:///{{+path}}", "notebook", _JSON, "A notebook's cells with their texts."),
        Resource(f"{_SCHEME}:///{{+path}}?cell={{cell_id}}", "cell", _JSON, "A cell: text and outputs."),
    )

    def __init__(self, notebooks: Notebooks) -> None:
        self._notebooks = notebooks

    async def listed(self) -> list[Resource]:
        """See `Resources`."""
        found, _is_cut = await asyncio.to_thread(self._notebooks.listed, "")
        names = [self._notebooks.name_of(place) for place in found]
        return [Resource(f"{_SCHEME}:///{quote(name)}", name, _JSON) for name in names]

    async def read(self, uri: str) -> tuple[str, str]:
        """See `Resources`."""
        notebook, cell = await self._opened(uri)
        name, arguments = ("cell_get", {"cell": cell}) if cell else ("notebook_get", {"sources": True})
        answer = await notebook.tools_of(None)[name].handler(Call(arguments, ToolUseId("")))
        assert isinstance(answer, Answer)
        return _JSON, json.dumps(answer.structured, ensure_ascii=False)

    async def changed(self, uri: str, timeout_s: float) -> bool:
        """See `Resources`."""
        notebook, cell = await self._opened(uri)
        try:
            changed = await notebook.document.watch(timeout_s)
        except AgentError as error:
            raise ToolFailed(str(error)) from error
        return cell in changed if cell else bool(changed)

    async def _opened(self, uri: str) -> tuple[ServedNotebook, str]:
        parts = urlsplit(uri)
        if parts.scheme != _SCHEME or parts.netloc:
            raise ToolFailed(f"{uri!r:.200} is not the URI of a notebook, such as {_SCHEME}:///name.ipynb.")
        cell = parse_qs(parts.query).get("cell", [""])[0]
        return await self._notebooks.open(unquote(parts.path.lstrip("/"))), cell
