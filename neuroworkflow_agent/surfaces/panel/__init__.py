"""The chat panel: a conversation beside the notebook."""
