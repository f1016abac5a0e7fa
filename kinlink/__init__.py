"""Kinlink: record linkage at family level, without pooling names."""

from importlib.metadata import version

__version__ = version("kinlink")
