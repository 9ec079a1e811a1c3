"""The class and the labels of its definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from neuroworkflow_agent.nodes.contract import LATER_LABELS, STAGES
from neuroworkflow_agent.nodes.definition import Definition
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_CAMEL_CASE = re.compile(r"[A-Z][A-Za-z0-9]*")
_MIN_WORDS = 4
"""Of a description that says what is computed from what."""


def check(node: NodeClass) -> Iterator[Finding]:
    find = node.source.find
    if not _CAMEL_CASE.fullmatch(node.name):
        yield find("NW009", node.at, f"{node.name!r} is not CamelCase.", "Call it such as SpikeRateNode.")
    yield from node.definition_findings
    for each in node.arguments:
        if not node.taken.get(each.name, each.is_later):
            yield each.finding
    if node.definition is None:
        if not node.inherits:
            yield find(
                "NW101",
                node.at,
                f"{node.name} has no NODE_DEFINITION.",
                "Write NODE_DEFINITION = NodeDefinitionSchema(type=…, description=…, …) in the class body.",
            )
    elif "labels" not in node.definition.hidden:
        yield from _check_labels(node, node.definition)


def _check_labels(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    find, labels = node.source.find, definition.labels
    kind = labels.get("type")
    if kind is None:
        yield find(
            "NW110",
            definition.at,
            "The node has no type.",
            f"Write type={_snake(node.name.removesuffix('Node'))!r}.",
        )
    elif kind.text is not None and not _SNAKE_CASE.fullmatch(kind.text):
        yield find(
            "NW111",
            kind.at,
            f"The type {kind.text!r} is not snake_case.",
            f"Write type={_snake(kind.text)!r}.",
        )
    described = labels.get("description")
    if described is None:
        yield find(
            "NW118",
            definition.at,
            "The node has no description.",
            "Say in one sentence what it computes, from what, and by which method.",
        )
    elif described.text is not None and len(described.text.split()) < _MIN_WORDS:
        yield find(
            "NW119",
            described.at,
            f"The description {described.text!r} says too little.",
            "Say in one sentence what it computes, from what, and by which method.",
        )
    yield from _check_origin(node, definition)


def _check_origin(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    find, labels = node.source.find, definition.labels
    stages = ", ".join(STAGES)
    given = {name: labels[name].text for name in LATER_LABELS if name in labels}
    missing = {name for name in LATER_LABELS if name not in given and name not in node.unknown_labels}
    missing |= {name for name, text in given.items() if text == ""}
    if "stage" in missing:
        yield find("NW113", definition.at, "The node has no stage.", f"Write stage=…, one of {stages}.")
    elif (stage := labels.get("stage")) and stage.text is not None and stage.text not in STAGES:
        yield find("NW114", stage.at, f"The stage {stage.text!r} is a new one.", f"Known stages: {stages}.")
    if "tool" in missing:
        remedy = "Write tool=…, such as 'NEST', 'TVB', 'Brian2', 'NEURON', 'SciPy' or 'custom'."
        yield find("NW115", definition.at, "The node has no tool.", remedy)
    if "model_source" in missing:
        remedy = "Write model_source=… with the URL of the paper, repository or documentation."
        yield find("NW116", definition.at, "The node has no model_source.", remedy)
    elif (origin := labels.get("model_source")) and origin.text is not None and not _is_url(origin.text):
        remedy = "Write the URL of the paper, repository or documentation, such as 'https://doi.org/…'."
        yield find("NW117", origin.at, f"The model_source {origin.text[:100]!r} is not a URL.", remedy)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in parts.netloc


def _snake(name: str) -> str:
    """A snake_case name that would do; what begins with a digit goes to its end."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name)
    words = [word for word in spaced.lower()[:100].split("_") if word]
    first = next((at for at, word in enumerate(words) if word[0].isalpha()), None)
    if first is None:
        return "_".join(["my_node", *words])
    return "_".join([*words[first:], *words[:first]])
