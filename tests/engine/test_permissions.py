"""The gate: what may run unasked, what asks, what never runs."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import ToolPermissionContext
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroworkflow_agent.config import MODES, AgentConfig, Mode
from neuroworkflow_agent.engine.claude.hooks import Gate
from neuroworkflow_agent.engine.permissions import (
    PLAN_TOOLS,
    QUESTION,
    Allow,
    Answer,
    Ask,
    Deny,
    decide,
    offer_of,
    offered_tools,
    offers_run_code,
)
from neuroworkflow_agent.offer import Offer
from neuroworkflow_agent.tools.registry import MCP_SERVER, Registry, called_name, short_name
from neuroworkflow_agent.tools.user_servers import UserServers
from neuroworkflow_agent.workspace import Workspace
from tests import tiers
from tests.tools.offered import TOOLS

RUN_CODE = called_name(MCP_SERVER, "run_code")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "work"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "skills").mkdir()
    (root / "file.txt").write_text("inside")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "inner").symlink_to(root / "sub")
    return Workspace(root.resolve(), ((tmp_path / "skills").resolve(),))


INSIDE = [
    "file.txt",
    "./file.txt",
    "sub/new/deep.txt",
    "sub/../file.txt",
    "inner/x.txt",
    "name with space",
    "日本語.txt",
]
OUTSIDE = [
    "../x",
    "/etc/passwd",
    "link/x",
    "link",
    "sub/../../x",
    "~/x",
    "inner/../../x",
    "a\0b",
    "data/\ud83d.csv",
    "../work-2/x",
]


@pytest.mark.parametrize("path", INSIDE)
@pytest.mark.parametrize("tool", ["Read", "Write", "Edit"])
def test_file_inside_is_allowed_in_edit_mode(tool: str, path: str, workspace: Workspace) -> None:
    assert decide(tool, {"file_path": path}, workspace, "edit", TOOLS) == Allow()


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("tool", ["Read", "Write", "Edit"])
@pytest.mark.parametrize("mode", MODES)
def test_file_outside_is_denied_in_every_mode(tool: str, path: str, mode: Mode, workspace: Workspace) -> None:
    assert isinstance(decide(tool, {"file_path": path}, workspace, mode, TOOLS), Deny)


def test_absolute_path_inside_is_allowed(workspace: Workspace) -> None:
    assert decide("Write", {"file_path": str(workspace.root / "a")}, workspace, "edit", TOOLS) == Allow()


def test_denial_names_path_and_way_out(workspace: Workspace) -> None:
    decision = decide("Read", {"file_path": "/etc/passwd"}, workspace, "edit", TOOLS)
    assert isinstance(decision, Deny)
    assert "'/etc/passwd' is outside the workspace" in decision.reason
    assert "NEUROWORKFLOW_WORKSPACE_ROOT" in decision.reason


def test_skills_may_be_read_and_not_written(workspace: Workspace) -> None:
    path = str(workspace.readable[0] / "SKILL.md")
    assert decide("Read", {"file_path": path}, workspace, "edit", TOOLS) == Allow()
    assert isinstance(decide("Write", {"file_path": path}, workspace, "edit", TOOLS), Deny)


@pytest.mark.parametrize("value", [None, 3, "", ["a"], {"x": 1}])
def test_path_of_another_shape_is_denied(value: Any, workspace: Workspace) -> None:
    assert isinstance(decide("Write", {"file_path": value}, workspace, "edit", TOOLS), Deny)


@pytest.mark.parametrize(
    ("tool_input", "expected"),
    [
        ({"pattern": "**/*.py"}, Allow),
        ({"pattern": "sub/*.py"}, Allow),
        ({"pattern": "*", "path": "/etc"}, Deny),
        ({"pattern": "/etc/*"}, Deny),
        ({"pattern": "../*"}, Deny),
        ({"pattern": "sub/*/../../../*"}, Deny),
        ({"pattern": "link/*"}, Deny),
    ],
)
def test_glob_stays_inside(tool_input: dict[str, Any], expected: type, workspace: Workspace) -> None:
    assert isinstance(decide("Glob", tool_input, workspace, "edit", TOOLS), expected)


@pytest.mark.parametrize(
    ("mode", "write", "code", "read"),
    [
        ("edit", Allow, Allow, Allow),
        ("ask", Ask, Ask, Allow),
        ("plan", Deny, Deny, Allow),
        ("read-only", Deny, Deny, Allow),
    ],
)
def test_mode_decides_about_changes(
    mode: Mode, write: type, code: type, read: type, workspace: Workspace
) -> None:
    assert isinstance(decide("Write", {"file_path": "a"}, workspace, mode, TOOLS), write)
    assert isinstance(decide(RUN_CODE, {"code": "1"}, workspace, mode, TOOLS), code)
    assert isinstance(decide("Read", {"file_path": "a"}, workspace, mode, TOOLS), read)


PROTECTED = [
    ".git/hooks/pre-commit",
    "sub/.git/hooks/post-checkout",
    "sub/.git",
    "bare/HEAD",
    "tools/hooks/post-merge",
    ".gitmodules",
    ".mcp.json",
    "sub/.mcp.json",
    "sub/.claude/settings.local.json",
    ".claude/hooks/x.sh",
    ".claude/skills/x/SKILL.md",
    "sub/.claude/agents/x.md",
    "sub/CLAUDE.md",
    ".vscode/tasks.json",
    "sub/.vscode/tasks.json",
    "sub/.devcontainer/devcontainer.json",
    ".github/workflows/x.yml",
    "sub/.envrc",
    "sub/.env",
    ".pre-commit-config.yaml",
    "sub/sitecustomize.py",
    "usercustomize.py",
    "lib/sitecustomize/__init__.py",
    "lib/x.pth",
    ".ipython/profile_default/startup/00.py",
    "a/b/.ipython/profile_x/startup/00.py",
    "profile_default/startup/00.py",
    "ipython_config.py",
    "sub/jupyter_server_config.json",
    "kernels/x/kernel.json",
    ".jupyter/custom/custom.js",
    ".bashrc",
    ".ssh/authorized_keys",
    "sub/.VSCode/tasks.json",
    "sub/.g\u200cit/config",
    "sub/.git./config",
    "GIT~1/config",
    "inner/../.envrc",
    "inner/.vscode/tasks.json",
    ".git/../.git/config",
]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("tool", ["Write", "Edit"])
def test_file_that_other_programs_run_asks_at_any_depth(tool: str, path: str, workspace: Workspace) -> None:
    asked = decide(tool, {"file_path": path}, workspace, "edit", TOOLS)
    assert isinstance(asked, Ask)
    assert "other programs" in asked.reason


def test_file_that_other_programs_run_asks_under_either_name_of_a_link(workspace: Workspace) -> None:
    (workspace.root / ".vscode").symlink_to(workspace.root / "sub")
    (workspace.root / ".git").mkdir()
    (workspace.root / "notes").symlink_to(workspace.root / ".git")
    for path in (".vscode/tasks.json", "notes/config"):
        assert isinstance(decide("Write", {"file_path": path}, workspace, "edit", TOOLS), Ask)


@pytest.mark.parametrize(
    "path", ["git/x", "hooks/useState.ts", "env.py", "conftest.py", "sub/config.py", "profile.py", "startup/x.py", "claude/settings.json", "head.py"]
)  # fmt: skip
def test_ordinary_file_does_not_ask(path: str, workspace: Workspace) -> None:
    assert decide("Write", {"file_path": path}, workspace, "edit", TOOLS) == Allow()


@pytest.mark.parametrize("tool", ["WebFetch", "NotebookEdit", "mcp__other__tool", "KillShell", ""])
@pytest.mark.parametrize("mode", MODES)
def test_unknown_tool_is_denied(tool: str, mode: Mode, workspace: Workspace) -> None:
    assert isinstance(decide(tool, {}, workspace, mode, TOOLS), Deny)


def test_bash_always_asks(workspace: Workspace) -> None:
    assert isinstance(decide("Bash", {"command": "ls"}, workspace, "edit", TOOLS), Ask)


def test_question_goes_to_the_user(workspace: Workspace) -> None:
    assert isinstance(decide(QUESTION, {}, workspace, "read-only", TOOLS), Ask)


def test_read_only_offers_nothing_that_changes() -> None:
    assert set(offered_tools("read-only", bash=True, subagents=True)) == {
        "Read",
        "Glob",
        "Grep",
        QUESTION,
        *PLAN_TOOLS,
    }
    assert not offers_run_code("read-only")


def test_bash_and_subagents_are_off_unless_switched_on() -> None:
    assert not {"Bash", "Agent"} & set(offered_tools("edit"))
    assert {"Bash", "Agent"} <= set(offered_tools("edit", bash=True, subagents=True))


def test_tool_that_is_switched_off_is_neither_offered_nor_allowed(workspace: Workspace) -> None:
    only_code = offer_of(AgentConfig(workspace=workspace.root, tools=Offer(frozenset({"run_code", "Read"}))))
    no_code = offer_of(
        AgentConfig(workspace=workspace.root, tools=Offer(off=frozenset({"run_code", QUESTION})))
    )
    assert set(offered_tools("edit", offer=only_code)) == {"Read", QUESTION, *PLAN_TOOLS}
    assert QUESTION not in offered_tools("edit", offer=no_code)
    for offer, tool, is_allowed in (
        (only_code, "Read", True), (only_code, "Write", False), (only_code, "mcp__neuroworkflow__run_code", True),
        (no_code, "Write", True), (no_code, "mcp__neuroworkflow__run_code", False),
    ):  # fmt: skip
        arguments = {"file_path": "a.txt", "content": "", "code": ""}
        tools = Registry(TOOLS.servers, offer)
        assert (tools.find(tool) is not None) == (is_allowed and tool.startswith("mcp"))
        decided = decide(tool, arguments, workspace, "edit", tools)
        assert decided == (
            Allow() if is_allowed else Deny(f"The tool {short_name(tool)!r} is switched off here.")
        )


@pytest.fixture
def odd_files(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A pipe, links to it and to a device, and a socket, in the workspace."""
    os.mkfifo(workspace.root / "pipe")
    (workspace.root / "sub" / "alias").symlink_to(workspace.root / "pipe")
    monkeypatch.chdir(workspace.root)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
    return workspace


@pytest.mark.parametrize("path", ["pipe", "sub/alias", "socket", "sub"])
@pytest.mark.parametrize("tool", ["Read", "Write", "Edit"])
@pytest.mark.parametrize("mode", MODES)
def test_only_regular_files_are_read_or_written(
    tool: str, path: str, mode: Mode, odd_files: Workspace
) -> None:
    denied = decide(tool, {"file_path": path}, odd_files, mode, TOOLS)
    assert isinstance(denied, Deny)
    if mode == "edit":
        assert "regular file" in denied.reason or "is a directory" in denied.reason


def test_search_of_a_pipe_is_denied_and_of_a_directory_is_not(odd_files: Workspace) -> None:
    for path in ("pipe", "sub/alias", "socket"):
        assert isinstance(decide("Grep", {"pattern": "x", "path": path}, odd_files, "edit", TOOLS), Deny)
    for path in ("file.txt", "sub", "."):
        assert decide("Grep", {"pattern": "x", "path": path}, odd_files, "edit", TOOLS) == Allow()


def test_device_is_not_read() -> None:
    assert isinstance(decide("Read", {"file_path": "null"}, Workspace(Path("/dev")), "edit", TOOLS), Deny)


PARTS = st.sampled_from(["..", ".", "sub", "link", "inner", "a", "~", "//", "\u202e", " ", "C:", "x" * 300])


@settings(max_examples=tiers.count(300))
@given(parts=st.lists(PARTS, min_size=1, max_size=8), absolute=st.booleans())
def test_allowed_write_never_lands_outside(
    parts: list[str], absolute: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp() / "property"
    root = base / "work"
    if not root.exists():
        (root / "sub").mkdir(parents=True)
        (base / "outside").mkdir()
        (root / "link").symlink_to(base / "outside")
        (root / "inner").symlink_to(root / "sub")
    path = "/".join([str(root)] * absolute + parts)
    if decide("Write", {"file_path": path}, Workspace(root.resolve()), "edit", TOOLS) == Allow():
        real = Path(os.path.realpath(root / Path(path).expanduser()))
        assert real == root.resolve() or root.resolve() in real.parents


def asked_for(workspace: Workspace, mode: Mode, calls: list[tuple[str, dict[str, Any]]]) -> list[int]:
    """Which of the calls the user is asked about, when they say "for this session" each time."""
    asked: list[dict[str, Any]] = []

    async def ask_user(_tool: str, _id: str | None, tool_input: dict[str, Any], _asked: Ask) -> Answer:
        asked.append(tool_input)
        return Answer(True, remember=True)

    async def make_all() -> list[int]:
        found = []
        for index, (tool, tool_input) in enumerate(calls):
            await gate.can_use_tool(tool, tool_input, ToolPermissionContext())
            found += [index] * len(asked)
            asked.clear()
        return found

    servers = UserServers({}, {}, workspace.root)
    gate = Gate(workspace, mode, ask_user, TOOLS, servers, lambda _: None, lambda: asyncio.sleep(0))
    return asyncio.run(make_all())


HOOK = ("Write", {"file_path": ".git/hooks/post-checkout", "content": "x"})


@pytest.mark.parametrize("mode", ["ask", "edit"])
def test_leave_for_the_session_never_covers_protected_files(mode: Mode, workspace: Workspace) -> None:
    harmless = ("Write", {"file_path": "a.txt", "content": "x"})
    asked = asked_for(workspace, mode, [harmless, harmless, HOOK, HOOK, ("Write", {"file_path": ".envrc"})])
    assert asked == ([0, 2, 3, 4] if mode == "ask" else [2, 3, 4])


def test_leave_for_the_session_is_for_one_tool(workspace: Workspace) -> None:
    bash, code = ("Bash", {"command": "ls"}), (RUN_CODE, {"code": "1"})
    assert asked_for(workspace, "ask", [bash, bash, code, code, HOOK]) == [0, 2, 4]


def test_call_that_cannot_be_shown_is_not_asked_about(workspace: Workspace) -> None:
    long = {"code": "x" * 300_000}
    assert asked_for(workspace, "ask", [(RUN_CODE, long)]) == []
    assert asked_for(workspace, "edit", [(RUN_CODE, long)]) == []
