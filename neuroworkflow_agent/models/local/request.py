"""What a request to a small model is about, as far as its words tell. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

_TALK = re.compile(
    r"^\W*(?:hi|hello|hey|thanks?|thank you|good (?:morning|evening)|who are you|what can you|what are you|say |write (?:me )?an? "
    r"(?:poem|story|joke|haiku|text|sentence|letter)|tell me (?:a |about )|explain\b|define\b(?! (?:an? |the )?(?:python )?(?:function|class|variable|array|list|dict|constant))|describe (?:how|what|the idea)"
    r"|what (?:is|are) (?:an?|the (?:meaning|idea|difference|point)|meant)\b|what does .{1,60} mean|what'?s the difference|why\b|how (?:does|do|is|are) )",
    re.IGNORECASE,
)
_REPAIR = re.compile(r"\b(?:fix|repair|correct|solve|make it work|debug)", re.IGNORECASE)
_WHY = re.compile(
    r"\bwhy\b|what (?:does|is|was|went|'s)\b.*\b(?:error|wrong|problem|mean)|explain|\bproblem\b|went wrong|\berror\b",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"(?<![\w/])(?:[\w.~-]*/)*[\w-][\w.-]*\.(?:csv|tsv|npz|npy|json|txt|h5|hdf5|nwb|mat|xlsx|pkl|parquet|dat|yaml|yml)\b"
)
_WRITES = re.compile(r"\b(?:save|write|store|export|dump)\b", re.IGNORECASE)
_RESULT = re.compile(
    r"(?:\b(?:called|call it|named|name it|as|into)\s+|\b(?:store|put|keep|leave|save)\b[^.]*?\bin\s+)"
    r"(?:an?\s+|the\s+)?(?:new\s+)?(?:list|array|variable|dictionary|dict|DataFrame|table)?\s*(?:called\s+|named\s+)?"
    r"`?([A-Za-z_]\w*)`?(?=[.,;:(]?(?:\s*\(|\s*$|\s+(?:and|with|from|using)\b|[.,;]\s))",
    re.IGNORECASE,
)
_NO_RESULT = frozenset(
    (
        "it",
        "is",
        "one",
        "them",
        "that",
        "this",
        "order",
        "place",
        "list",
        "array",
        "file",
        "image",
        "ms",
        "mv",
        "hz",
        "s",
        "seconds",
    )
)
_RANDOM = re.compile(
    r"random|simulat|noise|noisy|shuffle|poisson|gaussian|generate|bootstrap|permut|sampl|surrogate|example|synthetic|jitter",
    re.IGNORECASE,
)
_DRAW = re.compile(r"\b(?:plot|draw|chart|histogram|scatter|raster|heat ?map|distribution)\b", re.IGNORECASE)
_ERROR = re.compile(
    r"^(?:Error: )?(\w+(?:Error|Exception|Interrupt|Iteration|Warning)): ?(.*)$", re.MULTILINE
)
_NO_FILE = re.compile(
    r"No such file or directory: ['\"]?([^'\"\n]+?)['\"]?\s*$|^FileNotFoundError: (\S+) not found",
    re.MULTILINE,
)
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")


@dataclass(frozen=True, slots=True)
class Request:
    """The user's words, and the cells they may be about."""

    text: str
    cells: str = ""
    """Cells that ran before, with their errors."""
    names: tuple[str, ...] = ()
    """What the cells have defined."""

    @property
    def needs_code(self) -> bool:
        """Whether nothing may be said before code ran: it is about data, files or values, or nothing says otherwise."""
        if any(re.search(rf"\b{re.escape(name)}\b", self.text) for name in self.names):
            return True
        return bool(self.reads) or _TALK.match(self.text) is None

    @property
    def names_repair(self) -> bool:
        """Whether the words ask for a failed cell to be repaired."""
        return bool(self.error) and _REPAIR.search(self.text) is not None

    @property
    def repaired(self) -> str:
        """The explanation of the error that is to be repaired; empty if none is."""
        return self.explanation if self.names_repair else ""

    @property
    def is_repair(self) -> bool:
        """Whether a failed cell may be meant, so that its names may be given new values."""
        return bool(self.error) and not self.asks_why

    @property
    def asks_why(self) -> bool:
        """Whether the reason of a failed cell is asked for, and not a better cell."""
        return bool(self.error) and _WHY.search(self.text) is not None and _REPAIR.search(self.text) is None

    @property
    def error(self) -> str:
        """The last error of the user's cells, such as `NameError: name 'x' is not defined`; empty without one."""
        found = _ERROR.findall(self.cells)
        return f"{found[-1][0]}: {found[-1][1]}" if found else ""

    @property
    def reads(self) -> str:
        """The file that is to be read; empty if none is named."""
        found = _FILE.search(self.text)
        return found.group() if found is not None and not _WRITES.search(self.text) else ""

    @property
    def result(self) -> str:
        """The name that the result is to have; empty if none is asked for."""
        found = [name for name in _RESULT.findall(self.text) if name.casefold() not in _NO_RESULT]
        return found[-1] if found else ""

    @property
    def is_random(self) -> bool:
        """Whether random numbers are asked for, and are not made-up data."""
        return _RANDOM.search(self.text) is not None

    @property
    def is_drawing(self) -> bool:
        """Whether a picture is asked for."""
        return _DRAW.search(self.text) is not None

    @property
    def explanation(self) -> str:
        """Why the last cell failed, from its own error: quoted, and what follows from it."""
        said = f"The cell stopped with this error: `{self.error}`."
        undefined, module = _UNDEFINED.search(self.error), _NO_MODULE.search(self.error)
        if undefined is not None:
            near = difflib.get_close_matches(undefined.group(1), self.names, n=1)
            return f"{said} Nothing of that name exists here" + (f"; there is `{near[0]}`." if near else ".")
        if module is not None:
            return f"{said} The package `{module.group(1).partition('.')[0]}` is not installed in this kernel, or its name is another."
        return said


def foreign_file(code: str, asked: str) -> str:
    """A file that code names and the user did not; empty if there is none."""
    return next((name for name in _FILE.findall(code) if name.rpartition("/")[2] not in asked), "")


def missing_file(output: str) -> str:
    """The file that an output says does not exist; empty if it says no such thing."""
    found = _NO_FILE.search(output)
    return (found.group(1) or found.group(2)) if found is not None else ""


def short_error(output: str) -> str:
    """Of a traceback what helps to repair the code: where it points to, and the error itself."""
    lines = output.strip().splitlines()
    places = [
        re.sub(r"^-+>\s*\d*\s*", "at: ", line.strip())
        for line in lines
        if line.lstrip().startswith("-->") or line.lstrip().startswith("---->")
    ]
    return "\n".join([*places[:1], *lines[-1:]])
