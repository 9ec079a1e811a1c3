"""Methods and steps: what flows from one to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.contract import CONTEXT_KEYS
from neuroworkflow_agent.nodes.definition import Definition, Method
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import STEPS, NodeClass, Step


def check(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    yield from _check_beginning(node)
    if "methods" in definition.hidden:
        return
    yield from _check_methods(node, definition)
    yield from _check_steps(node, definition)
    for method in definition.methods.values():
        if (body := node.bodies.get(method.name)) is not None:
            yield from _check_signature(node, method, body)
            yield from _check_returns(node, definition, method, body)


def _check_beginning(node: NodeClass) -> Iterator[Finding]:
    """`__init__`, and that it makes the steps."""
    find = node.source.find
    if node.inherits:
        return
    if STEPS not in node.methods and not node.steps:
        yield find(
            "NW412",
            node.at,
            f"{node.name} has no {STEPS}, so it does nothing.",
            "Define it, with one self.add_process_step(…) a method, and call it in __init__.",
        )
        return
    start = node.bodies.get("__init__")
    if start is None or (STEPS in node.methods and STEPS not in start.self_calls):
        yield find(
            "NW413",
            start.function if start else node.at,
            f"__init__ does not call self.{STEPS}(), so the node has no steps.",
            f"Write def __init__(self, name): super().__init__(name); self.{STEPS}().",
        )
    if start is None:
        return
    if not any(called.split(".")[-1] == "__init__" for called, _ in start.calls):
        yield find(
            "NW414",
            start.function,
            "__init__ does not call super().__init__(name), so the node has no ports.",
            "Call it first.",
        )
    if len(start.required) > 1:
        extra = ", ".join(start.required[1:])
        yield find(
            "NW415",
            start.function,
            f"__init__ wants more than a name: {extra}.",
            "Nodes are made as Node(name); make them parameters.",
        )


def _check_methods(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    find = node.source.find
    used = {step.key for step in node.steps} | {step.method for step in node.steps}
    for method in definition.methods.values():
        if method.description is None:
            yield find(
                "NW411", method.at, f"The method {method.name!r} has no description.", "Say what it does."
            )
        if method.name not in node.methods and not node.inherits and method.name not in used:
            yield find(
                "NW401",
                method.at,
                f"The method {method.name!r} is declared and not defined.",
                f"Write def {method.name}(self, …), or remove it from methods.",
            )
        elif method.name not in used and node.steps_are_known and STEPS in node.methods:
            yield find(
                "NW402",
                method.at,
                f"The method {method.name!r} is never a step, so it never runs.",
                f"Call self.add_process_step({method.name!r}, self.{method.name}, method_key={method.name!r}).",
            )


def _check_steps(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    """Each step's inputs, in the order in which they run."""
    find = node.source.find
    available = {*definition.inputs, *CONTEXT_KEYS}
    is_open = "inputs" in definition.hidden or node.inherits or not node.steps_are_known
    for step in node.steps:
        if step.method not in node.methods and not node.inherits:
            yield find(
                "NW417",
                step.at,
                f"The step's method {step.method!r} is not defined.",
                f"Write def {step.method}(self, …).",
            )
        method = definition.methods.get(step.key)
        if method is None:
            yield from _undeclared(node, step)
            continue
        for name in step.inputs or method.inputs or ():
            if name in available or is_open:
                continue
            yield find(*_from_nowhere(definition, method, name))
        body = node.bodies.get(step.method)
        available.update(step.outputs or method.outputs or ())
        if body is not None:
            available.update(body.returned.keys)
            is_open = is_open or not body.returned.is_complete


def _undeclared(node: NodeClass, step: Step) -> Iterator[Finding]:
    yield node.source.find(
        "NW403",
        step.at,
        f"The step {step.name!r} runs {step.key!r}, which is not declared in methods.",
        f"Declare {step.key!r} with its inputs and outputs; without that it is given nothing and its values are lost.",
    )


def _from_nowhere(definition: Definition, method: Method, name: str) -> tuple[str, ast.AST, str, str]:
    if name in definition.parameters:
        return (
            "NW405",
            method.at,
            f"The input {name!r} of {method.name!r} is a parameter, and parameters never reach a method that way: it arrives as None.",
            f"Read self._parameters[{name!r}] instead, and take it out of inputs.",
        )
    later = any(
        name in (each.outputs or ()) for each in definition.methods.values() if each.name != method.name
    )
    message = (
        f"The input {name!r} of {method.name!r} is neither an input port nor returned by an earlier step."
    )
    if later:
        return ("NW404", method.at, message, "Put the step that returns it before this one.")
    ports = ", ".join(map(repr, definition.inputs)) or "none"
    return ("NW404", method.at, message, f"Declare a port or fix the name. Input ports: {ports}.")


def _check_signature(node: NodeClass, method: Method, body: Body) -> Iterator[Finding]:
    if method.inputs is None:
        return
    find = node.source.find
    unknown = [name for name in method.inputs if name not in body.arguments]
    if unknown and not body.takes_anything:
        yield find(
            "NW406",
            body.function,
            f"{method.name} does not take its declared input {unknown[0]!r}.",
            f"Write def {method.name}(self, {', '.join(method.inputs)}).",
        )
        return
    missing = [name for name in body.required if name not in method.inputs]
    if missing:
        yield find(
            "NW406",
            body.function,
            f"{method.name} wants {missing[0]!r}, which is not among its declared inputs.",
            f"Add {missing[0]!r} to the inputs of {method.name!r}, or give it a default.",
        )


def _check_returns(node: NodeClass, definition: Definition, method: Method, body: Body) -> Iterator[Finding]:
    find, returned = node.source.find, body.returned
    for value in returned.no_dicts:
        yield find(
            "NW410",
            value,
            f"{method.name} returns something that is not a dict.",
            "Return {'output_name': value}.",
        )
    if method.outputs is None:
        return
    if returned.is_complete:
        for name in method.outputs:
            if name not in returned.keys:
                given = ", ".join(map(repr, returned.keys)) or "nothing"
                yield find(
                    "NW407",
                    method.at,
                    f"{method.name} declares the output {name!r} and never returns it, so it stays None.",
                    f"Return it under this key. It returns {given}.",
                )
    wanted = {
        name for each in definition.methods.values() if each.name != method.name for name in each.inputs or ()
    }
    wanted |= {name for other in node.bodies.values() for name in other.context_reads}
    for name, values in returned.keys.items():
        if name in definition.outputs and name not in method.outputs:
            yield find(
                "NW409",
                values[0],
                f"{method.name} returns {name!r} and does not declare it, so the output stays None.",
                f"Add {name!r} to the outputs of {method.name!r}.",
            )
        elif name not in definition.outputs and name not in wanted and "outputs" not in definition.hidden:
            yield find(
                "NW408",
                values[0],
                f"{method.name} returns {name!r}, which is not an output and no later step's input.",
                "Declare an output of this name, or do not return it.",
            )
