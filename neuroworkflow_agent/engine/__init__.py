"""The conversation with Claude: knows the SDK, knows no surface."""
