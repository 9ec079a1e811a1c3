"""What the checker can find, and one such finding.

A code is stable: it never changes its meaning and is never used again for another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "info"]
"""`error`: is certain to fail, or to give nothing, when it runs; `warning`: is likely to, or misleads; `info`: advice."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing the checker looks for."""

    code: str
    severity: Severity
    title: str
    """What is wrong, in a few words."""
    why: str
    """What comes of it, which makes it as severe as it is."""


def _rules(*rows: tuple[str, Severity, str, str]) -> dict[str, Rule]:
    return {row[0]: Rule(*row) for row in rows}


RULES: dict[str, Rule] = _rules(
    # The file
    ("NW001", "error", "The file cannot be read", "Python cannot read it either."),
    ("NW002", "error", "The file is not Python text", "Python refuses the file."),
    ("NW003", "warning", "The file is too large for a node", "It may run; it is not checked, and such a file is mostly data."),
    ("NW004", "error", "The file has a syntax error", "Python refuses the file."),
    ("NW005", "warning", "The code is nested too deeply", "It may run; it is not checked."),
    ("NW006", "error", "There is no node in the file", "A file named as a node gives none."),
    ("NW007", "warning", "There is no __init__.py beside a node of the library", "It runs by itself; the library's packages mostly do not find it."),
    ("NW008", "warning", "The class and its file have different names", "It runs; what looks for a node by its file does not find it."),
    ("NW009", "info", "The class name is not CamelCase", "A custom; it runs."),
    ("NW010", "warning", "There are several nodes in one file", "They run; what looks for a node by its file finds one of them."),
    ("NW011", "error", "A name of the library is used and not imported", "NameError, at import or as soon as the line runs."),
    ("NW012", "info", "A node is not in a folder of its category", "A custom; it runs."),
    ("NW013", "warning", "The checker itself failed on the file", "The mistake is ours; the file may be right, and is not checked."),
    ("NW014", "info", "The file belongs to another library of this name", "It is not checked; its nodes are other nodes."),
    ("NW015", "error", "A name is used and defined nowhere", "NameError as soon as the line runs."),
    ("NW016", "info", "A noqa that silences nothing", "Nothing is wrong there any more, so the comment misleads."),
    ("NW017", "info", "A noqa without a reason", "Nobody can tell later why it was right, so nothing is silenced."),
    # The definition
    ("NW101", "warning", "NODE_DEFINITION is missing", "It is made, without ports and parameters of its own, which is seldom meant."),
    ("NW102", "warning", "NODE_DEFINITION is not a NodeDefinitionSchema(…) in the class body", "It may run; the GUI, which does not run files, does not see the node."),
    ("NW103", "warning", "The definition is not written with keyword arguments", "It may run; the GUI does not see these arguments."),
    ("NW104", "warning", "A part of the definition is not a dict with constant keys", "It may run; the GUI does not see this part."),
    ("NW105", "warning", "An entry of the definition is not a call of its class", "A function may make the entry; the GUI does not see it."),
    ("NW106", "warning", "A text of the definition is not a constant", "It runs; the GUI shows no text."),
    ("NW107", "warning", "A list of the definition is not a literal", "It may run; the GUI does not see the list."),
    ("NW108", "error", "An argument that the definition does not know", "TypeError at import."),
    ("NW109", "error", "Objective fields on a port", "TypeError at import."),
    ("NW110", "error", "The type is missing", "TypeError at import."),
    ("NW111", "warning", "The type is not snake_case", "It runs; names in the GUI and in files are made from it."),
    ("NW112", "warning", "The type is used by another node", "Both run; where nodes are found by type, one hides the other."),
    ("NW113", "info", "The stage is missing", "It runs; the GUI cannot say where in a model the node belongs."),
    ("NW114", "info", "The stage is a new one", "A new stage may be meant."),
    ("NW115", "info", "The tool is missing", "It runs; people do not see what it needs."),
    ("NW116", "info", "The model source is missing", "It runs; nobody can check what it is based on."),
    ("NW117", "info", "The model source is not a URL", "It runs; nobody can follow it."),
    ("NW118", "error", "The description of the node is missing", "TypeError at import."),
    ("NW119", "info", "The description of the node says too little", "It runs; people and agents cannot tell what it is for."),
    ("NW120", "warning", "A name that no method can receive", "Only **kwargs could take it."),
    ("NW121", "warning", "A name is defined twice", "It runs; Python drops the first without a word."),
    # Parameters
    ("NW201", "info", "A parameter has no description", "It runs; people cannot tell what to set."),
    ("NW202", "warning", "A parameter has no default", "The value is None until somebody sets it, and methods seldom expect that."),
    ("NW203", "info", "A number without bounds", "It runs; nothing refuses a value that makes no sense."),
    ("NW204", "warning", "The default is not among the allowed values", "It runs with the default; configure() refuses the very same value."),
    ("NW205", "warning", "The default is outside its bounds", "It runs with the default; configure() refuses the very same value."),
    ("NW206", "warning", "Optimizable without a range", "An optimizer does not know where to search."),
    ("NW207", "warning", "The optimization range is outside the bounds", "configure() refuses what an optimizer tries outside."),
    ("NW208", "warning", "The optimization range is not a range", "An optimizer cannot search in it."),
    ("NW209", "warning", "A constraint that nothing enforces", "It runs; the library does not look at it, so any value passes."),
    ("NW210", "warning", "An objective without a range", "An optimizer does not know what to aim at."),
    ("NW211", "error", "Constraints that nothing can meet", "configure() raises for every value."),
    ("NW214", "warning", "A parameter is never read", "It runs; setting it changes nothing."),
    ("NW215", "error", "A parameter is read and not declared", "KeyError as soon as the line runs."),
    ("NW216", "warning", "A parameter may be missing and is not declared", "It runs; nobody can set it, so it is always what the code falls back to."),
    ("NW220", "warning", "The default is outside the optimization range", "It runs; a search never tries the value that people know."),
    ("NW221", "warning", "An optimization range of what is not optimizable", "It runs; no optimizer looks at the range."),
    ("NW222", "warning", "An objective range of what is no objective", "It runs; nothing aims at the range."),
    ("NW223", "warning", "The objective range is not a range", "Nothing can be inside it."),
    ("NW224", "warning", "optimizable or is_objective is neither True nor False", "It runs; what takes it for text or a number decides otherwise."),
    ("NW225", "warning", "Optimizable and an objective at once", "A search would set what it is to measure."),
    # Ports
    ("NW301", "error", "There is no such port type", "AttributeError at import."),
    ("NW302", "warning", "A port's type is not written PortType.…", "It may run; the GUI does not see the type."),
    ("NW303", "info", "A port has no description", "It runs; people and agents connect ports by it."),
    ("NW304", "warning", "A physical quantity without a unit", "It runs; a value in another unit is taken without a word."),
    ("NW305", "info", "OBJECT where the value is plain", "It runs; connections of it are not checked."),
    ("NW306", "warning", "An input hides a key of the context", "The port's value, or None, takes the place of the folder."),
    ("NW307", "warning", "An optional input is used as if it were always there", "It fails where nothing is connected, which the mark allows."),
    ("NW308", "info", "An input is treated as optional and not marked", "It runs; validate() asks for a source that is not needed."),
    ("NW309", "warning", "No method uses an input", "It runs; what is connected to it has no effect."),
    ("NW310", "error", "No method returns an output", "The output stays None whatever happens."),
    ("NW311", "warning", "An output's value is of another type", "The library does not look; what is connected to it gets another type than it was promised."),
    # Methods and steps
    ("NW401", "warning", "A declared method is not defined", "It runs; the entry promises what is not there."),
    ("NW402", "warning", "A declared method is never a step", "It runs; the method never does."),
    ("NW403", "warning", "A step's method is not declared", "The method gets no inputs, and what it returns reaches no port."),
    ("NW404", "warning", "A step's input comes from nowhere", "The method gets None, and methods seldom expect that."),
    ("NW405", "warning", "A method input is only a parameter", "The method gets None, whatever the parameter is."),
    ("NW406", "error", "A method does not take what it is given", "TypeError when the step runs."),
    ("NW407", "warning", "A declared output is never returned", "The library prints a warning, and the output stays None unless another step gives it."),
    ("NW408", "info", "A returned key goes nowhere", "It runs; the value is of no use to anybody."),
    ("NW409", "error", "A returned output is not declared by its method", "The output stays None whatever happens."),
    ("NW410", "warning", "A method returns no dict", "The library makes what it can of it, which is right for one output at most."),
    ("NW411", "info", "A method has no description", "It runs; people cannot tell what it does."),
    ("NW412", "error", "There is no _define_process_steps", "process() does nothing, and no output gets a value."),
    ("NW413", "error", "__init__ does not call _define_process_steps", "process() does nothing, and no output gets a value."),
    ("NW414", "error", "__init__ does not call super().__init__", "AttributeError as soon as a step is added."),
    ("NW415", "warning", "__init__ wants more than a name", "TypeError where it is made by its name alone, as the GUI does."),
    ("NW416", "warning", "__init__ hands on a description that is not a text", "It runs; where the description is shown there is an object."),
    ("NW417", "error", "A step's method is not defined", "AttributeError when the node is made."),
    # Code
    ("NW501", "warning", "Work at import", "It runs; it does so each time the GUI, a check or a workflow imports the file."),
    ("NW502", "warning", "nest.ResetKernel() at import or in __init__", "It runs; what other nodes have made by then is gone."),
    ("NW503", "warning", "nest.ResetKernel() that cannot be switched off", "It runs; what other nodes have made by then is gone."),
    ("NW504", "warning", "A file is written to a fixed place", "It fails where the place does not exist, and runs overwrite each other."),
    ("NW505", "warning", "The results folder is not created", "It fails unless somebody else has made the folder."),
    # In a fresh process
    ("NW601", "error", "The file cannot be imported", "It was tried."),
    ("NW602", "error", "The node cannot be made", "It was tried."),
    ("NW603", "error", "get_info() fails", "It was tried."),
    ("NW604", "error", "The node fails on its example", "It was tried."),
    ("NW605", "error", "An output stays empty on the example", "It was tried."),
    ("NW606", "error", "The trial took too long", "It was tried, and ended at the limit."),
    ("NW607", "error", "The trial's process ended early", "It was tried."),
    ("NW608", "error", "The example does not fit the node", "It was tried."),
    ("NW609", "info", "The node was not run", "Nothing is known of its run."),
    # Workflows
    ("NW701", "info", "The node's file was not found", "It may run; its ports are not checked."),
    ("NW702", "error", "A connection names a node that is not there", "connect() raises ValueError."),
    ("NW703", "error", "A connection names a port that is not there", "connect() raises ValueError."),
    ("NW704", "error", "The ports do not fit by type", "connect() refuses it."),
    ("NW705", "error", "The workflow has a cycle", "execute() raises ValueError."),
    ("NW706", "warning", "A required input has no source", "The node gets None, and validate(), which nobody has to call, refuses."),
    ("NW707", "warning", "Several sources for one input", "It runs; only the last source counts."),
    ("NW708", "info", "A connection is made twice", "It runs; the second is passed over."),
    ("NW709", "warning", "A node is not connected", "It runs; a connection is likely to be missing."),
    ("NW710", "error", "Two nodes have one name", "add_node() raises ValueError."),
    ("NW711", "warning", "The ports do not fit by meaning", "It runs; the value is taken for something else."),
    ("NW712", "error", "A setting that configure refuses", "configure() raises ValueError."),
    ("NW713", "warning", "A node is made and not added", "It runs without it, which is likely to be forgotten."),
    ("NW714", "info", "A part of the workflow cannot be read", "Nothing is said of it."),
    ("NW715", "error", "There is no workflow in the file", "A file named as a workflow builds none."),
    # What makes a notebook's results doubtful
    ("NW801", "warning", "A result is written down", "It stays what it is whatever the data say."),
    ("NW802", "warning", "A number in the text that no cell computes", "The text and the results may be of different data."),
    ("NW803", "warning", "Random numbers without a seed", "Nobody gets the same results again."),
    ("NW804", "warning", "Data is loaded and never used", "Readers take results for ones of this data."),
    ("NW805", "warning", "An error is passed over in silence", "Results of what has failed look like all others."),
)  # fmt: skip
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


def summarise(findings: list[Finding], silenced: int = 0, ignored: int = 0) -> str:
    """How many errors and warnings, and how many findings are not shown: `1 error, 0 warnings, 2 silenced`."""
    counts = [plural(count(findings, severity), severity) for severity in SEVERITIES[:2]]
    counts += [
        f"{number:,} {what}" for number, what in ((silenced, "silenced"), (ignored, "ignored")) if number
    ]
    return ", ".join(counts)


def plural(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
