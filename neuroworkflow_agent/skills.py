"""The workspace's skills and those that come along, as one private plugin directory for the CLI.

Project settings and hooks stay unloaded: only the skills themselves are copied, into a directory named
after their content in the user's cache. Equal skills share it, so nothing is left behind by a process
that is killed; writers race harmlessly because each fills a directory of its own and renames it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from neuroworkflow_agent.directories import private_directory
from neuroworkflow_agent.nodes.layout import Layout, detect_layout

PLUGIN = "neuroworkflow"
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n?", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill, found on disk."""

    name: str
    """Directory or file name, made safe for the CLI."""
    source: Path
    """Its directory, or the flat Markdown file."""


@dataclass(frozen=True, slots=True)
class SkillSet:
    """Skills ready for the CLI."""

    plugin_dir: Path | None
    """The plugin directory; None without skills."""
    names: tuple[str, ...]
    """Qualified names, `plugin:skill`."""


def find_skills_dir(workspace: Path) -> Path | None:
    """The nearest `.claude/skills`, from the workspace up."""
    for directory in (workspace, *workspace.parents):
        candidate = directory / ".claude" / "skills"
        if candidate.is_dir():
            return candidate
    return None


def find_skills(skills_dir: Path) -> list[Skill]:
    """Directories with a `SKILL.md`, and flat `*.md` files, sorted by name."""
    found: dict[str, Skill] = {}
    for entry in sorted(skills_dir.iterdir()):
        if entry.name.startswith((".", "README")):
            continue
        is_flat = entry.is_file() and entry.suffix == ".md"
        if is_flat or (entry / "SKILL.md").is_file():
            name = _UNSAFE.sub("-", entry.stem if is_flat else entry.name).strip("-")
            if name:
                found.setdefault(name, Skill(name, entry))
    return list(found.values())


def bundled_skills_dir() -> Path | None:
    """The skills that come with this package: inside it where it was installed, beside it in its repository."""
    package = Path(__file__).parent
    places = (package / "bundled_skills", package.parent / ".claude" / "skills")
    return next((place for place in places if place.is_dir()), None)


def prepare(skills_dir: Path | None, workspace: Path, *, cache: Path | None = None) -> SkillSet:
    """Build, or find again, the plugin directory with a workspace's skills and ours.

    Parameters
    ----------
    skills_dir
        Where the workspace's own skills are; None without any. One of a name that ours has too takes its place.
    workspace
        Whose places are appended to each skill as "Environment paths".
    cache
        Where to put the plugin; None for the user's cache directory.

    Raises
    ------
    OSError
        If the cache cannot be written.
    """
    found = {
        skill.name: skill
        for folder in (bundled_skills_dir(), skills_dir)
        if folder is not None
        for skill in find_skills(folder)
    }
    if not found:
        return SkillSet(None, ())
    places = _Places(workspace, detect_layout(workspace))
    skills = [found[name] for name in sorted(found)]
    base = cache / "skills" if cache else private_directory("skills")
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=base))
    try:
        _build(building, skills, places)
        target = base / _digest(building)
        if not target.exists():
            try:
                building.rename(target)
            except OSError:
                if not target.exists():  # a twin that won the race is as good as ours
                    raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return SkillSet(target, tuple(f"{PLUGIN}:{skill.name}" for skill in skills))


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


def _build(root: Path, skills: list[Skill], places: _Places) -> None:
    manifest = root / ".claude-plugin" / "plugin.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"name": PLUGIN, "version": "1"}), encoding="utf-8")
    for skill in skills:
        target = root / "skills" / skill.name
        if skill.source.is_dir():
            shutil.copytree(skill.source, target, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        else:
            target.mkdir(parents=True)
            shutil.copyfile(skill.source, target / "SKILL.md")
        text = (target / "SKILL.md").read_text(encoding="utf-8", errors="replace")
        (target / "SKILL.md").write_text(
            f"{_complete(text, skill.name)}\n\n{places.section(text, target)}", encoding="utf-8"
        )


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
        fields = yaml.safe_load(front_matter)
    except yaml.YAMLError:
        return None
    value = fields.get("description") if isinstance(fields, dict) else None
    return " ".join(str(value).split()) if value else None


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]
