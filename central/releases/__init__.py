"""Releases of the gates' software, and how they reach the gates of a school step by step."""
