"""What a turn changed, and how to take it back: files, cells, variables."""
