"""A run as a directory; checks, verdicts, suites, and as many runs as a cluster holds."""
