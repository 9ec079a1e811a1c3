"""The agent for clients of the Agent Client Protocol: Zed, jupyter-ai and others."""
