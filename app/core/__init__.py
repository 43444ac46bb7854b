"""See ``app``."""
