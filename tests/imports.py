"""Reading the project's source: what a file imports, calls and spells out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


def files_of(patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()})


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports_of(tree: ast.AST) -> Iterator[str]:
    """What is imported, by full name; ``from a import b`` is ``a.b``, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def matches(module: str, patterns: Iterable[str]) -> bool:
    """Whether ``module`` is, or is inside, one of ``patterns``."""
    return any(_inside(module.split("."), pattern.split(".")) for pattern in patterns)


def _inside(module: list[str], pattern: list[str]) -> bool:
    if len(module) < len(pattern):
        return False
    return all(
        want in ("*", part)
        or (want.endswith("*") and part.startswith(want[:-1]))
        or (want.startswith("*") and part.endswith(want[1:]))
        for part, want in zip(module, pattern, strict=False)
    )


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def spelled(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, docstrings aside."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
