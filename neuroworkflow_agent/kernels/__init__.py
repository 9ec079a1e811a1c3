"""Where user code runs: the shell we live in, or any kernel over the wire protocol."""
