"""Sessions with Claude and their turns; knows no surface."""
