"""Kept for the deployment's documented commands; the backend is ``central``."""
