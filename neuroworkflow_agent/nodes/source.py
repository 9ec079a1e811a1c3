"""A Python file, read without trusting it: no import, no execution, and a finding for whatever is not code."""

from __future__ import annotations

import ast
import io
import os
import stat
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from neuroworkflow_agent.nodes.findings import Finding

MAX_BYTES = 1_000_000
"""A node is code; what is larger holds data that belongs in a file."""
MAX_DEPTH = 300
"""Nesting of expressions and blocks; what people write stays far below."""


class Unreadable(Exception):  # noqa: N818 - it carries the finding, and is not a failure of ours
    """The file cannot be looked into; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


@dataclass(frozen=True, eq=False)
class Source:
    """A file's text and its syntax tree."""

    path: str
    """As it is shown in findings."""
    text: str
    tree: ast.Module
    walked: Tree
    """The same, flat."""

    @cached_property
    def lines(self) -> list[str]:
        """As Python counts them: a form feed ends none."""
        return self.text.split("\n")

    @cached_property
    def imported(self) -> dict[str, str]:
        """Names bound by imports, and the module each comes from."""
        names: dict[str, str] = {}
        for node in self.walked.nodes:
            kind = type(node)
            if kind is ast.ImportFrom:
                assert isinstance(node, ast.ImportFrom)
                names.update((each.asname or each.name, node.module or ".") for each in node.names)
            elif kind is ast.Import:
                assert isinstance(node, ast.Import)
                names.update((each.asname or each.name.split(".")[0], each.name) for each in node.names)
        return names

    def find(self, code: str, at: ast.AST | None, message: str, remedy: str = "") -> Finding:
        """A finding at a node of the tree; at the file's beginning without one."""
        line = getattr(at, "lineno", 1)
        offset = getattr(at, "col_offset", 0)
        # The tree counts bytes of UTF-8, people and editors count characters.
        if 0 < line <= len(self.lines) and not self.lines[line - 1].isascii():
            offset = len(self.lines[line - 1].encode()[:offset].decode(errors="replace"))
        return Finding(self.path, line, offset + 1, code, message, remedy)

    def in_file(self, findings: Sequence[Finding]) -> list[Finding]:
        """Findings with their lines and columns in the file, where its text is not read as it stands there."""
        return list(findings)


def read_source(path: Path, shown: str | None = None) -> Source:
    """Read and parse a file.

    Parameters
    ----------
    shown
        How findings name it; None for the path as it is.

    Raises
    ------
    Unreadable
        With the finding that says why.
    """
    name = shown or str(path)
    return parse(_decode(_read(path, name), name), name)


def parse(text: str, name: str) -> Source:
    """The syntax tree of `text`.

    Raises
    ------
    Unreadable
        If it is not Python, or nested deeper than anything a person writes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        walked = Tree(tree)
    except SyntaxError as error:
        if "too many nested" in str(error.msg):
            raise _too_deep(name) from None
        line, column = error.lineno or 1, max(1, error.offset or 1)
        message = f"Python cannot read this: {error.msg}{'' if str(error.msg).endswith('?') else '.'}"
        raise Unreadable(Finding(name, line, column, "NW004", message, "Fix the syntax first.")) from None
    except (RecursionError, MemoryError):
        raise _too_deep(name) from None
    except ValueError as error:  # null bytes, lone surrogates
        raise Unreadable(
            Finding(name, 1, 1, "NW002", f"This is not Python text: {error}.", "Save it as UTF-8.")
        ) from None
    return Source(name, text, tree, walked)


def _too_deep(name: str) -> Unreadable:
    message = f"The code is nested more than {MAX_DEPTH} levels deep."
    return Unreadable(Finding(name, 1, 1, "NW005", message, "Break it up, or read the data from a file."))


class Tree:
    """The nodes of a syntax tree in the order of the text, walked once and without recursion.

    Operators and contexts, which have no place in the text, are left out.
    """

    def __init__(self, root: ast.AST) -> None:
        self.nodes: list[ast.AST] = []
        self._depths: list[int] = []
        self._starts: dict[int, int] = {}
        waiting: list[tuple[ast.AST, int]] = [(root, 0)]
        while waiting:
            node, depth = waiting.pop()
            if depth > MAX_DEPTH:
                raise RecursionError
            kind = type(node)
            if kind in _DEFINITIONS:
                self._starts[id(node)] = len(self.nodes)
            self.nodes.append(node)
            self._depths.append(depth)
            if kind not in _LEAVES:
                depth += 1
                waiting += [(child, depth) for child in _children(node)]

    def within(self, definition: ast.AST) -> list[ast.AST]:
        """A function or class and everything in it."""
        start = self._starts[id(definition)]
        return self.nodes[start : self._end(start)]

    def own(self, definition: ast.AST) -> list[ast.AST]:
        """What is in a function and not in another one inside it."""
        found: list[ast.AST] = []
        at = self._starts[id(definition)] + 1
        end = self._end(at - 1)
        while at < end:
            node = self.nodes[at]
            found.append(node)
            at = self._end(at) if id(node) in self._starts else at + 1
        return found

    @property
    def at_import(self) -> list[ast.AST]:
        """What is in no function, and so may run when the module is imported."""
        found: list[ast.AST] = []
        at = 0
        while at < len(self.nodes):
            if type(self.nodes[at]) in _FUNCTIONS:
                at = self._end(at)
            else:
                found.append(self.nodes[at])
                at += 1
        return found

    def _end(self, start: int) -> int:
        """Where what follows a node begins."""
        depth = self._depths[start]
        return next(
            (at for at in range(start + 1, len(self.nodes)) if self._depths[at] <= depth), len(self.nodes)
        )


_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda})
_DEFINITIONS = _FUNCTIONS | {ast.ClassDef}
_LEAVES = frozenset(
    {ast.Name, ast.Constant, ast.Pass, ast.alias, ast.Break, ast.Continue, ast.Global, ast.Nonlocal}
)


def _children(node: ast.AST) -> list[ast.AST]:
    """From the last to the first."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [each for each in value if isinstance(each, ast.AST) and each._fields]
        elif isinstance(value, ast.AST) and value._fields:
            found.append(value)
    found.reverse()
    return found


def _read(path: Path, name: str) -> bytes:
    try:
        # Pipes and devices are told by their mode, before anything waits for them.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise Unreadable(_unreadable(name, "it is not a regular file"))
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise Unreadable(_unreadable(name, reason.lower())) from None
    if len(data) > MAX_BYTES:
        message = f"The file is larger than {MAX_BYTES:,} bytes."
        remedy = "A node holds code; read data from a file, given as an input or a parameter."
        raise Unreadable(Finding(name, 1, 1, "NW003", message, remedy))
    return data


def _unreadable(name: str, reason: str) -> Finding:
    return Finding(
        name, 1, 1, "NW001", f"The file cannot be read: {reason}.", "Name a Python file you may read."
    )


def _decode(data: bytes, name: str) -> str:
    """The text, in the encoding the file itself names, as Python would read it."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding, newline=None).read()
    except (SyntaxError, UnicodeError, LookupError, ValueError) as error:
        reason = " ".join(str(getattr(error, "msg", None) or error).split())[:200]
        raise Unreadable(
            Finding(name, 1, 1, "NW002", f"This is not Python text: {reason}.", "Save it as UTF-8.")
        ) from None
    if "\0" in text:
        raise Unreadable(
            Finding(name, 1, 1, "NW002", "This is not Python text: it has null bytes.", "Save it as UTF-8.")
        )
    return text
