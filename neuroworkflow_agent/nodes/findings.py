"""What the checker can find, and one such finding.

A code is stable: it never changes its meaning and is never used again for another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "info"]
"""`error`: does not work, cannot be seen in the GUI, or loses a value; `warning`: works, and misleads or is
incomplete; `info`: something to know."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing the checker looks for."""

    code: str
    severity: Severity
    title: str
    """What is wrong, in a few words."""


def _rules(*rows: tuple[str, Severity, str]) -> dict[str, Rule]:
    return {code: Rule(code, severity, title) for code, severity, title in rows}


RULES: dict[str, Rule] = _rules(
    # The file
    ("NW001", "error", "The file cannot be read"),
    ("NW002", "error", "The file is not Python text"),
    ("NW003", "error", "The file is too large for a node"),
    ("NW004", "error", "The file has a syntax error"),
    ("NW005", "error", "The code is nested too deeply"),
    ("NW006", "error", "There is no node in the file"),
    ("NW007", "warning", "There is no __init__.py beside a node of the library"),
    ("NW008", "warning", "The class and its file have different names"),
    ("NW009", "warning", "The class name is not CamelCase"),
    ("NW010", "warning", "There are several nodes in one file"),
    ("NW011", "error", "A name of the library is used and not imported"),
    ("NW012", "warning", "A node is not in a folder of its category"),
    ("NW013", "error", "The checker itself failed on the file"),
    # The definition
    ("NW101", "error", "NODE_DEFINITION is missing"),
    ("NW102", "error", "NODE_DEFINITION is not a NodeDefinitionSchema(…) in the class body"),
    ("NW103", "error", "The definition is not written with keyword arguments"),
    ("NW104", "error", "A part of the definition is not a dict with constant keys"),
    ("NW105", "error", "An entry of the definition is not a call of its class"),
    ("NW106", "warning", "A text of the definition is not a constant"),
    ("NW107", "error", "A list of the definition is not a literal"),
    ("NW108", "error", "An argument that the definition does not know"),
    ("NW109", "error", "Objective fields on a port"),
    ("NW110", "error", "The type is missing"),
    ("NW111", "error", "The type is not snake_case"),
    ("NW112", "error", "The type is used by another node"),
    ("NW113", "warning", "The stage is missing"),
    ("NW114", "info", "The stage is a new one"),
    ("NW115", "warning", "The tool is missing"),
    ("NW116", "warning", "The model source is missing"),
    ("NW117", "warning", "The model source is not a URL"),
    ("NW118", "error", "The description of the node is missing"),
    ("NW119", "warning", "The description of the node says too little"),
    ("NW120", "error", "A name that no method can receive"),
    ("NW121", "error", "A name is defined twice"),
    # Parameters
    ("NW201", "warning", "A parameter has no description"),
    ("NW202", "warning", "A parameter has no default"),
    ("NW203", "warning", "A number without bounds"),
    ("NW204", "error", "The default is not among the allowed values"),
    ("NW205", "error", "The default is outside its bounds"),
    ("NW206", "error", "Optimizable without a range"),
    ("NW207", "error", "The optimization range is outside the bounds"),
    ("NW208", "error", "The optimization range is not a range"),
    ("NW209", "warning", "A constraint that nothing enforces"),
    ("NW210", "warning", "An objective without a range"),
    ("NW211", "error", "Constraints that nothing can meet"),
    ("NW214", "warning", "A parameter is never read"),
    ("NW215", "error", "A parameter is read and not declared"),
    ("NW220", "warning", "The default is outside the optimization range"),
    ("NW221", "warning", "An optimization range of what is not optimizable"),
    ("NW222", "warning", "An objective range of what is no objective"),
    ("NW223", "warning", "The objective range is not a range"),
    ("NW224", "warning", "optimizable or is_objective is neither True nor False"),
    ("NW225", "warning", "Optimizable and an objective at once"),
    # Ports
    ("NW301", "error", "There is no such port type"),
    ("NW302", "error", "A port's type is not written PortType.…"),
    ("NW303", "warning", "A port has no description"),
    ("NW304", "warning", "A physical quantity without a unit"),
    ("NW305", "warning", "OBJECT where the value is plain"),
    ("NW306", "error", "An input hides a key of the context"),
    ("NW307", "error", "An optional input is used as if it were always there"),
    ("NW308", "warning", "An input is treated as optional and not marked"),
    ("NW309", "error", "No method uses an input"),
    ("NW310", "error", "No method returns an output"),
    ("NW311", "error", "An output's value is of another type"),
    # Methods and steps
    ("NW401", "error", "A declared method is not defined"),
    ("NW402", "error", "A declared method is never a step"),
    ("NW403", "error", "A step's method is not declared"),
    ("NW404", "error", "A step's input comes from nowhere"),
    ("NW405", "error", "A method input is only a parameter"),
    ("NW406", "error", "A method does not take what it is given"),
    ("NW407", "error", "A declared output is never returned"),
    ("NW408", "warning", "A returned key goes nowhere"),
    ("NW409", "error", "A returned output is not declared by its method"),
    ("NW410", "error", "A method returns no dict"),
    ("NW411", "warning", "A method has no description"),
    ("NW412", "error", "There is no _define_process_steps"),
    ("NW413", "error", "__init__ does not call _define_process_steps"),
    ("NW414", "error", "__init__ does not call super().__init__"),
    ("NW415", "error", "__init__ wants more than a name"),
    # Code
    ("NW501", "error", "Work at import"),
    ("NW502", "error", "nest.ResetKernel() at import or in __init__"),
    ("NW503", "warning", "nest.ResetKernel() that cannot be switched off"),
    ("NW504", "error", "A file is written to a fixed place"),
    ("NW505", "warning", "The results folder is not created"),
    # In a fresh process
    ("NW601", "error", "The file cannot be imported"),
    ("NW602", "error", "The node cannot be made"),
    ("NW603", "error", "get_info() fails"),
    ("NW604", "error", "The node fails on its example"),
    ("NW605", "error", "An output stays empty on the example"),
    ("NW606", "error", "The trial took too long"),
    ("NW607", "error", "The trial's process ended early"),
    ("NW608", "error", "The example does not fit the node"),
    ("NW609", "info", "The node was not run"),
    # Workflows
    ("NW701", "warning", "The node's file was not found"),
    ("NW702", "error", "A connection names a node that is not there"),
    ("NW703", "error", "A connection names a port that is not there"),
    ("NW704", "error", "The ports do not fit by type"),
    ("NW705", "error", "The workflow has a cycle"),
    ("NW706", "error", "A required input has no source"),
    ("NW707", "error", "Several sources for one input"),
    ("NW708", "warning", "A connection is made twice"),
    ("NW709", "warning", "A node is not connected"),
    ("NW710", "error", "Two nodes have one name"),
    ("NW711", "warning", "The ports do not fit by meaning"),
    ("NW712", "error", "A setting that configure refuses"),
    ("NW713", "warning", "A node is made and not added"),
    ("NW714", "info", "A part of the workflow cannot be read"),
    ("NW715", "error", "There is no workflow in the file"),
)
"""Every rule, by its code."""
UNREADABLE = frozenset({"NW001", "NW002", "NW003", "NW004", "NW005", "NW013"})
"""Those after which nothing else is known of a file."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something wrong at one place."""

    path: str
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    code: str
    message: str
    """What is wrong here, with the value."""
    remedy: str = ""
    """What would be right."""

    @property
    def severity(self) -> Severity:
        return RULES[self.code].severity

    @property
    def text(self) -> str:
        """Both sentences."""
        return f"{self.message} {self.remedy}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "severity": self.severity,
            "title": RULES[self.code].title,
            "message": self.message,
            "remedy": self.remedy,
        }


def count(findings: list[Finding], severity: Severity) -> int:
    """How many of them are of one severity."""
    return sum(finding.severity == severity for finding in findings)


def summarise(findings: list[Finding]) -> str:
    """How many errors and warnings: `1 error, 0 warnings`."""
    return ", ".join(plural(count(findings, severity), severity) for severity in SEVERITIES[:2])


def plural(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
