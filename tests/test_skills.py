"""Skills become a private plugin, and nothing else of `.claude` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.skills import find_skills, find_skills_dir, prepare


@pytest.fixture
def skills_dir(tmp_path: Path) -> Path:
    root = tmp_path / "repo" / ".claude" / "skills"
    (root / "make-node" / "templates").mkdir(parents=True)
    (root / "make-node" / "SKILL.md").write_text(
        "---\nname: x\ndescription: >\n  Makes\n  a node\n---\nBody.\n"
    )
    (root / "make-node" / "templates" / "node.py").write_text("class X: ...")
    (root / "flat one.md").write_text("# Does a thing\nBody.")
    (root / "README.md").write_text("not a skill")
    (root / "empty").mkdir()
    (root.parent / "settings.json").write_text('{"permissions": {"allow": ["Bash"]}}')
    return root


def test_directories_and_flat_files_are_found(skills_dir: Path) -> None:
    assert [skill.name for skill in find_skills(skills_dir)] == ["flat-one", "make-node"]


def test_nearest_skills_directory_is_found_from_below(skills_dir: Path) -> None:
    below = skills_dir.parent.parent / "a" / "b"
    below.mkdir(parents=True)
    assert find_skills_dir(below) == skills_dir


def test_plugin_holds_skills_with_front_matter_and_paths(skills_dir: Path, tmp_path: Path) -> None:
    prepared = prepare(skills_dir, {"workspace": "/w"}, cache=tmp_path / "cache")
    assert prepared.names == ("neuroworkflow:flat-one", "neuroworkflow:make-node")
    assert prepared.plugin_dir is not None
    files = {
        path.relative_to(prepared.plugin_dir).as_posix()
        for path in prepared.plugin_dir.rglob("*")
        if path.is_file()
    }
    assert files == {
        ".claude-plugin/plugin.json",
        "skills/flat-one/SKILL.md",
        "skills/make-node/SKILL.md",
        "skills/make-node/templates/node.py",
    }
    text = (prepared.plugin_dir / "skills/make-node/SKILL.md").read_text()
    assert (
        text
        == '---\nname: make-node\ndescription: "Makes a node"\n---\nBody.\n\n## Environment paths\n\n- workspace: `/w`\n'
    )
    assert 'description: "Does a thing"' in (prepared.plugin_dir / "skills/flat-one/SKILL.md").read_text()


def test_equal_skills_share_one_directory_and_leave_nothing_else(skills_dir: Path, tmp_path: Path) -> None:
    first = prepare(skills_dir, {}, cache=tmp_path / "cache")
    second = prepare(skills_dir, {}, cache=tmp_path / "cache")
    assert first == second
    assert list((tmp_path / "cache" / "skills").iterdir()) == [first.plugin_dir]


def test_changed_skill_gives_another_directory(skills_dir: Path, tmp_path: Path) -> None:
    first = prepare(skills_dir, {}, cache=tmp_path / "cache")
    (skills_dir / "flat one.md").write_text("# Does another thing")
    assert prepare(skills_dir, {}, cache=tmp_path / "cache").plugin_dir != first.plugin_dir


def test_no_skills_need_no_plugin(tmp_path: Path) -> None:
    assert prepare(None, {}).plugin_dir is None
    assert prepare(tmp_path, {}).names == ()
