"""Reading a TOML table strictly: each complaint is one line that names the key and what it wants.

Values are never repeated in a complaint: one of them is a password.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any


class SettingsError(ValueError):
    """A setting is missing, wrong or unknown; the text names it."""


class Table:
    """One table of the file. Take what is known from it, then ``done`` refuses the rest."""

    def __init__(self, values: dict[str, Any], name: str, folder: Path) -> None:
        self._values = dict(values)
        self._name = name
        self._folder = folder

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._take(key, expected)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.wrong(key, expected)
        return value

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        expected = "one of " + ", ".join(f'"{value}"' for value in sorted(allowed))
        value = self._take(key, expected, default)
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(key, expected)
        return value

    def choices(self, key: str, allowed: Collection[str]) -> tuple[str, ...]:
        """At least one, each once."""
        names = ", ".join(f'"{value}"' for value in sorted(allowed))
        expected = f"a list of {names}"
        values = self._take(key, expected)
        if not isinstance(values, list) or not values:
            raise self.wrong(key, expected)
        if not all(isinstance(value, str) and value in allowed for value in values):
            raise self.wrong(key, expected)
        return tuple(dict.fromkeys(values))

    def truth(self, key: str, *, default: bool) -> bool:
        value = self._take(key, "true or false", default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        expected = f"a whole number from {least} to {most}"
        value = self._take(key, expected, default)
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(key, expected)
        return value

    def path(self, key: str) -> Path:
        """Relative to the folder of the file itself."""
        value = self._take(key, "a path")
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a path")
        return self._folder / value

    def file(self, key: str) -> Path:
        path = self.path(key)
        if not path.is_file():
            raise self.wrong(key, f"an existing file, and {path} is none")
        return path

    def table(self, key: str, *, optional: bool = False) -> Table:
        value = self._take(key, "a table", {} if optional else None)
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return Table(value, f"{self._name}{key}.", self._folder)

    def tables(self, key: str) -> list[Table]:
        expected = f"at least one [[{key}]] table"
        values = self._take(key, expected)
        if not isinstance(values, list) or not values:
            raise self.wrong(key, expected)
        if not all(isinstance(value, dict) for value in values):
            raise self.wrong(key, expected)
        return [
            Table(value, f"{self._name}{key}[{position}].", self._folder)
            for position, value in enumerate(values)
        ]

    def done(self) -> None:
        """Everything known was taken: what is left is a typing error."""
        for key in sorted(self._values):
            raise SettingsError(f"{self._name}{key}: unknown key")

    def wrong(self, key: str, expected: str) -> SettingsError:
        return SettingsError(f"{self._name}{key}: expected {expected}")

    def _take(self, key: str, expected: str, default: Any = None) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            raise SettingsError(f"{self._name}{key}: missing; expected {expected}")
        return value
