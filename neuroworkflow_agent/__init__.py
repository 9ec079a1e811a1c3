"""An agent that lives in your Jupyter kernel."""

__version__ = "0.1.0.dev0"
