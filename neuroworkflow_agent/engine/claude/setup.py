"""What the `claude` process of a session is started with: prompt, skills, tools, gate, history.

A `ProcessSetup` belongs to its session and makes what one process after another is started with; the tools keep what
they know between processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from neuroworkflow_agent.config import AgentConfig, Mode
from neuroworkflow_agent.credentials import sign_in_file
from neuroworkflow_agent.engine.node_checks import NodeChecks
from neuroworkflow_agent.engine.permissions import AskUser, offer_of
from neuroworkflow_agent.engine.prompts import system_prompt
from neuroworkflow_agent.errors import GatewayError
from neuroworkflow_agent.events import CellEnd, CellOutput, CellStart, FileChange, Notice
from neuroworkflow_agent.ids import SessionId, ToolUseId
from neuroworkflow_agent.kernels.base import Execution, Kernel
from neuroworkflow_agent.outputs import OutputChange
from neuroworkflow_agent.text import redact
from neuroworkflow_agent.tools.registry import (
    MCP_SERVER,
    RUN_CODE,
    WORKFLOW_SERVER,
    Registry,
    Tool,
    called_name,
)
from neuroworkflow_agent.tools.turn_watch import TurnWatch, Unwatched
from neuroworkflow_agent.tools.user_servers import UserServers
from neuroworkflow_agent.tools.variables import inspect_variables
from neuroworkflow_agent.workspace import Workspace

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, McpSdkServerConfig

    from neuroworkflow_agent.engine.claude.options import PlainOptions
    from neuroworkflow_agent.engine.claude.process import Start
    from neuroworkflow_agent.instructions import Instructions
    from neuroworkflow_agent.notebooks.document import NotebookDocument
    from neuroworkflow_agent.skills import SkillSet
    from neuroworkflow_agent.tools.notebook import NotebookTools
    from neuroworkflow_agent.tools.run_code import RunCode
    from neuroworkflow_agent.tools.verify import VerifyNotebook
    from neuroworkflow_agent.tools.workflow import WorkflowTools


class ProcessSetup:
    """Makes what a session's processes are started with.

    Parameters
    ----------
    config
        The session's settings.
    kernel
        Where code runs; None offers no `run_code`.
    document
        The notebook whose cells the agent sees and edits; None offers no tools for cells.
    ask_user
        Asked by the gate.
    emit
        Called with what the tools have to tell of a turn.
    before_answer, watch
        As for `Gate`.
    pinned
        As for `build_options`.
    """

    def __init__(
        self,
        config: AgentConfig,
        kernel: Kernel | None,
        document: NotebookDocument | None,
        ask_user: AskUser,
        emit: Callable[[FileChange | CellStart | CellOutput | CellEnd | Notice], None],
        before_answer: Callable[[], Awaitable[None]],
        pinned: Callable[[], Awaitable[str]],
        watch: TurnWatch | None = None,
    ) -> None:
        self._pinned = pinned
        self._watch = watch or Unwatched()
        self.config = config
        """The session's settings, as they are now."""
        self._kernel = kernel
        self._document = document
        self._cells: NotebookTools | None = None
        self.verifier: VerifyNotebook | None = None
        """Runs the notebook anew, once a process was made that may run code."""
        self._ask_user = ask_user
        self._emit = emit
        self._before_answer = before_answer
        self.code: RunCode | None = None
        """The tool, once a process was made that offers it."""
        self._workflow: WorkflowTools | None = None
        self._user_servers = UserServers(config.mcp_servers, config.environ, config.workspace)
        self._notices: dict[str, bool] = {}
        """What the user should know of instructions and skills, and whether they do."""
        self.nodes = NodeChecks(
            Workspace(config.workspace),
            lambda: self.config.harmless_environ,
            self._secrets,
            lambda text: self._emit(Notice(text)),
        )
        """Node files of the turn."""

    @property
    def edit_count(self) -> int:
        """How many edits of cells the agent has made so far."""
        return self._document.edit_count if self._document is not None else 0

    async def refresh(self) -> tuple[bool, str]:
        """Look whether the next process would be given other tools; also say what stood in the way."""
        url = self.config.now("NEUROWORKFLOW_BACKEND_URL")
        try:
            # A file or a function of the user's may take its time.
            token = await asyncio.to_thread(self._current_user_token) if url else ""
        except GatewayError as error:
            return False, str(error)
        if not token:
            had_some, self._workflow = bool(self._workflow and self._workflow.tools), None
            return had_some, ""
        from neuroworkflow_agent.tools.workflow import WorkflowTools

        if self._workflow is None:
            self._workflow = WorkflowTools(url, self._current_user_token, self._secrets)
        try:
            changed = await self._workflow.refresh()
        except GatewayError as error:
            return False, str(error)
        return changed, self._workflow.trouble

    def _prepare_skills(self) -> SkillSet:
        from neuroworkflow_agent import skills

        config = self.config
        if config.skills_dir is not None:
            skill_set = skills.prepare(config.skills_dir, config.workspace, trusted=True, offer=config.skills)
            skipped = skill_set.skipped
        else:
            found = skills.find_skills_dir(config.workspace)
            skill_set = skills.prepare(found.directory, config.workspace, offer=config.skills)
            skipped = (*found.skipped, *skill_set.skipped)
        self._notices |= {notice: self._notices.get(notice, False) for notice in skipped}
        return skill_set

    def _find_instructions(self) -> Instructions:
        from neuroworkflow_agent.instructions import find_instructions

        found = find_instructions(self.config.workspace)
        self._notices |= {notice: self._notices.get(notice, False) for notice in found.notices}
        return found

    def new_notices(self) -> list[str]:
        """What the user does not know yet of instructions and of skills that were skipped; known by this."""
        new = [notice for notice, is_told in self._notices.items() if not is_told]
        self._notices |= dict.fromkeys(new, True)
        return new

    def _current_user_token(self) -> str:
        return self.config.current_user_token()

    def _secrets(self) -> frozenset[str]:
        return self.config.secrets

    def _tools(self) -> Registry:
        code: tuple[Tool, ...] = (self.code.tool, *self.code.detachments.tools) if self.code else ()
        workflow = self._workflow.tools if self._workflow else ()
        cells = self._cells.offered if self._cells else ()
        namespace = getattr(self._kernel, "namespace", None)
        variables = (inspect_variables(namespace, self._secrets),) if namespace is not None else ()
        verify = (self.verifier.tool,) if self.verifier else ()
        ours = (*code, *variables, *cells, *verify, *self.nodes.tools.offered)
        every = Registry({MCP_SERVER: ours, WORKFLOW_SERVER: workflow}, offer_of(self.config))
        return every.for_reading() if self.config.mode == "read-only" else every

    async def start(
        self,
        environ: Mapping[str, str],
        model: str | None,
        session_id: SessionId,
        *,
        has_history: bool,
        resume: SessionId | None,
    ) -> Start:
        """What the next process is started with.

        Parameters
        ----------
        environ
            Variables that lead the CLI to its endpoint.
        model
            What the endpoint calls the model.
        session_id
            The session's id.
        has_history
            Whether it may have been written down under that id.
        resume
            Another session to go on with if it was not.
        """
        from neuroworkflow_agent.engine.claude.home import settle_home
        from neuroworkflow_agent.engine.claude.launcher import detached, find_cli
        from neuroworkflow_agent.engine.claude.options import plain_options
        from neuroworkflow_agent.engine.claude.process import Start
        from neuroworkflow_agent.engine.claude.transcripts import exists
        from neuroworkflow_agent.tools.run_code import RunCode

        await asyncio.to_thread(settle_home)
        config = self.config
        skill_set = await asyncio.to_thread(self._prepare_skills)
        instructions = await asyncio.to_thread(self._find_instructions)
        readable = (skill_set.plugin_dir,) if skill_set.plugin_dir else ()
        if self._kernel is not None and self.code is None:
            self.code = RunCode(
                self._kernel,
                self._emit_start,
                self._emit_output,
                self._emit_end,
                self._secrets,
                config.detach_after_s,
                self._watch,
            )
        if self._document is not None and self._cells is None:
            from neuroworkflow_agent.tools.notebook import NotebookTools

            self._cells = NotebookTools(self._document, self.code, self._secrets)
        if self._document is not None and self.code is not None and self.verifier is None:
            from neuroworkflow_agent.tools.verify import VerifyNotebook

            self.verifier = VerifyNotebook(self._document, lambda: self.config.environ, self._secrets)
        if has_history and await asyncio.to_thread(exists, session_id, config.workspace):
            resume = session_id
        tools = self._tools()
        key_file = sign_in_file()
        plain = plain_options(
            config,
            environ,
            skill_set,
            model=model,
            cli_path=await asyncio.to_thread(lambda: detached(find_cli(config.cli_path))),
            system_prompt=system_prompt(
                mode=config.mode,
                workspace=str(config.workspace),
                has_kernel=tools.find(called_name(MCP_SERVER, RUN_CODE)) is not None,
                has_cells=self._cells is not None,
                language=self._kernel.language if self._kernel else "python",
                has_workflow=bool(tools.servers[WORKFLOW_SERVER]),
                project_id=config.project_id,
                instructions=instructions.followed,
            ),
            servers=[name for name, offered in tools.servers.items() if offered],
            key_file=key_file,
            session_id=session_id,
            resume=resume,
        )
        workspace = Workspace(config.workspace, readable, key_file)
        return Start(plain, lambda given: self._complete(given, workspace, config.mode, tools))

    def _complete(
        self, plain: PlainOptions, workspace: Workspace, mode: Mode, tools: Registry
    ) -> ClaudeAgentOptions:
        """The SDK's options; imports the SDK."""
        from neuroworkflow_agent.engine.claude.hooks import Gate
        from neuroworkflow_agent.engine.claude.options import build_options

        gate = Gate(
            workspace,
            mode,
            self._ask_user,
            tools,
            self._user_servers,
            self._emit_change,
            self._before_answer,
            self._watch,
        )
        return build_options(plain, gate, _servers(tools), self.nodes, self._pinned)

    def _emit_change(self, change: FileChange) -> None:
        self._emit(replace(change, diff=redact(change.diff, self._secrets())))

    def _emit_start(self, tool_use_id: ToolUseId) -> None:
        self._emit(CellStart(tool_use_id))

    def _emit_output(self, tool_use_id: ToolUseId, change: OutputChange) -> None:
        self._emit(CellOutput(tool_use_id, change))

    def _emit_end(self, tool_use_id: ToolUseId, execution: Execution) -> None:
        if self._document is not None and self._kernel is not None and self._kernel.language == "python":
            changes = execution.changes
            seen = (changes.changed, changes.not_looked_at) if changes is not None else ()
            self._document.note_code(execution.source, *seen)
        self._emit(CellEnd(tool_use_id, execution.status, execution.execution_count, execution.duration_s))


def _servers(tools: Registry) -> dict[str, McpSdkServerConfig]:
    from neuroworkflow_agent.tools.server import build_server

    return {
        name: {"type": "sdk", "name": name, "instance": build_server(name, offered)}
        for name, offered in tools.servers.items()
        if offered
    }
