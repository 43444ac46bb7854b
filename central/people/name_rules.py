"""How names are compared: as people type them, in a hurry and without accents."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """``text`` in lower case, without accents, with single spaces. ``Muñoz`` is ``munoz``."""
    letters = unicodedata.normalize("NFD", text.lower())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(plain.split())
