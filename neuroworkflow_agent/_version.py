"""The package's version, which every module may import."""

__version__ = "0.1.0.dev0"
