"""Contexts: what a chat kernel is for, as `.claude/contexts/NAME/context.yaml` says it.

A context may choose a subkernel, leave out skills and tools, and bring code that is run when it is chosen, prompts to begin with, and
variables to look at; it widens nothing. Where contexts are looked for, and whose files are read, is as for skills. Code that comes
from a folder runs once the user has approved it as it is; ours needs no approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from neuroworkflow_agent.approved_texts import ApprovedTexts
from neuroworkflow_agent.claude_folders import bundled_folder, find_claude_folder
from neuroworkflow_agent.errors import ConfigError, YamlError
from neuroworkflow_agent.offer import EVERYTHING, Offer
from neuroworkflow_agent.skill_files import UnfitSkillError, open_inside, real_path, refuse_distrusted
from neuroworkflow_agent.text import fenced, one_line
from neuroworkflow_agent.yaml_files import parse_yaml

FILE = "context.yaml"
_APPROVED = ApprovedTexts("contexts")
_MAX_BYTES = 100_000
_MAX_CONTEXTS = 200
_MAX_ITEMS = 50
_MAX_EXAMPLE_CHARS = 2_000
_MAX_TITLE_CHARS = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OFFERED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:.-]{0,127}")
_LANGUAGE = re.compile(r"[a-z][a-z0-9+#_-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]{0,63}")
"""As languages have it; nothing that could be code where it is put into some."""

Texts: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """One context."""

    name: str
    """Of its folder."""
    file: Path
    """Where it is written."""
    is_ours: bool = False
    """Whether it comes with the package."""
    title: str = ""
    """What people are shown."""
    subkernel: str | None = None
    """Kernelspec of the kernel in which code runs; None leaves the one there is."""
    skills: Offer = EVERYTHING
    """Which of them are offered."""
    tools: Offer = EVERYTHING
    """Which are offered, of those that there would be."""
    setup: Mapping[str, str] = field(default_factory=dict)
    """Code that is run when it is chosen, by language, lower case."""
    examples: Texts = ()
    """Prompts to begin with."""
    variables: Texts = ()
    """Names of variables that the agent is told of first."""

    @property
    def code(self) -> str:
        """All its code, as it is shown and approved."""
        return "\n".join(fenced(code.strip("\n"), language) for language, code in self.setup.items())

    @property
    def is_approved(self) -> bool:
        """Whether its code may run without a question."""
        return self.is_ours or not self.setup or _APPROVED.has(self.file, self.code)

    def approve(self) -> None:
        """Keep that the user has approved its code as it is.

        Raises
        ------
        ConfigError
            If that cannot be kept.
        """
        _APPROVED.add(self.file, self.code)


@dataclass(frozen=True, slots=True)
class FoundContexts:
    """The contexts that can be chosen in a workspace."""

    contexts: Mapping[str, Context]
    """By name, sorted."""
    skipped: Texts
    """What was passed over and why, a sentence each."""

    def find(self, name: str) -> Context:
        """The one of this name.

        Raises
        ------
        ConfigError
            If there is none.
        """
        if name in self.contexts:
            return self.contexts[name]
        known = ", ".join(self.contexts) or "none"
        why = next((f" {each}" for each in self.skipped if f"'{name}'" in each), "")
        raise ConfigError(f"There is no context {name!r} here; there are: {known}.{why}")


def find_contexts(workspace: Path) -> FoundContexts:
    """Those of the workspace, and ours; one of the workspace takes the place of ours with its name. Reads the disk."""
    found = find_claude_folder(workspace, "contexts")
    contexts: dict[str, Context] = {}
    skipped = list(found.skipped)
    for folder in (bundled_folder("contexts"), found.directory):
        if folder is not None:
            _read_folder(folder, contexts, skipped, is_ours=folder != found.directory)
    return FoundContexts({name: contexts[name] for name in sorted(contexts)}, tuple(skipped))


def _read_folder(folder: Path, contexts: dict[str, Context], skipped: list[str], *, is_ours: bool) -> None:
    root = real_path(folder)
    for entry in sorted(folder.iterdir())[:_MAX_CONTEXTS]:
        try:
            if entry.name.startswith(".") or not (entry / FILE).exists():
                continue
            contexts[entry.name] = _read(entry, root, is_ours=is_ours)
        except (UnfitSkillError, YamlError, OSError) as error:
            why = f"it cannot be read ({error.strerror})" if isinstance(error, OSError) else f"it {error}"
            why = str(error) if isinstance(error, YamlError) else f"{why}."
            skipped.append(f"The context '{one_line(entry.name, 64)}' was skipped: {why}")


def _read(folder: Path, root: Path, *, is_ours: bool) -> Context:
    if not _NAME.fullmatch(folder.name):
        raise UnfitSkillError("needs a name of letters, digits, '.', '-' and '_'")
    file = folder / FILE
    if not is_ours:
        refuse_distrusted(folder, real_path(folder).stat())
    with open_inside(file, root, trusted=is_ours) as source:
        data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise UnfitSkillError(f"is longer than {_MAX_BYTES // 1000} kB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnfitSkillError("is not UTF-8 text") from None
    return parse_context(text, folder.name, file, is_ours=is_ours)


def parse_context(text: str, name: str, file: Path, *, is_ours: bool = False) -> Context:
    """A context from what its file says.

    Raises
    ------
    YamlError
        If that is not YAML.
    UnfitSkillError
        If it says something else than contexts do; the message is the end of a sentence.
    """
    said = parse_yaml(text, FILE)
    if not isinstance(said, dict):
        raise UnfitSkillError(f"needs a mapping in its {FILE}")
    known = ("title", "subkernel", "skills", "tools", "setup", "examples", "variables")
    if unknown := next((key for key in said if key not in known), None):
        raise UnfitSkillError(f"says {unknown!r}, which is none of {', '.join(known)}")
    subkernel = said.get("subkernel")
    if subkernel is not None and not (isinstance(subkernel, str) and _NAME.fullmatch(subkernel)):
        raise UnfitSkillError(f"needs the name of a kernelspec as subkernel, got {subkernel!r}")
    return Context(
        name,
        file,
        is_ours,
        title=one_line(_text(said.get("title", name), "title"), _MAX_TITLE_CHARS),
        subkernel=subkernel,
        skills=_offer(said, "skills"),
        tools=_offer(said, "tools"),
        setup=_setup(said),
        examples=tuple(example[:_MAX_EXAMPLE_CHARS] for example in _list(said, "examples")),
        variables=_names(said, "variables", _VARIABLE),
    )


def _setup(said: Mapping[str, Any]) -> dict[str, str]:
    setup = {language.lower(): _text(code, "setup") for language, code in _mapping(said, "setup").items()}
    if wrong := next((language for language in setup if not _LANGUAGE.fullmatch(language)), None):
        raise UnfitSkillError(f"has {wrong!r} under setup, which is no language")
    return setup


def _offer(said: Mapping[str, Any], key: str) -> Offer:
    """A list of what is on, or a mapping of what is on and what is off."""
    if isinstance(said.get(key), list):
        return Offer(frozenset(_names(said, key, _OFFERED)))
    given = _mapping(said, key)
    if unknown := next((each for each in given if each not in ("on", "off")), None):
        raise UnfitSkillError(f"says {unknown!r} under {key}, which is neither on nor off")
    on = frozenset(_names(given, "on", _OFFERED)) if "on" in given else None
    return Offer(on, frozenset(_names(given, "off", _OFFERED)))


def _mapping(said: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = said.get(key)
    # YAML's older version takes `on` and `off` for true and false.
    if not isinstance(value or {}, dict):
        raise UnfitSkillError(f"needs a mapping as {key}, got {value!r}")
    words = {True: "on", False: "off"}
    return {words.get(name, str(name)): each for name, each in (value or {}).items()}


def _list(said: Mapping[str, Any], key: str) -> Texts:
    value = said.get(key) or []
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise UnfitSkillError(f"needs a list of at most {_MAX_ITEMS} texts as {key}")
    return tuple(_text(each, key) for each in value)


def _names(said: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> Texts:
    names = _list(said, key)
    if wrong := next((each for each in names if not pattern.fullmatch(each)), None):
        raise UnfitSkillError(f"has {wrong!r} under {key}, which is no name")
    return names


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UnfitSkillError(f"needs a text as {key}, got {value!r}")
    return value
