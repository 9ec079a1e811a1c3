"""NeuroWorkflow nodes: read, checked, listed and connected, with no kernel and no model."""
