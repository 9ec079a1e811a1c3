"""Outputs of a cell: how they change, what they come to, and the messages that say so. Pure.

Source: Jupyter messaging, "Messages on the IOPub (PUB/SUB) channel", and nbformat 4, "Code cell outputs".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypedDict

from neuroworkflow_agent.text import map_texts

Output: TypeAlias = dict[str, Any]
"""One nbformat 4 output: `stream`, `display_data`, `execute_result` or `error`; JSON-safe."""


class AppendOutput(TypedDict):
    """A new output at the end of the cell's outputs."""

    op: Literal["append"]
    output: Output
    display_id: str | None


class UpdateOutput(TypedDict):
    """New content for every output displayed under `display_id`."""

    op: Literal["update"]
    display_id: str
    data: dict[str, Any]
    metadata: dict[str, Any]


class ClearOutput(TypedDict):
    """Remove the outputs so far; with `wait`, only when the next output comes."""

    op: Literal["clear"]
    wait: bool


OutputChange: TypeAlias = AppendOutput | UpdateOutput | ClearOutput
OutputListener: TypeAlias = Callable[[OutputChange], None]


def with_texts(told: Any, change: Callable[[str], str]) -> Any:
    """An `Output`, or a change of outputs, with every text in it changed; pictures stay as they are."""
    return map_texts(told, change, lambda media_type: media_type.startswith("image/"))


ExecutionStatus: TypeAlias = Literal["ok", "error", "interrupted"]
"""How code ended."""


class OutputList:
    """The outputs of one cell, changed as a notebook front end would."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []
        self._texts: list[list[str] | None] = []
        """For each stream output its pieces, joined only when asked for; None for others."""
        self._ids: list[str | None] = []
        self._clear_pending = False

    def apply(self, change: OutputChange) -> None:
        """Take in one change."""
        if change["op"] == "clear":
            self._clear_pending = change["wait"]
            if not change["wait"]:
                self._clear()
        elif change["op"] == "update":
            for output, display_id in zip(self._outputs, self._ids, strict=True):
                if display_id == change["display_id"]:
                    output["data"], output["metadata"] = change["data"], change["metadata"]
        else:
            if self._clear_pending:
                self._clear()
            self._append(change["output"], change["display_id"])

    @property
    def outputs(self) -> tuple[Output, ...]:
        """nbformat outputs as they stand, neighbouring streams of one name joined."""
        for output, pieces in zip(self._outputs, self._texts, strict=True):
            if pieces is not None:
                output["text"] = "".join(pieces)
                pieces[:] = [output["text"]]
        return tuple(dict(output) for output in self._outputs)

    def _append(self, output: Output, display_id: str | None) -> None:
        if output["output_type"] == "stream":
            last = self._outputs[-1] if self._outputs else None
            pieces = self._texts[-1] if self._texts else None
            if last is not None and pieces is not None and last["name"] == output["name"]:
                pieces.append(output["text"])
                return
            self._texts.append([output["text"]])
        else:
            self._texts.append(None)
        self._outputs.append(dict(output))
        self._ids.append(display_id)

    def _clear(self) -> None:
        self._clear_pending = False
        self._outputs.clear()
        self._texts.clear()
        self._ids.clear()


def change_from_msg(msg: dict[str, Any]) -> OutputChange | None:
    """The change an IOPub message stands for; None if it is not an output.

    Parameters
    ----------
    msg
        A message as `jupyter_client` gives it, with `msg_type` and `content`.
    """
    kind, content = msg["msg_type"], msg["content"]
    match kind:
        case "stream":
            return stream(content["name"], content["text"])
        case "display_data" | "execute_result":
            output: Output = {
                "output_type": kind,
                "data": content["data"],
                "metadata": content.get("metadata", {}),
            }
            if kind == "execute_result":
                output["execution_count"] = content.get("execution_count")
            return {"op": "append", "output": output, "display_id": _display_id(content)}
        case "error":
            return error(content["ename"], content["evalue"], list(content["traceback"]))
        case "update_display_data":
            display_id = _display_id(content)
            if display_id is None:
                return None
            return {
                "op": "update",
                "display_id": display_id,
                "data": content["data"],
                "metadata": content.get("metadata", {}),
            }
        case "clear_output":
            return {"op": "clear", "wait": bool(content.get("wait", False))}
        case _:
            return None


def join_texts(changes: list[OutputChange]) -> list[OutputChange]:
    """Neighbouring texts of one stream as one change."""
    joined: list[tuple[OutputChange, list[str]]] = []
    for change in changes:
        is_text = change["op"] == "append" and change["output"]["output_type"] == "stream"
        if is_text and change["op"] == "append":
            last = joined[-1] if joined else None
            if (
                last
                and last[1]
                and last[0]["op"] == "append"
                and last[0]["output"]["name"] == change["output"]["name"]
            ):
                last[1].append(change["output"]["text"])
                continue
            copy: OutputChange = {"op": "append", "output": dict(change["output"]), "display_id": None}
            joined.append((copy, [change["output"]["text"]]))
        else:
            joined.append((change, []))
    for change, texts in joined:
        if texts and change["op"] == "append":
            change["output"]["text"] = "".join(texts)
    return [change for change, _ in joined]


def stream(name: str, text: str) -> OutputChange:
    """Text on `stdout` or `stderr`."""
    return {
        "op": "append",
        "output": {"output_type": "stream", "name": name, "text": text},
        "display_id": None,
    }


def error(ename: str, evalue: str, traceback: list[str]) -> OutputChange:
    """An exception."""
    output: Output = {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": traceback}
    return {"op": "append", "output": output, "display_id": None}


def _display_id(content: dict[str, Any]) -> str | None:
    display_id = (content.get("transient") or {}).get("display_id")
    return str(display_id) if display_id is not None else None
