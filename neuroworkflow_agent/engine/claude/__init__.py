"""Claude Code and its SDK: the only place that names `claude_agent_sdk`."""
