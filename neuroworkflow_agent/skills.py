"""The workspace's skills and those that come along, as one private plugin directory for the CLI.

Project settings and hooks stay unloaded: only the skills themselves are copied (`skill_files`), into a directory named
after their content in the user's cache. Equal skills share it, so nothing is left behind by a process
that is killed; writers race harmlessly because each fills a directory of its own and renames it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from neuroworkflow_agent.claude_folders import FoundFolder, bundled_folder, find_claude_folder
from neuroworkflow_agent.directories import private_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.nodes.layout import Layout, detect_layout
from neuroworkflow_agent.offer import EVERYTHING, Offer
from neuroworkflow_agent.skill_files import Allowance, UnfitSkillError, copy_skill

PLUGIN = "neuroworkflow"
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n?", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_INSTRUCTIONS_BYTES = 256 * 1024
_MAX_SENTENCES = 10


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill, found on disk."""

    name: str
    """Directory or file name, made safe for the CLI."""
    source: Path
    """Its directory, or the flat Markdown file."""
    folder: Path
    """Where it was found, which nothing of it may lead out of."""


@dataclass(frozen=True, slots=True)
class SkillSet:
    """Skills ready for the CLI."""

    plugin_dir: Path | None
    """The plugin directory; None without skills."""
    names: tuple[str, ...]
    """Qualified names, `plugin:skill`."""
    skipped: tuple[str, ...] = ()
    """What was left out and why, a sentence each."""


def find_skills_dir(workspace: Path) -> FoundFolder:
    """The nearest trusted `.claude/skills`; see `find_claude_folder`."""
    return find_claude_folder(
        workspace, "skills", advice="To use them anyway, set NEUROWORKFLOW_SKILLS_DIR to that folder."
    )


def find_skills(skills_dir: Path) -> list[Skill]:
    """Directories with a `SKILL.md`, and flat `*.md` files, sorted by name."""
    found: dict[str, Skill] = {}
    for entry in sorted(skills_dir.iterdir()):
        if entry.name.startswith((".", "README")):
            continue
        is_flat = entry.suffix == ".md" and _is_file(entry)
        if is_flat or _is_file(entry / "SKILL.md"):
            name = _UNSAFE.sub("-", entry.stem if is_flat else entry.name).strip("-")
            if name:
                found.setdefault(name, Skill(name, entry, skills_dir))
    return list(found.values())


def _is_file(path: Path) -> bool:
    """Whether it is one, as far as this user may look."""
    try:
        return path.is_file()
    except OSError:
        return False


def bundled_skills_dir() -> Path | None:
    """The skills that come with this package."""
    return bundled_folder("skills")


def skill_names(workspace: Path, skills_dir: Path | None = None) -> list[str]:
    """Names of the workspace's skills, and of those that come along. Reads the disk.

    Parameters
    ----------
    skills_dir
        Where the workspace's are; None to look for them.
    """
    directory = skills_dir or find_skills_dir(workspace).directory
    folders = [folder for folder in (directory, bundled_skills_dir()) if folder is not None]
    return list(dict.fromkeys(skill.name for folder in folders for skill in find_skills(folder)))


def prepare(
    skills_dir: Path | None,
    workspace: Path,
    *,
    trusted: bool = False,
    cache: Path | None = None,
    offer: Offer = EVERYTHING,
) -> SkillSet:
    """Build, or find again, the plugin directory with a workspace's skills and ours.

    Parameters
    ----------
    skills_dir
        Where the workspace's own skills are; None without any. One of a name that ours has too takes its place.
    workspace
        Whose places are appended to each skill as "Environment paths".
    trusted
        Whether `skills_dir` was named by the user, so that its files may belong to anybody.
    cache
        Where to put the plugin; None for the user's cache directory.
    offer
        Which skills to take.

    Raises
    ------
    ConfigError
        If the cache cannot be written.
    """
    bundled = bundled_skills_dir()
    found = {
        skill.name: skill
        for folder in (bundled, skills_dir)
        if folder is not None
        for skill in find_skills(folder)
    }
    missing = sorted((offer.on or frozenset()) - found.keys())
    not_there = tuple(f"There is no skill '{name}' here." for name in missing)
    found = {name: skill for name, skill in found.items() if offer.has(name)}
    if not found:
        return SkillSet(None, (), _shortened(not_there))
    places = _Places(workspace, detect_layout(workspace))
    skills = [found[name] for name in sorted(found)]
    base = cache / "skills" if cache else private_directory("skills")
    try:
        target, skipped = _built(base, skills, places, {bundled, skills_dir if trusted else None})
    except OSError as error:
        raise ConfigError(
            f"The skills cannot be prepared in '{base}': {error.strerror or error}. "
            "Make room there, or set XDG_CACHE_HOME to another directory of yours."
        ) from error
    names = tuple(f"{PLUGIN}:{skill.name}" for skill in skills if skill.name not in skipped)
    return SkillSet(target if names else None, names, _shortened((*not_there, *skipped.values())))


def _shortened(sentences: Sequence[str]) -> tuple[str, ...]:
    more = len(sentences) - _MAX_SENTENCES
    return (*sentences[:_MAX_SENTENCES], *([f"{more} more skills were skipped."] if more > 0 else []))


@dataclass(frozen=True, slots=True)
class _Places:
    """What a skill may speak of, and where it is here."""

    workspace: Path
    layout: Layout

    def section(self, text: str, folder: Path) -> str:
        """The "Environment paths" of a skill.

        Parameters
        ----------
        text
            Of the skill; the repository's paths in it are looked up.
        folder
            The skill's own, whose files come along.
        """
        layout = self.layout
        library = (
            f"`{layout.library}`, to be on sys.path"
            if layout.library
            else "not in this folder; the kernel may have it"
        )
        lines = {
            "workspace": f"`{self.workspace}`",
            "layout": layout.kind,
            "nodes": _place(layout.nodes),
            "new nodes": _place(layout.new_nodes),
            "projects": _place(layout.projects),
            "library neuroworkflow": library,
        }
        for mentioned in sorted(set(_REPOSITORY_PATH.findall(text))):
            if not (folder / mentioned).exists():
                here = layout.locate(mentioned)
                lines[f"`{mentioned}`"] = f"`{here}`" if here else _NOT_HERE
        return "## Environment paths\n\n" + "".join(f"- {name}: {where}\n" for name, where in lines.items())


def _place(path: Path) -> str:
    return f"`{path}`" if path.exists() else f"`{path}` (to be created)"


_REPOSITORY_PATH = re.compile(
    r"`((?:src|projects|examples|notebooks|docs|data|gui)/[\w./-]+|[A-Z][\w-]*\.(?:md|py))`"
)
"""Paths as the library's repository has them, in backticks: below its folders, and its documents at the root."""
_NOT_HERE = "not here; go by this skill, `list_nodes` and what `check_node` says instead"


def _built(
    base: Path, skills: list[Skill], places: _Places, trusted: Collection[Path | None]
) -> tuple[Path, dict[str, str]]:
    """The plugin's directory below `base`, named by its content, and what was left out of it."""
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=base))
    try:
        skipped = _build(building, skills, places, trusted)
        target = base / _digest(building)
        if not target.exists():
            try:
                building.rename(target)
            except OSError:
                if not target.exists():  # a twin that won the race is as good as ours
                    raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target, skipped


def _build(
    root: Path, skills: list[Skill], places: _Places, trusted: Collection[Path | None]
) -> dict[str, str]:
    """Fill the plugin; gives the names of the skills that were left out, each with a sentence why."""
    manifest = root / ".claude-plugin" / "plugin.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"name": PLUGIN, "version": "1"}), encoding="utf-8")
    skipped: dict[str, str] = {}
    left = Allowance()
    for skill in skills:
        target = root / "skills" / skill.name
        allowance = replace(left)
        try:
            copy_skill(skill.source, skill.folder, target, allowance, trusted=skill.folder in trusted)
            _complete_file(target / "SKILL.md", skill.name, places)
        except (UnfitSkillError, OSError) as error:
            shutil.rmtree(target, ignore_errors=True)
            why = str(error) if isinstance(error, UnfitSkillError) else f"cannot be read ({error.strerror})"
            skipped[skill.name] = f"The skill '{skill.name}' was skipped: it {why}."
        else:
            left = allowance
    return skipped


def _complete_file(path: Path, name: str, places: _Places) -> None:
    if path.stat().st_size > _MAX_INSTRUCTIONS_BYTES:
        raise UnfitSkillError(f"has instructions of more than {_MAX_INSTRUCTIONS_BYTES // 1024} KiB")
    text = path.read_text(encoding="utf-8", errors="replace")
    section = places.section(text, path.parent)
    path.write_text(f"{_complete(text, name)}\n\n{section}", encoding="utf-8")


def _complete(text: str, name: str) -> str:
    """A skill with the front matter the CLI wants."""
    match = _FRONT_MATTER.match(text)
    body = text[match.end() :] if match else text
    description = _description(match.group(1)) if match else None
    if not description:
        lines = (line.strip("# ").strip() for line in body.splitlines())
        description = next((line for line in lines if line), name)
    return (
        f"---\nname: {name}\ndescription: {json.dumps(description, ensure_ascii=False)}\n---\n{body.rstrip()}"
    )


def _description(front_matter: str) -> str | None:
    """The `description` of YAML front matter, on one line."""
    try:
        # Text, lists and mappings only: no dates that are none, no merges that multiply.
        fields = yaml.load(front_matter, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        return None
    value = fields.get("description") if isinstance(fields, dict) else None
    return " ".join(value.split()) if isinstance(value, str) and value.strip() else None


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]
