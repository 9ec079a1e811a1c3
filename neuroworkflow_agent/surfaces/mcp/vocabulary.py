"""Every tool that MCP clients and the command line have, as it is told of; quick to import.

The tools for cells are the agent's own, with the notebook's path beside what they take.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neuroworkflow_agent.tools.notebook_specs import (
    CELL_GET,
    CELLS,
    EDITING,
    EXECUTE,
    READING,
    a_list,
    an_object,
)
from neuroworkflow_agent.tools.registry import RUN_CODE, Spec

_TEXT: dict[str, Any] = {"type": "string"}
_WHOLE: dict[str, Any] = {"type": "integer"}
_PATH = {"type": "string", "description": "The notebook, from the server's root folder."}
_INDEX = {"type": "integer", "description": "Or its index, from 0; -1 is the last one."}
_TIMEOUT = {
    "type": "number",
    "exclusiveMinimum": 0,
    "description": "Interrupt the code after this many seconds.",
}
_WAIT = {
    "type": "number",
    "minimum": 0,
    "maximum": 300,
    "description": "Answer after this many seconds, 45 by default, also if the code goes on; then use execution_get.",
}
_EXECUTION = {"type": "string", "description": "Id of the execution, as the answer of its start says."}
_WITH_INDEX = (CELL_GET.name, EXECUTE.name)

RUN = an_object(
    {
        "status": {"type": "string", "enum": ["ok", "running"]},
        "execution": {"type": "string", "description": "Its id, while it is running."},
        "seconds": {"type": "number"},
        "outputs": _TEXT,
        **CELLS["properties"],
    },
    "status",
)
"""What an execution answers."""


def _for_paths(spec: Spec) -> Spec:
    """A tool of the agent's for its notebook as one for many notebooks."""
    properties = {("cell_id" if name == "cell" else name): each for name, each in spec.properties.items()}
    required = ["cell_id" if name == "cell" else name for name in spec.required]
    if spec.name in _WITH_INDEX:
        properties = {**properties, "index": _INDEX}
        required.remove("cell_id")
    return replace(
        spec,
        description=spec.description.replace("the user's notebook", "a notebook"),
        properties={"path": _PATH, **properties},
        required=("path", *required),
    )


_NOTEBOOK = an_object({"path": _TEXT, "kernel": _TEXT}, "path")
_LIST = Spec(
    "notebook_list",
    "List the notebooks below a folder, and whether a kernel of theirs runs.",
    {"folder": {"type": "string", "description": "From the server's root folder, which is the default."}},
    output=an_object({"notebooks": a_list(_NOTEBOOK), "is_cut": {"type": "boolean"}}),
    reads_only=True,
)
_NEW_CELL = an_object(
    {"source": _TEXT, "cell_type": {"type": "string", "enum": ["code", "markdown", "raw"]}}, "source"
)
_CREATE = Spec(
    "notebook_create",
    "Create a notebook; one that is there already is left alone and the call fails.",
    {
        "path": _PATH,
        "cells": {**a_list(_NEW_CELL), "maxItems": 10_000},
        "kernel": {"type": "string", "description": "Kernelspec; python3 by default."},
    },
    ("path",),
    output=an_object({"path": _TEXT, "cells": _WHOLE}),
    destroys=False,
)
_WATCH = Spec(
    "notebook_watch",
    "Wait until somebody changes a notebook; answers with the cells that came, changed or went, or with none.",
    {
        "path": _PATH,
        "timeout_s": {"type": "number", "minimum": 1, "maximum": 300, "description": "30 by default."},
    },
    ("path",),
    output=an_object({"changed": a_list(_TEXT), "timed_out": {"type": "boolean"}}),
    reads_only=True,
)
_USERS = Spec(
    "notebook_list_users",
    "List who has a notebook open in real-time collaboration; without it nobody is known.",
    {"path": _PATH},
    ("path",),
    output=an_object(
        {"held_as": _TEXT, "users": a_list(an_object({"name": _TEXT, "is_agent": {"type": "boolean"}}))}
    ),
    reads_only=True,
)
_ROOMS = Spec(
    "room_list",
    "List the notebooks that this server holds in rooms of real-time collaboration.",
    {},
    output=an_object(
        {"rooms": a_list(an_object({"path": _TEXT, "users": _WHOLE, "idle_s": {"type": "number"}}))}
    ),
    reads_only=True,
)
_CLEAR = Spec(
    "outputs_clear",
    "Take the outputs and numbers out of a code cell, or out of all.",
    {"path": _PATH, "cell_id": {"type": "string", "description": "Only this cell's."}},
    ("path",),
    output=an_object({"cleared": a_list(_TEXT)}),
    repeatable=True,
)
_STATUS = Spec(
    "kernel_status",
    "Say whether a notebook's kernel runs, and what it is doing.",
    {"path": _PATH},
    ("path",),
    output=an_object(
        {"kernel": _TEXT, "state": _TEXT, "language": _TEXT, "executions": a_list(_TEXT)}, "kernel", "state"
    ),
    reads_only=True,
)
_INTERRUPT = Spec(
    "kernel_interrupt",
    "Interrupt whatever a notebook's kernel runs, also what a person started.",
    {"path": _PATH},
    ("path",),
    output=an_object({"state": _TEXT}),
    repeatable=True,
)
_RESTART = Spec(
    "kernel_restart",
    "Start a notebook's kernel anew; its variables are lost.",
    {"path": _PATH},
    ("path",),
    output=an_object({"state": _TEXT}),
    repeatable=True,
)
_VARIABLES = Spec(
    "kernel_variables",
    "List the variables of a notebook's Python kernel with their types, shapes and small values; no code of theirs is run.",
    {"path": _PATH},
    ("path",),
    output=an_object(
        {
            "variables": a_list(
                an_object({"name": _TEXT, "type": _TEXT, "value": _TEXT, "shape": _TEXT}, "name", "type")
            )
        }
    ),
    reads_only=True,
)
_RUN_CODE = Spec(
    RUN_CODE,
    "Run code in a notebook's kernel and see what comes out; the notebook stays as it is.",
    {
        "path": _PATH,
        "code": {"type": "string", "description": "Source of one cell."},
        "timeout_s": _TIMEOUT,
        "wait_s": _WAIT,
    },
    ("path", "code"),
    output=RUN,
)
_RUN_ALL = Spec(
    "notebook_run_all",
    "Run all code cells of a notebook in their order, up to the first error.",
    {
        "path": _PATH,
        "restart": {"type": "boolean", "description": "Restart the kernel first; its variables are lost."},
        "timeout_s": {**_TIMEOUT, "description": "Interrupt a cell after this many seconds."},
        "wait_s": _WAIT,
    },
    ("path",),
    output=RUN,
)
_POLL = Spec(
    "execution_get",
    "Wait for the end of an execution that went on, or see what it has put out so far.",
    {"execution": _EXECUTION, "wait_s": _WAIT},
    ("execution",),
    output=RUN,
    reads_only=True,
)
_STOP = Spec(
    "execution_stop",
    "Stop an execution that goes on; nothing of it runs afterwards.",
    {"execution": _EXECUTION},
    ("execution",),
    output=an_object({"stopped": {"type": "boolean"}}),
    repeatable=True,
)
_NODE_PATHS = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Files or folders below the root; those of its nodes by default.",
}
_REPORT = an_object({"report": _TEXT})
CHECK_NODE = Spec(
    "check_node",
    "Check NeuroWorkflow node files: each finding with its code, place and what would be right. With run, each node is also "
    "imported and run on X.example.json beside it, in a fresh process.",
    {
        "paths": _NODE_PATHS,
        "run": {"type": "boolean", "description": "Also import and run the nodes."},
        "timeout_s": {"type": "number", "description": "Limit of one node's run; 60 by default."},
    },
    output=_REPORT,
    reads_only=True,
    changes_with="run",
)
LIST_NODES = Spec(
    "list_nodes",
    "List the NeuroWorkflow nodes there are: type, class, ports with types and meaning, parameters.",
    {"paths": _NODE_PATHS},
    output=_REPORT,
    reads_only=True,
)


def _running(spec: Spec) -> Spec:
    return replace(spec, properties={**spec.properties, "timeout_s": _TIMEOUT, "wait_s": _WAIT}, output=RUN)


CELL_SPECS = (*map(_for_paths, (*READING, *EDITING)), _running(_for_paths(EXECUTE)))
"""The agent's tools for cells, for many notebooks."""
SPECS = (
    _LIST, _CREATE, *CELL_SPECS, _WATCH, _USERS, _ROOMS, _CLEAR, _STATUS, _INTERRUPT, _RESTART, _VARIABLES, _RUN_CODE,
    _RUN_ALL, _POLL, _STOP, CHECK_NODE, LIST_NODES,
)  # fmt: skip
"""All of them, in the order in which they are listed."""


def offered(*, read_only: bool) -> tuple[Spec, ...]:
    """The vocabulary; with `read_only` without whatever changes something."""
    if not read_only:
        return SPECS
    kept = [spec for spec in SPECS if spec.reads_only and spec.name != _POLL.name]
    return tuple(_only_reading(spec) for spec in kept)


def _only_reading(spec: Spec) -> Spec:
    """Without the argument by which it would change something."""
    if not spec.changes_with:
        return spec
    properties = {
        name: each for name, each in spec.properties.items() if name not in (spec.changes_with, "timeout_s")
    }
    return replace(spec, properties=properties, changes_with="")
