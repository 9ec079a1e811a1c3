"""Notebooks for any MCP client: tools and resources over stdio, over HTTP and as commands."""
