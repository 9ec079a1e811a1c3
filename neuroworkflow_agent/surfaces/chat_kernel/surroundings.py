"""`%context` and `%subkernel`: another kernel, other skills and tools, code that is run first, for a session that goes on.

A `Surroundings` belongs to its conversation and lives on the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuroworkflow_agent.contexts import Context, find_contexts
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import AgentError, ConfigError
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.markdown import render_html, render_text
from neuroworkflow_agent.render.parts import Rendered
from neuroworkflow_agent.surfaces.chat_kernel.specs import all_specs, find_spec
from neuroworkflow_agent.surfaces.turn_errors import TurnStoppedError
from neuroworkflow_agent.text import one_line, show_invisible

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.chat import Chat
    from neuroworkflow_agent.surfaces.chat_kernel.kernel_client import SubkernelClient
    from neuroworkflow_agent.surfaces.chat_kernel.relay import Relay
    from neuroworkflow_agent.surfaces.chat_kernel.screen import Screen

HELP = """
%context [NAME]        choose a context: subkernel, skills, tools, code that is
                       run first; without NAME list them, with --none choose
                       none
%subkernel [NAME]      have code run in another kernel, such as ir for R;
                       without NAME list them
%lint [NOTEBOOK]       what makes the results of a notebook doubtful"""

_NO_CONTEXT = "--none"
_QUESTION = "Run this code whenever the context is chosen, as long as it stays as it is? [y]es, [n]o: "


class SetupFailedError(AgentError):
    """A context's code did not run to its end; the context is chosen all the same."""


class Surroundings:
    """What the session of one chat kernel is about.

    Parameters
    ----------
    relay
        Where the subkernel is.
    chat
        Whose skills and tools change.
    kernel
        Where a context's code runs.
    """

    def __init__(self, relay: Relay, chat: Chat, kernel: SubkernelClient) -> None:
        self._relay, self._chat, self._kernel = relay, chat, kernel
        self.context: Context | None = None
        """The one that is chosen."""

    def context_line(self, name: str, screen: Screen) -> None:
        """Do what `%context` says.

        Raises
        ------
        AgentError
            If it cannot be done; nothing has changed then, but for a `SetupFailedError`.
        """
        found = find_contexts(self._chat.config.workspace)
        if not name:
            rows = [
                f"{each.name}{' (chosen)' if self._is_chosen(each) else ''}: {each.title}"
                for each in found.contexts.values()
            ]
            screen.show(_list("Choose a context with '%context NAME'; there are:", [*rows, *found.skipped]))
            return
        context = Context("", Path()) if name == _NO_CONTEXT else found.find(name)
        self._require_approval(context, screen)
        is_another = context.subkernel is not None and self._switch(context.subkernel, screen)
        self._chat.offer(skills=context.skills, tools=context.tools)
        self.context = context if context.name else None
        self._show_context(screen.show_instead if is_another else screen.show)
        self._chat.tell_beside(
            f"The user has chosen the context {context.title!r}."
            if context.name
            else "The user has chosen no context."
        )
        self._set_up(screen)

    def subkernel_line(self, name: str, screen: Screen) -> None:
        """Do what `%subkernel` says.

        Raises
        ------
        AgentError
            If it cannot be done; nothing has changed then, but for a `SetupFailedError`.
        """
        if not name:
            rows = [
                f"{each.name}{' (current)' if each.name == self._relay.keeper.name else ''}: {each.display_name}"
                for each in all_specs()
                if not each.is_chat_kernel
            ]
            screen.show(_list("Have code run in another kernel with '%subkernel NAME'; there are:", rows))
            return
        is_another = self._switch(name, screen)
        if is_another:
            self._chat.offer()
        (screen.show_instead if is_another else screen.show)(
            parts.notice(f"Code runs in {self._relay.keeper.name!r} now: {self._relay.language}.")
        )
        self._set_up(screen)

    # -- small parts ----------------------------------------------------------------------------------

    def _is_chosen(self, context: Context) -> bool:
        return self.context is not None and self.context.name == context.name

    def _show_context(self, show: Callable[[Rendered], None]) -> None:
        if self.context is None:
            show(parts.notice("No context is chosen; all skills and tools are there."))
            return
        chosen = f"{self.context.title}. Code runs in {self._relay.keeper.name!r}."
        prompts = [f"%chat {each}" for each in self.context.examples]
        show(_list(f"{chosen} To begin with:" if prompts else chosen, prompts))

    def _require_approval(self, context: Context, screen: Screen) -> None:
        """Have the user approve a context's code, unless they have.

        Raises
        ------
        ConfigError
            If they do not, or nobody can be asked.
        """
        if context.is_approved:
            return
        screen.show(_code(f"The context {context.name!r} brings code, from '{context.file}':", context))
        if screen.ask is not None:
            try:
                reply = screen.ask(_QUESTION, is_over=lambda: False)
            except KeyboardInterrupt:
                raise TurnStoppedError("Stopped.", end="interrupted") from None
            if reply.strip().casefold() not in ("y", "yes"):
                raise ConfigError(f"The context {context.name!r} is not chosen: its code is not approved.")
            context.approve()
        elif not self._chat.config.allow_context:
            raise ConfigError(
                f"The context {context.name!r} is not chosen: its code is not approved, and nobody can be asked here. "
                "Read it, then use 'run --allow-context', or set NEUROWORKFLOW_ALLOW_CONTEXT=1."
            )

    def _switch(self, name: str, screen: Screen) -> bool:
        """Have another subkernel, unless it is the one there is; whether it is another."""
        spec = find_spec(name)
        if spec.name == self._relay.keeper.name:
            return False
        if spec.is_chat_kernel:
            raise ConfigError(f"{name!r} is itself a chat kernel. Name the kernel in which code should run.")
        screen.show(parts.notice(f"Starting {name!r} …"))
        screen.wait(self._relay.switch(spec.name))
        self._chat.tell_beside(
            f"Code now runs in another kernel, {name!r}, in {self._relay.language}. Its namespace is empty; what was in the one before is gone."
        )
        return True

    def _set_up(self, screen: Screen) -> None:
        """Run the chosen context's code for the current language."""
        code = self.context.setup.get(self._relay.language) if self.context is not None else None
        self._relay.run_first(code or "")
        if self.context is None or code is None:
            return
        running = shared_portal().submit(self._kernel.execute(code, on_output=screen.show_output))
        execution = screen.wait(running)
        if execution.status != "ok":
            why = f": {execution.error.ename}: {execution.error.evalue}" if execution.error else ""
            raise SetupFailedError(
                one_line(f"The context is chosen, but its code did not run to its end{why}", 400)
            )


def _list(head: str, lines: Sequence[str]) -> Rendered:
    return parts.listing(show_invisible(head), [show_invisible(each) for each in lines])


def _code(head: str, context: Context) -> Rendered:
    """A context's code, every character of it visible."""
    shown = show_invisible(f"{head}\n\n{context.code}")
    return Rendered(render_html(shown), render_text(shown))
