"""How every bench tells its result: lines for a person, and a file for a machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the option that every bench has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    return parser


def report(bench: str, figures: Mapping[str, float], file: Path | None) -> None:
    """Print ``figures``, and write them to ``file`` if there is one."""
    for name, value in figures.items():
        print(f"{name:32} {value:12,.1f}")
    if file is not None:
        content = {"bench": bench, "machine": machine(), "figures": dict(figures)}
        file.write_text(json.dumps(content, indent=2) + "\n")


def machine() -> str:
    """What the figures were measured on, as far as it matters."""
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
