"""``./dev migrate`` and ``./dev seed``, whether or not everything is running."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from devkit import programs
from devkit.console import say
from devkit.install import ensure_everything
from devkit.shell import inherited
from devkit.stack import Stack
from devkit.state import State


def migrate(state: State) -> int:
    """Bring the private database to the newest schema.

    In the container image, which names its Alembic configuration, the deployment's database.
    """
    if "ALEMBIC_CONFIG" in os.environ and shutil.which("alembic") is not None:
        return subprocess.run(
            ["alembic", "upgrade", "head"], env=inherited(), check=False
        ).returncode
    with _database(state) as stack:
        say(programs.migrate(stack).strip())
    return 0


def seed(state: State) -> None:
    """Make the demo school in the private database and write its files anew."""
    with _database(state) as stack:
        programs.migrate(stack)
        say(programs.seed(stack).strip())


@contextmanager
def _database(state: State) -> Iterator[Stack]:
    """The stack with its PostgreSQL running: the one that runs already, or for this long."""
    ensure_everything()
    if state.run() is not None:
        yield Stack(state)
        return
    state.sweep_stale_run()
    state.logs.mkdir(parents=True, exist_ok=True)
    stack = Stack(state)
    with stack.postgres:
        yield stack
