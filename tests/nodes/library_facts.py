"""Prints what the importable library neuroworkflow does, as JSON on the last line. Run by test_library."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from neuroworkflow.core import schema
from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)
from neuroworkflow.core.workflow import WorkflowBuilder


def make(
    steps: dict[str, tuple[list[str], list[str], Callable[..., Any]]],
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
    parameters: dict[str, Any] | None = None,
    calls_steps: bool = True,
) -> Any:
    """A node whose methods are functions of `self` and their inputs."""
    definition = NodeDefinitionSchema(
        type="made",
        description="Made for a test",
        parameters=parameters or {},
        inputs=inputs or {},
        outputs=outputs or {},
        methods={name: MethodDefinition(name, given, back) for name, (given, back, _) in steps.items()},
    )

    def define(self: Any) -> None:
        for name in steps:
            self.add_process_step(name, getattr(self, name), method_key=name)

    def begin(self: Any, name: str) -> None:
        Node.__init__(self, name)
        if calls_steps:
            self._define_process_steps()

    body = {"NODE_DEFINITION": definition, "__init__": begin, "_define_process_steps": define}
    return type("Made", (Node,), {**body, **{name: function for name, (_, _, function) in steps.items()}})


def raised(function: Callable[[], Any]) -> str | None:
    try:
        function()
    except Exception as error:  # noqa: BLE001 - which one is the fact
        return type(error).__name__
    return None


def ran(cls: Any, output: str, **inputs: Any) -> list[Any]:
    node = cls("n")
    for name, value in inputs.items():
        node.set_input(name, value)
    return [node.process(), node.get_output(output)]


OUT = {"y": PortDefinition(type=PortType.INT)}
IN = {"x": PortDefinition(type=PortType.INT)}
plus = make({"go": (["x"], ["y"], lambda self, x: {"y": x + 1})}, IN, OUT)
source = make(
    {"go": ([], ["y"], lambda self: {"y": self._parameters["value"]})},
    {},
    OUT,
    {"value": ParameterDefinition(1)},
)
facts: dict[str, Any] = {}

facts["port types"] = {each.name: each.to_python_type().__name__ for each in PortType}


def compatible(wanted: PortType, given: PortType) -> bool:
    give = make({}, {}, {"a": PortDefinition(type=given)})("give")
    want = make({}, {"b": PortDefinition(type=wanted)})("want")
    return raised(lambda: give.connect_to("a", want, "b")) is None


facts["compatible"] = [[a.name, b.name] for a in PortType for b in PortType if compatible(a, b)]
facts["fields"] = {
    name: [field.name for field in dataclasses.fields(getattr(schema, name))]
    for name in ("NodeDefinitionSchema", "ParameterDefinition", "PortDefinition", "MethodDefinition")
}
facts["objective on a port"] = raised(lambda: PortDefinition(is_objective=True))

two = make(
    {
        "a": (["x"], ["between"], lambda self, x: {"between": x * 3}),
        "b": (["between"], ["y"], lambda self, between: {"y": between}),
    },
    IN,
    OUT,
)
node = two("n")
node.set_input("x", 2)
facts["steps see earlier values"] = [node.process(), node.get_output("y"), node._context["between"] // 2]
facts["a parameter as an input"] = ran(
    make({"go": (["p"], ["y"], lambda self, p: {"y": p})}, {}, OUT, {"p": ParameterDefinition(5)}), "y"
)
facts["a missing key"] = ran(make({"go": ([], ["y"], lambda self: {"z": 1})}, {}, OUT), "y")
facts["a key that is not declared"] = ran(make({"go": ([], [], lambda self: {"y": 1})}, {}, OUT), "y")
facts["a value that is not a dict"] = ran(make({"go": ([], ["y"], lambda self: 4)}, {}, OUT), "y")
facts["a second output of it"] = ran(
    make({"go": ([], ["y", "z"], lambda self: 4)}, {}, OUT | {"z": PortDefinition(type=PortType.INT)}), "z"
)
facts["a port's value by hand"] = ran(
    make({"go": ([], ["y"], lambda self: {"y": self.get_input_port("x").value})}, IN, OUT), "y", x=3
)
facts["an exception"] = ran(make({"go": ([], ["y"], lambda self: 1 // 0)}, {}, OUT), "y")

limits = {"min": 0, "max": 9}
settable = make(
    {},
    parameters={
        "p": ParameterDefinition(1, constraints=limits),
        "q": ParameterDefinition("a", constraints={"allowed_values": ["a", "b"]}),
        "r": ParameterDefinition("a", constraints={"options": ["a", "b"]}),
    },
)
facts["unknown parameter"] = raised(lambda: settable("n").configure(s=1))
facts["below min"] = raised(lambda: settable("n").configure(p=-1))
facts["above max"] = raised(lambda: settable("n").configure(p=10))
facts["not allowed"] = raised(lambda: settable("n").configure(q="c"))
facts["other constraint"] = raised(lambda: settable("n").configure(r="c"))
facts["required input empty"] = plus("n").validate()
facts["optional input empty"] = make({}, {"x": PortDefinition(optional=True)})("n").validate()
facts["information"] = type(plus("n").get_info()).__name__


def builder(*nodes: Any) -> Any:
    made = WorkflowBuilder("w")
    for each in nodes:
        made.add_node(each)
    return made


a, b = source("a").configure(value=6), plus("b")
workflow = builder(a, b).connect("a", "y", "b", "x").build()
facts["workflow"] = [workflow.validate(), workflow.execute(), b.get_output("y")]
facts["unknown node"] = raised(lambda: builder(source("a")).connect("a", "y", "b", "x"))
facts["unknown port"] = raised(lambda: builder(source("a"), plus("b")).connect("a", "z", "b", "x"))
lists = make({}, {"x": PortDefinition(type=PortType.LIST)})
facts["wrong type"] = raised(lambda: builder(source("a"), lists("b")).connect("a", "y", "b", "x"))
twice = builder(source("a"), plus("b")).connect("a", "y", "b", "x").connect("a", "y", "b", "x").build()
facts["same connection twice"] = len(twice.connections)
facts["same name twice"] = raised(lambda: builder(source("a"), source("a")))
last = plus("c")
wins = (
    builder(source("a"), source("b").configure(value=1), last)
    .connect("a", "y", "c", "x")
    .connect("b", "y", "c", "x")
)
facts["last source wins"] = [wins.build().execute(), last.get_output("y")]
empty = builder(plus("b")).build()
facts["required input of a workflow empty"] = [empty.validate(), empty.execute()]
circle = builder(plus("a"), plus("b")).connect("a", "y", "b", "x").connect("b", "y", "a", "x").build()
facts["cycle"] = circle.validate()
if hasattr(WorkflowBuilder, "set_context"):
    told = {"go": ([], ["y"], lambda self: {"y": self._context.get("results_path")})}
    seen = make(told, {}, {"y": PortDefinition(type=PortType.STR)})("n")
    builder(seen).set_context({"results_path": "somewhere"}).build().execute()
    facts["context"] = seen.get_output("y")
if "fan_in" in facts["fields"]["PortDefinition"]:
    collected = {"go": (["x"], ["y"], lambda self, x: {"y": x})}
    takes_all = {"x": PortDefinition(type=PortType.INT, fan_in=True)}
    many = make(collected, takes_all, {"y": PortDefinition(type=PortType.LIST)})("c")
    joined = builder(source("a"), source("b").configure(value=2), many)
    joined.connect("a", "y", "c", "x").connect("b", "y", "c", "x").build().execute()
    facts["fan in"] = many.get_output("y")
facts["steps without __init__ calling"] = ran(
    make({"go": ([], ["y"], lambda self: {"y": 1})}, {}, OUT, calls_steps=False), "y"
)

print()
print(json.dumps(facts))
