"""Measurements of the parts that must be fast, each run with ``python -m bench.<name>``."""
