"""A Jupyter kernel that hosts the agent and has another kernel, its subkernel, run all code."""
