"""Contexts are found where skills are, are data of a known shape, and their code is approved as it is."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.claude_folders import bundled_folder
from neuroworkflow_agent.contexts import Context, find_contexts, parse_context
from neuroworkflow_agent.engine.protected import is_protected
from neuroworkflow_agent.errors import ConfigError, YamlError
from neuroworkflow_agent.offer import Offer
from neuroworkflow_agent.skill_files import UnfitSkillError
from neuroworkflow_agent.skills import bundled_skills_dir, find_skills

OURS = ["neuroscience-python", "nodes", "statistics-r"]
SAID = """\
title: Our rig
subkernel: ir
skills: [load-rig]
tools: {off: [Write], on: [run_code, Write]}
setup:
  R: |
    library(rig)
examples: ["What is in\\ntoday's recording?"]
variables: [rates, df.all]
"""


@pytest.fixture
def folder(workspace: Path) -> Path:
    """The folder of one context in a workspace."""
    made = workspace / ".claude" / "contexts" / "rig"
    made.mkdir(parents=True)
    (made / "context.yaml").write_text(SAID)
    return made


def test_all_of_a_context_is_read(folder: Path, workspace: Path) -> None:
    found = find_contexts(workspace)
    assert found.contexts["rig"] == Context(
        "rig",
        folder / "context.yaml",
        title="Our rig",
        subkernel="ir",
        skills=Offer(frozenset({"load-rig"})),
        tools=Offer(frozenset({"run_code", "Write"}), frozenset({"Write"})),
        setup={"r": "library(rig)\n"},
        examples=("What is in\ntoday's recording?",),
        variables=("rates", "df.all"),
    )
    assert (list(found.contexts), found.skipped) == (sorted([*OURS, "rig"]), ())


def test_ours_are_whole_and_name_skills_and_tools_that_there_are(workspace: Path) -> None:
    contexts, skills_dir = find_contexts(workspace).contexts, bundled_skills_dir()
    assert list(contexts) == OURS
    assert skills_dir is not None
    known = {skill.name for skill in find_skills(skills_dir)}
    for context in contexts.values():
        assert (context.is_ours, context.is_approved, bool(context.examples)) == (True, True, True)
        assert context.skills.off <= known


def test_a_workspaces_takes_the_place_of_ours_but_not_its_trust(folder: Path, workspace: Path) -> None:
    folder.rename(folder.with_name("nodes"))
    found = find_contexts(workspace).find("nodes")
    assert (found.title, found.is_approved) == ("Our rig", False)


def test_code_is_approved_as_it_is(folder: Path, workspace: Path) -> None:
    def rig() -> Context:
        return find_contexts(workspace).find("rig")

    assert not rig().is_approved
    rig().approve()
    assert rig().is_approved
    for spoiled in (SAID.replace("library(rig)", "system('rm -r ~')"), SAID.replace("R: |", "python: |")):
        (folder / "context.yaml").write_text(spoiled)
        assert not rig().is_approved
    (folder / "context.yaml").write_text(SAID.replace("Our rig", "Another title"))
    assert rig().is_approved


def test_what_is_not_there_is_said_with_what_is(folder: Path, workspace: Path) -> None:
    (folder / "context.yaml").write_text("title: [")
    with pytest.raises(
        ConfigError, match=r"no context 'rig' here; there are: .*\. The context 'rig' was skipped"
    ):
        find_contexts(workspace).find("rig")


def test_files_of_contexts_are_protected() -> None:
    assert is_protected((".claude", "contexts", "rig", "context.yaml"))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("[]", "needs a mapping in its context.yaml"),
        ("mode: edit", "says 'mode', which is none of title, subkernel"),
        ("tools: {ask: [Write]}", "says 'ask' under tools"),
        ("tools: Write", "needs a mapping as tools, got 'Write'"),
        ("subkernel: ../../evil", "needs the name of a kernelspec"),
        ("subkernel: [ir]", "needs the name of a kernelspec"),
        ("setup: {python: 1}", "needs a text as setup, got 1"),
        ("setup: {'py```thon': x}", "under setup, which is no language"),
        ("variables: ['x); q(']", "under variables, which is no name"),
        ("examples: {a: b}", "needs a list of at most 50 texts as examples"),
        ("title: 5", "needs a text as title"),
        (f"skills: {['a'] * 51}", "needs a list of at most 50"),
    ],
)
def test_what_contexts_do_not_say_is_refused(said: str, why: str) -> None:
    with pytest.raises(UnfitSkillError) as refused:
        parse_context(said, "rig", Path("context.yaml"))
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "said", ["a: &a [1]\nb: *a", "title: !!python/name:os.system x", "title: a\ntitle: b"]
)
def test_yaml_that_is_more_than_data_is_refused(said: str) -> None:
    with pytest.raises(YamlError, match="not YAML that can be read"):
        parse_context(said, "rig", Path("context.yaml"))


def _link(folder: Path) -> None:
    elsewhere = folder.parents[3] / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def _file_link(folder: Path) -> None:
    elsewhere = folder.parents[3] / "elsewhere.yaml"
    (folder / "context.yaml").rename(elsewhere)
    (folder / "context.yaml").symlink_to(elsewhere)


def _pipe(folder: Path) -> None:
    (folder / "context.yaml").unlink()
    os.mkfifo(folder / "context.yaml")


def _named(name: str) -> Callable[[Path], Any]:
    return lambda folder: folder.rename(folder.with_name(name))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_link, "outside of it"),
        (_file_link, "outside of it"),
        (_pipe, "which is not a regular file"),
        (lambda folder: folder.chmod(0o777), "can be written by everybody"),
        (lambda folder: (folder / "context.yaml").chmod(0o666), "can be written by everybody"),
        (lambda folder: (folder / "context.yaml").write_text("#" * 100_001), "is longer than 100 kB"),
        (lambda folder: (folder / "context.yaml").write_bytes(b"\xff"), "is not UTF-8 text"),
        (_named("a b\u202e"), "needs a name of letters"),
    ],
)
def test_what_others_could_write_is_skipped_with_a_sentence(
    spoil: Callable[[Path], Any], why: str, folder: Path, workspace: Path
) -> None:
    spoil(folder)
    found = find_contexts(workspace)
    assert list(found.contexts) == OURS
    (sentence,) = found.skipped
    assert why in sentence
    assert sentence.startswith("The context '")


def test_folder_that_others_could_write_is_skipped(folder: Path, workspace: Path) -> None:
    folder.parent.chmod(0o777)
    found = find_contexts(workspace)
    assert list(found.contexts) == OURS
    assert found.skipped == (f"Contexts in '{folder.parent}' were skipped: it can be written by everybody.",)
    assert bundled_folder("contexts") is not None


def test_folder_that_cannot_be_looked_into_hides_no_other(
    folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.with_name("locked")).mkdir()

    def exists(path: Path, looked: Callable[[Path], bool] = Path.exists) -> bool:
        if path.parent.name == "locked":  # as the system says it; root may look into everything
            raise PermissionError(errno.EACCES, "Permission denied")
        return looked(path)

    monkeypatch.setattr(Path, "exists", exists)
    found = find_contexts(workspace)
    assert "rig" in found.contexts
    assert found.skipped == ("The context 'locked' was skipped: it cannot be read (Permission denied).",)
