"""Which Messages API endpoint serves a session."""
