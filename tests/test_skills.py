"""Skills become a private plugin, and nothing else of `.claude` does; ours work as they say."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import numpy as np
import pytest

from neuroworkflow_agent.claude_folders import FoundFolder
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.nodes.checker import check_paths
from neuroworkflow_agent.nodes.layout import detect_layout
from neuroworkflow_agent.nodes.trial import example_file, try_node
from neuroworkflow_agent.nodes.workflow_report import check_workflow
from neuroworkflow_agent.offer import Offer
from neuroworkflow_agent.skill_files import Allowance, UnfitSkillError, copy_skill, distrusted
from neuroworkflow_agent.skills import (
    SkillSet,
    bundled_skills_dir,
    find_skills,
    find_skills_dir,
    prepare,
)

OURS = Path(__file__).parent.parent / ".claude" / "skills"
NAMES = [
    "analyse-spikes",
    "brain-viewer",
    "connect-nodes",
    "create-node",
    "notebook-to-nodes",
    "optimize-parameters",
]
NODES = sorted(OURS.glob("*/examples/**/*Node.py"))


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


@pytest.fixture
def none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroworkflow_agent.skills.bundled_skills_dir", lambda: None)


def skill_text(prepared: SkillSet, name: str) -> str:
    assert prepared.plugin_dir is not None
    return (prepared.plugin_dir / "skills" / name / "SKILL.md").read_text()


# -- the plugin ---------------------------------------------------------------------------------------


def test_directories_and_flat_files_are_found(skills_dir: Path) -> None:
    assert [skill.name for skill in find_skills(skills_dir)] == ["flat-one", "make-node"]


def test_nearest_skills_directory_is_found_from_below(skills_dir: Path) -> None:
    below = skills_dir.parent.parent / "a" / "b"
    below.mkdir(parents=True)
    (skills_dir.parent.parent / ".git").mkdir()
    assert find_skills_dir(below) == FoundFolder(skills_dir, ())


@pytest.mark.usefixtures("none_of_ours")
def test_plugin_holds_skills_with_front_matter_and_places(skills_dir: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "empty"
    workspace.mkdir()
    prepared = prepare(skills_dir, workspace, cache=tmp_path / "cache")
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
    assert skill_text(prepared, "make-node") == (
        '---\nname: make-node\ndescription: "Makes a node"\n---\nBody.\n\n## Environment paths\n\n'
        f"- workspace: `{workspace}`\n"
        "- layout: bare folder\n"
        f"- nodes: `{workspace}/nodes` (to be created)\n"
        f"- new nodes: `{workspace}/nodes` (to be created)\n"
        f"- projects: `{workspace}`\n"
        "- library neuroworkflow: not in this folder; the kernel may have it\n"
    )
    assert 'description: "Does a thing"' in skill_text(prepared, "flat-one")


def test_equal_skills_share_one_directory_and_leave_nothing_else(skills_dir: Path, tmp_path: Path) -> None:
    first = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    second = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    assert first == second
    assert list((tmp_path / "cache" / "skills").iterdir()) == [first.plugin_dir]


def test_changed_skill_gives_another_directory(skills_dir: Path, tmp_path: Path) -> None:
    first = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    (skills_dir / "flat one.md").write_text("# Does another thing")
    assert prepare(skills_dir, tmp_path, cache=tmp_path / "cache").plugin_dir != first.plugin_dir


@pytest.mark.usefixtures("none_of_ours")
def test_no_skills_need_no_plugin(tmp_path: Path) -> None:
    assert prepare(None, tmp_path).plugin_dir is None
    assert prepare(tmp_path, tmp_path).names == ()


def test_ours_come_along_and_a_workspaces_own_takes_the_place_of_one(
    skills_dir: Path, tmp_path: Path
) -> None:
    (skills_dir / "create-node.md").write_text("---\ndescription: Our lab's way\n---\nOUR OWN WAY\n")
    prepared = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    assert prepared.names == tuple(
        f"neuroworkflow:{name}" for name in sorted([*NAMES, "flat-one", "make-node"])
    )
    assert "OUR OWN WAY" in skill_text(prepared, "create-node")


# -- skills of others ---------------------------------------------------------------------------------


def test_search_ends_at_the_repositorys_root_and_at_home(
    skills_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = skills_dir.parent.parent
    below = repo / "a" / "b"
    below.mkdir(parents=True)
    assert find_skills_dir(below).directory is None
    monkeypatch.setenv("HOME", str(repo))
    assert find_skills_dir(below).directory == skills_dir
    (repo / "a" / ".git").touch()
    assert find_skills_dir(below).directory is None
    assert find_skills_dir(repo).directory == skills_dir


@pytest.mark.usefixtures("none_of_ours")
def test_only_those_that_are_wanted_are_taken(skills_dir: Path, tmp_path: Path) -> None:
    wanted = Offer(frozenset({"flat-one", "gone"}))
    prepared = prepare(skills_dir, tmp_path, cache=tmp_path / "cache", offer=wanted)
    assert (prepared.names, prepared.skipped) == (
        ("neuroworkflow:flat-one",),
        ("There is no skill 'gone' here.",),
    )
    none = prepare(skills_dir, tmp_path, cache=tmp_path / "cache", offer=Offer(frozenset()))
    assert none == SkillSet(None, ())


@pytest.mark.parametrize("what", ["writable", "linked", "foreign"])
def test_skills_that_others_can_write_are_skipped(what: str, skills_dir: Path, tmp_path: Path) -> None:
    repo = skills_dir.parent.parent
    match what:
        case "writable":
            skills_dir.chmod(0o777)
            why = "it can be written by everybody"
        case "linked":
            skills_dir.rename(tmp_path / "elsewhere")
            skills_dir.symlink_to(tmp_path / "elsewhere")
            why = f"it is a link to '{tmp_path}/elsewhere'"
        case _:
            if os.getuid() != 0:
                pytest.skip("only root can give a file away")
            os.chown(skills_dir, 12345, -1)
            why = "it belongs to another user (12345)"
    found = find_skills_dir(repo)
    assert found.directory is None
    assert found.skipped == (
        f"Skills in '{skills_dir}' were skipped: {why}. "
        "To use them anyway, set NEUROWORKFLOW_SKILLS_DIR to that folder.",
    )


@pytest.mark.usefixtures("none_of_ours")
def test_files_that_others_can_write_are_skipped_unless_the_folder_was_named(
    skills_dir: Path, tmp_path: Path
) -> None:
    (skills_dir / "flat one.md").chmod(0o666)
    prepared = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    assert prepared.names == ("neuroworkflow:make-node",)
    assert prepared.skipped == (
        f"The skill 'flat-one' was skipped: it is not trusted: '{skills_dir}/flat one.md' can be written by everybody.",
    )
    assert prepare(skills_dir, tmp_path, trusted=True, cache=tmp_path / "cache").skipped == ()


@pytest.mark.parametrize(
    ("name", "members", "is_private"), [("me", [], True), ("me", ["me", "you"], False), ("users", [], False)]
)
def test_only_the_users_own_group_may_write(
    name: str, members: list[str], is_private: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o775)
    monkeypatch.setattr("pwd.getpwuid", lambda _uid: SimpleNamespace(pw_name="me"))
    monkeypatch.setattr("grp.getgrgid", lambda _gid: SimpleNamespace(gr_name=name, gr_mem=members))
    assert distrusted(tmp_path.stat()) == (None if is_private else "can be written by a group")


def _link_out(skill: Path) -> None:
    (skill / "refs").symlink_to(skill.parent.parent.parent.parent / "private")


def _link_to_file(skill: Path) -> None:
    (skill / "key.md").symlink_to(skill.parent.parent.parent.parent / "private" / "id")


def _instructions_elsewhere(skill: Path) -> None:
    (skill / "SKILL.md").unlink()
    _link_to_file(skill)
    (skill / "key.md").rename(skill / "SKILL.md")


def _fifo(skill: Path) -> None:
    os.mkfifo(skill / "pipe")


def _device(skill: Path) -> None:
    (skill / "zeros").symlink_to("/dev/zero")


def _loop(skill: Path) -> None:
    (skill / "again").symlink_to(".")


def _link_to_itself(skill: Path) -> None:
    (skill / "ring").symlink_to("ring")


def _too_many(skill: Path) -> None:
    for number in range(2_001):
        (skill / f"{number}.txt").touch()


def _too_large(skill: Path) -> None:
    with (skill / "big.bin").open("wb") as file:
        file.truncate(65 * 2**20)


def _long_name(skill: Path) -> None:
    (skill / "docs").mkdir()
    (skill / "SKILL.md").write_text("See `docs/" + "x" * 300 + "`.")


@pytest.mark.usefixtures("none_of_ours")
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_link_out, "has a link 'refs' that leads to"),
        (_link_to_file, "has a link 'key.md' that leads to"),
        (_instructions_elsewhere, "has a link 'SKILL.md' that leads to"),
        (_fifo, "has 'pipe', which is not a regular file"),
        (_device, "has a link 'zeros' that leads to '/dev/zero'"),
        (_loop, "has 'again', which is not a regular file"),
        (_link_to_itself, "cannot be read (Too many levels of symbolic links)"),
        (_too_many, "holds too much"),
        (_too_large, "holds too much"),
        (_long_name, "cannot be read (File name too long)"),
    ],
)
def test_broken_skill_is_skipped_with_a_sentence_and_the_others_stay(
    spoil: Callable[[Path], None], says: str, skills_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "id").write_text("the private key")
    spoil(skills_dir / "make-node")
    prepared = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    assert prepared.names == ("neuroworkflow:flat-one",)
    (sentence,) = prepared.skipped
    assert sentence.startswith(f"The skill 'make-node' was skipped: it {says}")
    copied = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert sorted(path.name for path in copied) == ["SKILL.md", "plugin.json"]
    assert not any("the private key" in path.read_text() for path in copied)


def test_what_is_exchanged_for_a_link_while_it_is_copied_does_not_leak(tmp_path: Path) -> None:
    private, skill = tmp_path / "private", tmp_path / "skills" / "x"
    private.mkdir()
    (private / "f").write_text("the private key")
    (skill / "d").mkdir(parents=True)
    (skill / "d" / "f").write_text("ok")
    (skill / "SKILL.md").write_text("# X")
    done = threading.Event()

    def exchange() -> None:
        while not done.is_set():
            (skill / "d").rename(skill / ".d")
            (skill / "d").symlink_to(private)
            (skill / "d").unlink()
            (skill / ".d").rename(skill / "d")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for number in range(300):
            copy = tmp_path / "copies" / str(number)
            with contextlib.suppress(UnfitSkillError, OSError):
                copy_skill(skill, skill.parent, copy, Allowance(), trusted=False)
    finally:
        done.set()
        thread.join()
    assert {file.read_text() for file in (tmp_path / "copies").rglob("f")} <= {"ok", ""}


@pytest.mark.usefixtures("none_of_ours")
def test_flat_skills_are_bounded_in_number_and_so_is_what_is_said(tmp_path: Path) -> None:
    skills = tmp_path / "many"
    skills.mkdir()
    for number in range(2_020):
        (skills / f"s{number:04}.md").touch()
    prepared = prepare(skills, tmp_path, cache=tmp_path / "cache")
    assert len(prepared.names) == 2_000
    assert len(prepared.skipped) == 11
    assert prepared.skipped[-1] == "10 more skills were skipped."


@pytest.mark.usefixtures("none_of_ours")
def test_links_inside_are_copied_as_files(skills_dir: Path, tmp_path: Path) -> None:
    """As a Kubernetes volume has every file."""
    (skills_dir / "..data").mkdir()
    (skills_dir / "..data" / "linked.md").write_text("# Linked")
    (skills_dir / "linked.md").symlink_to("..data/linked.md")
    (skills_dir / "make-node" / "same.py").symlink_to("templates/node.py")
    prepared = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    assert prepared.skipped == ()
    assert "# Linked" in skill_text(prepared, "linked")
    assert prepared.plugin_dir is not None
    copy = prepared.plugin_dir / "skills" / "make-node" / "same.py"
    assert (copy.is_symlink(), copy.read_text()) == (False, "class X: ...")


@pytest.mark.usefixtures("none_of_ours")
@pytest.mark.parametrize(
    "front",
    ["date: 2001-13-45", "description: " + "[" * 5_000, "a: &a [x, x]\nb: &b [*a, *a]\ndescription: *b"],
)
def test_odd_front_matter_breaks_nothing(front: str, skills_dir: Path, tmp_path: Path) -> None:
    (skills_dir / "make-node" / "SKILL.md").write_text(f"---\n{front}\n---\n# The title\n")
    prepared = prepare(skills_dir, tmp_path, cache=tmp_path / "cache")
    assert 'description: "The title"' in skill_text(prepared, "make-node")


# -- layouts ------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "neuro-workflow"
    (root / "src" / "neuroworkflow" / "nodes" / "sandbox").mkdir(parents=True)
    (root / "src" / "neuroworkflow" / "core").mkdir()
    (root / "NODE_SCHEMA.md").write_text("the schema")
    (root / "notebooks").mkdir()
    return root


@pytest.fixture
def container(tmp_path: Path) -> Path:
    home = tmp_path / "jovyan"
    (home / "codes" / "nodes" / "io").mkdir(parents=True)
    (home / "codes" / "neuroworkflow" / "core").mkdir(parents=True)
    (home / "codes" / "projects").mkdir()
    return home


def test_repository_is_found_from_a_folder_inside(repository: Path) -> None:
    layout = detect_layout(repository / "notebooks")
    assert (layout.kind, layout.root) == ("repository", repository)
    assert layout.new_nodes == repository / "src" / "neuroworkflow" / "nodes" / "sandbox"
    assert layout.library == repository / "src"
    assert layout.locate("NODE_SCHEMA.md") == repository / "NODE_SCHEMA.md"
    assert layout.locate("../secret") is None
    assert layout.locate("/etc/passwd") is None


@pytest.mark.parametrize("start", [".", "codes", "codes/projects"])
def test_container_of_a_hub_maps_the_repositorys_paths(container: Path, start: str) -> None:
    layout = detect_layout(container / start)
    assert (layout.kind, layout.root) == ("hub container", container / "codes")
    assert layout.locate("src/neuroworkflow/nodes/io") == container / "codes" / "nodes" / "io"
    assert layout.locate("src/neuroworkflow/core") == container / "codes" / "neuroworkflow" / "core"
    assert layout.locate("projects") == container / "codes" / "projects"
    assert layout.locate("NODE_SCHEMA.md") is None


def test_anything_else_is_a_bare_folder(tmp_path: Path) -> None:
    layout = detect_layout(tmp_path)
    assert (layout.kind, layout.root, layout.library) == ("bare folder", tmp_path, None)
    assert layout.new_nodes == tmp_path / "nodes"


_TALKS = "Read `NODE_SCHEMA.md`, then `src/neuroworkflow/nodes/io` and `templates/x.py`."


def test_paths_in_a_skill_are_mapped_or_said_to_be_missing(
    repository: Path, container: Path, tmp_path: Path
) -> None:
    skills = tmp_path / "skills"
    skills.mkdir()
    (skills / "talks.md").write_text(_TALKS)

    def talk(workspace: Path) -> list[str]:
        text = skill_text(prepare(skills, workspace, cache=tmp_path / "cache"), "talks")
        return [line for line in text.splitlines() if line.startswith("- `")]

    missing = "not here; go by this skill, `list_nodes` and what `check_node` says instead"
    assert talk(repository) == [
        f"- `NODE_SCHEMA.md`: `{repository}/NODE_SCHEMA.md`",
        f"- `src/neuroworkflow/nodes/io`: {missing}",
    ]
    assert talk(container) == [
        f"- `NODE_SCHEMA.md`: {missing}",
        f"- `src/neuroworkflow/nodes/io`: `{container}/codes/nodes/io`",
    ]
    assert talk(tmp_path) == [f"- `NODE_SCHEMA.md`: {missing}", f"- `src/neuroworkflow/nodes/io`: {missing}"]


# -- ours ---------------------------------------------------------------------------------------------


def test_ours_are_found_and_described_in_one_sentence_or_two() -> None:
    assert bundled_skills_dir() == OURS
    assert [skill.name for skill in find_skills(OURS)] == NAMES
    for name in NAMES:
        front = (OURS / name / "SKILL.md").read_text().split("---")[1]
        assert 60 < len(front) < 400
        assert "Use " in front


def test_files_that_our_skills_name_are_there() -> None:
    for name in NAMES:
        folder = OURS / name
        for mentioned in re.findall(
            r"`((?:examples/)[\w/.]+|contract\.md)`", (folder / "SKILL.md").read_text()
        ):
            assert (folder / mentioned).exists(), (name, mentioned)


def test_every_skill_has_examples_and_its_code_blocks_are_python() -> None:
    for name in NAMES:
        assert any((OURS / name / "examples").iterdir())
        for text in (OURS / name).glob("*.md"):
            for block in re.findall(r"```python\n(.*?)```", text.read_text(), re.DOTALL):
                ast.parse(block)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("path", NODES, ids=lambda path: path.stem)
def test_example_nodes_are_clean_and_run(path: Path) -> None:
    assert check_paths([path]).findings == []
    assert example_file(path).is_file() or path.stem == "PoissonSpikesNode"
    assert try_node(path, os.environ) == []


def run_script(path: Path, code: str = "", timeout_s: float = 60.0) -> str:
    command = [sys.executable, *(["-c", code] if code else [str(path)])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("library")
def test_example_workflow_is_clean_and_gives_poisson_intervals() -> None:
    path = OURS / "connect-nodes" / "examples" / "population_statistics.py"
    assert check_workflow(path).findings == []
    rows = re.findall(r"neuron_\d: ([\d.]+) ms, CV ([\d.]+)", run_script(path))
    assert len(rows) == 10
    assert all(abs(float(mean) - 50.0) < 10.0 and abs(float(cv) - 1.0) < 0.25 for mean, cv in rows)


@pytest.mark.usefixtures("library")
def test_example_nodes_give_the_numbers_of_the_notebook_they_came_from() -> None:
    examples = OURS / "notebook-to-nodes" / "examples"
    after = examples / "after" / "spike_rate.py"
    assert check_workflow(after).findings == []
    cells = nbformat.read(examples / "before.ipynb", as_version=4).cells
    code = "\n".join(
        line
        for cell in cells
        if cell.cell_type == "code"
        for line in cell.source.splitlines()
        if not line.startswith(("%", "import matplotlib", "plt."))
    )
    told = run_script(after, f"{code}\nimport spike_rate\nprint(abs(spike_rate.run(v.tolist()) - r) < 1e-9)")
    assert told.startswith("rate 10.0 Hz")
    assert told.endswith("True\n")


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_brain_viewer_example_avoids_the_traps(tmp_path: Path) -> None:
    examples = OURS / "brain-viewer" / "examples"
    viewer, maker = module(examples / "viewer.py"), module(examples / "make_dataset.py")
    made = maker.make_dataset()
    (tmp_path / "connectivity_data.json").write_text(json.dumps(made))
    data = viewer.load(tmp_path)
    assert data == made
    weights = [each[2] for each in data["connections"]]
    assert weights == sorted(weights, reverse=True)
    total = len(weights)
    assert data["meta"]["n_connections"] == total
    state = viewer.read_state((examples / "state.md").read_text())
    assert viewer.compare(state, data) == []
    shown = viewer.shown_connections(data, state["display"]["threshold_percentile"])
    assert len(shown) == math.ceil(total * 0.25)
    of_region = viewer.shown_connections(data, 75, region=0)
    assert len(of_region) == state["selected"]["visible_connections"]
    partners = viewer.strongest(data, 0)
    assert [weight for _, weight, _ in partners] == sorted(
        (w for i, j, w, _ in data["connections"] if 0 in (i, j)), reverse=True
    )[:5]
    assert [(each["region"], each["weight"]) for each in state["selected"]["strongest_connections"]] == [
        (name, weight) for name, weight, _ in partners
    ]
    state["dataset"]["n_regions"] = 212
    state["selected"]["name"] = "L_V9"
    state["stimulated_regions"] = ["L_V8"]
    assert viewer.compare(state, data) == [
        "n_regions: the block says 212, the file has 16.",
        "The region 'L_V9' is not in the file.",
        "The region 'L_V8' is not in the file.",
    ]
    state = {"selected": {"index": 1, "name": "L_V1"}, "bold": None}
    assert viewer.compare(state, data) == ["Region 1 is not 'L_V1' in the file."]
    assert viewer.compare({"selected": None}, data) == []
    with pytest.raises(ValueError, match="no JSON block"):
        viewer.read_state("Brain")
    (tmp_path / "connectivity_data.json").write_text("{}")
    with pytest.raises(ValueError, match="is not the viewer's file"):
        viewer.load(tmp_path)


def test_spike_statistics_give_known_values() -> None:
    spikes = module(OURS / "analyse-spikes" / "examples" / "spike_statistics.py")
    regular = np.arange(5.0, 1000.0, 10.0)
    window = (0.0, 1000.0)
    assert spikes.mean_rate(regular, window) == pytest.approx(100.0)
    assert spikes.mean_rate(regular, window, n_neurons=4) == pytest.approx(25.0)
    assert (spikes.cv(regular), spikes.cv2(regular), spikes.fano(regular, window, 50.0)) == pytest.approx(
        (0, 0, 0)
    )
    source = np.random.default_rng(1)
    trains = [np.cumsum(source.exponential(10.0, 20_000)) for _ in range(50)]
    long = (0.0, 150_000.0)
    assert spikes.mean_rate(trains[0], long) == pytest.approx(100.0, rel=0.05)
    for measure in (spikes.cv(trains[0]), spikes.cv2(trains[0]), spikes.fano(trains[0], long, 100.0)):
        assert measure == pytest.approx(1.0, abs=0.1)
    assert spikes.synchrony(trains, long, 10.0) < 0.2
    assert spikes.synchrony([trains[0]] * 5, long, 10.0) == pytest.approx(1.0)
    assert spikes.correlation([trains[0], trains[0], [1.0]], (2.0, 1000.0), 10.0) == (pytest.approx(1.0), 1)
    for nothing in (
        spikes.cv([1.0]),
        spikes.cv2([]),
        spikes.fano([], window, 10.0),
        spikes.synchrony([[1.0]], window, 10.0),
    ):
        assert math.isnan(nothing)
    with pytest.raises(ValueError, match="window"):
        spikes.mean_rate([1.0], (5.0, 5.0))


def test_cache_that_cannot_be_written_is_said(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(
        ConfigError,
        match=r"prepared in '.*/cache/skills': Not a directory\. Make room there, or set XDG_CACHE",
    ):
        prepare(None, workspace, cache=tmp_path / "cache")
