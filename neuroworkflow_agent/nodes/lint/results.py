"""Results that are written down where they should be computed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.lint.calls import Calls
from neuroworkflow_agent.nodes.source import Source

_RESULT = frozenset(
    {"accuracy", "acc", "auc", "auroc", "chi2", "corr", "correlation", "estimate", "f1", "likelihood", "mae", "measured", "mse", "precision", "pval", "pvalue", "pvalues", "r2", "recall", "result", "results", "rmse", "rsquared", "score", "scores", "significance", "specificity", "sensitivity", "tstat"}
)  # fmt: skip
_GIVEN = frozenset(
    {"alpha", "baseline", "best", "cutoff", "default", "expected", "goal", "init", "initial", "limit", "max", "min", "published", "reference", "required", "target", "threshold", "tol", "tolerance", "true"}
)  # fmt: skip
"""Words of values that people do write down."""
_START_VALUES = (0, 1, -1)
_SAID = re.compile(
    rf"\b({'|'.join(sorted(_RESULT - {'result', 'results'}))}|p-value|p value)\b\s*(?:is|was|=|:)\s*[-+]?\d+(?:\.\d+|\s?%)", re.IGNORECASE
)  # fmt: skip
_SHOWS = ("print", "display", "IPython.display.Markdown", "IPython.display.display")


def check(source: Source, calls: Calls) -> Iterator[Finding]:
    """Each result that is a constant."""
    bound = Counter(
        node.id
        for node in source.walked.nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    for node in source.walked.nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and (name := _name(node)):
            is_written = node.value is not None and _is_written(node.value)
            if is_written and bound[name] == 1 and _is_result(name):
                message = f"{name!r} is given a number that no code here computes."
                yield source.find(
                    "NW801", node, message, "Compute it, or say in its name and text where it comes from."
                )
    for call in calls.all:
        if call.function in _SHOWS:
            for argument in call.node.args:
                if said := _said(argument):
                    message = f"The text {said!r} has a result that no code here computes."
                    yield source.find("NW801", call.node, message, "Print the variable that holds it.")


def _name(node: ast.Assign | ast.AnnAssign) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _is_result(name: str) -> bool:
    words = set(re.split(r"_+", name.lower()))
    if re.search(r"(^|_)p_?val(ue)?s?($|_)", name.lower()):
        words.add("pvalue")
    return not name.isupper() and bool(words & _RESULT) and not words & _GIVEN


def _is_written(value: ast.expr) -> bool:
    """Whether an expression is numbers alone, and not one to begin with."""
    if isinstance(value, ast.UnaryOp):
        value = value.operand
    if isinstance(value, ast.Constant):
        is_number = isinstance(value.value, int | float) and not isinstance(value.value, bool)
        return is_number and value.value not in _START_VALUES
    elements = _elements(value)
    return len(elements) > 1 and all(_is_number(each) for each in elements)


def _elements(value: ast.expr) -> list[ast.expr]:
    if isinstance(value, ast.List | ast.Tuple):
        return value.elts
    if isinstance(value, ast.Dict):
        return value.values
    return []


def _is_number(value: ast.expr) -> bool:
    inner = value.operand if isinstance(value, ast.UnaryOp) else value
    return isinstance(inner, ast.Constant) and isinstance(inner.value, float)


def _said(argument: ast.expr) -> str:
    """The part of a text that tells a result as a constant; empty if none does."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        found = _SAID.search(argument.value)
        return found[0] if found else ""
    return ""
