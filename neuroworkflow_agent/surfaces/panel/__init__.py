"""The chat panel: a session beside the notebook."""
