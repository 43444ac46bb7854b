"""Remembering what a step was done with, so that it is done again only when that has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


class Stamp:
    """The state of some inputs when a step was last done, kept in ``file``."""

    def __init__(self, file: Path, inputs: Iterable[Path]) -> None:
        """``inputs`` are files, or folders with all their files."""
        self._file = file
        self._inputs = sorted(set(inputs))

    def is_current(self) -> bool:
        return self._file.exists() and self._file.read_text() == self._digest()

    def set(self) -> None:
        """Call after the step has been done, never before."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(self._digest())

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in self._files():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"\0{path}\0{content}".encode())
        return digest.hexdigest()

    def _files(self) -> Iterable[Path]:
        for path in self._inputs:
            if path.is_dir():
                yield from sorted(file for file in path.rglob("*") if file.is_file())
            elif path.exists():
                yield path
