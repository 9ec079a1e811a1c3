"""How people meet the agent: each parses, renders, and does nothing else."""
