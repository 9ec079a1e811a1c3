"""Methods and steps: what flows from one to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.contract import CONTEXT_KEYS
from neuroworkflow_agent.nodes.definition import Definition, Method
from neuroworkflow_agent.nodes.expressions import called_name, dotted_name
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import STEPS, NodeClass, Step
from neuroworkflow_agent.nodes.uses import Uses, context_writes

_SHOWN = 5
"""Keys that one finding names."""


def check(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    yield from _check_beginning(node, definition)
    if "methods" in definition.hidden:
        return
    yield from _check_methods(node, definition)
    yield from _check_steps(node, definition)
    for method in definition.methods.values():
        if (body := node.bodies.get(method.name)) is not None:
            yield from _check_signature(node, method, body)
            yield from _check_returns(node, definition, method, body)


def _check_beginning(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    """`__init__`, and that it makes the steps."""
    find = node.source.find
    if node.inherits:
        return
    if STEPS not in node.methods and not node.steps:
        # A node that promises nothing may only hold settings, such as those of a search over the workflow.
        promised = definition.methods or definition.inputs or definition.outputs
        if promised or definition.hidden & {"methods", "inputs", "outputs"}:
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
    yield from _check_super(node, start)
    if len(start.required) > 1:
        extra = ", ".join(start.required[1:])
        yield find(
            "NW415",
            start.function,
            f"__init__ wants more than a name: {extra}.",
            "Nodes are made as Node(name); make them parameters.",
        )


def _check_super(node: NodeClass, start: Body) -> Iterator[Finding]:
    """What `super().__init__` is given: the name, and a text at most."""
    for called, call in start.calls:
        if called.split(".")[-1] != "__init__":
            continue
        given = [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "description")]
        for each in given:
            name = dotted_name(each)
            if name.split(".")[-1] == "NODE_DEFINITION" or called_name(each) == "NodeDefinitionSchema":
                yield node.source.find(
                    "NW416",
                    each,
                    f"__init__ hands {name or 'the definition'} on as the node's description, which is a text.",
                    "Call super().__init__(name); the node finds its NODE_DEFINITION itself.",
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
    set_by_hand = Uses()
    for body in node.bodies.values():
        set_by_hand |= context_writes(body, node.constants)
    available = {*definition.inputs, *CONTEXT_KEYS, *set_by_hand.names}
    is_open = (
        "inputs" in definition.hidden or node.inherits or not node.steps_are_known or set_by_hand.is_open
    )
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
        does = node.bodies.get(step.method)
        available.update(step.outputs or method.outputs or ())
        if does is not None:
            available.update(does.returned.keys)
            is_open = is_open or not does.returned.is_complete


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
    outputs = node.outputs_of(method)
    if outputs is None:
        return
    yield from _check_no_dicts(node, method, body, outputs)
    missing = list(_check_missing(node, method, body, outputs))
    yield from missing
    yield from _check_undeclared(node, definition, method, body)
    if not missing:  # which already says what is returned instead
        yield from _check_goes_nowhere(node, definition, method, body)


def _check_no_dicts(
    node: NodeClass, method: Method, body: Body, outputs: tuple[str, ...]
) -> Iterator[Finding]:
    """A value that is no dict becomes the step's first output, and the others stay as they are."""
    if not body.returned.no_dicts or len(outputs) < 2:
        return
    others = ", ".join(map(repr, outputs[1:]))
    yield node.source.find(
        "NW410",
        body.returned.no_dicts[0],
        f"{method.name} returns something that is not a dict: it becomes {outputs[0]!r}, and {others} stay None.",
        "Return {'output_name': value, …}.",
    )


def _check_missing(
    node: NodeClass, method: Method, body: Body, outputs: tuple[str, ...]
) -> Iterator[Finding]:
    returned = body.returned
    if not returned.is_complete:
        return
    for name in outputs:
        if name not in returned.keys and name not in node.sets_by_hand:
            given = ", ".join(map(repr, returned.keys)) or "nothing"
            yield node.source.find(
                "NW407",
                method.at,
                f"{method.name} declares the output {name!r} and never returns it, so it stays None.",
                f"Return it under this key. It returns {given}.",
            )


def _check_undeclared(
    node: NodeClass, definition: Definition, method: Method, body: Body
) -> Iterator[Finding]:
    """Outputs that a method returns and that no method declares, so that nothing puts them into their port."""
    declared = [node.outputs_of(each) for each in definition.methods.values()]
    for name, values in body.returned.keys.items():
        if name not in definition.outputs or any(each is None or name in each for each in declared):
            continue
        if name not in node.sets_by_hand:
            yield node.source.find(
                "NW409",
                values[0],
                f"{method.name} returns {name!r} and does not declare it, so the output stays None.",
                f"Add {name!r} to the outputs of {method.name!r}.",
            )


def _check_goes_nowhere(
    node: NodeClass, definition: Definition, method: Method, body: Body
) -> Iterator[Finding]:
    """Keys that nothing takes; one finding for all of a method's."""
    if "outputs" in definition.hidden or any(
        method.name in other.self_calls for other in node.bodies.values()
    ):
        return
    wanted = {
        name for each in definition.methods.values() if each.name != method.name for name in each.inputs or ()
    }
    wanted |= {name for step in node.steps for name in step.inputs or ()}
    lost = [
        name
        for name in body.returned.keys
        if name not in definition.outputs and name not in wanted and name not in node.reads_by_hand
    ]
    if lost:
        names = ", ".join(map(repr, lost[:_SHOWN]))
        names += f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        them = ("which is not an output", "an output of this name", "it") if len(lost) == 1 else ("which are not outputs", "outputs of these names", "them")  # fmt: skip
        yield node.source.find(
            "NW408",
            body.returned.keys[lost[0]][0],
            f"{method.name} returns {names}, {them[0]} and no later step's input.",
            f"Declare {them[1]}, or do not return {them[2]}.",
        )
