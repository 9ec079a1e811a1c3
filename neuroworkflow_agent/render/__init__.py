"""Markdown and the parts of a transcript as safe HTML and as text, shared by every surface."""
