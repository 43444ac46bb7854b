"""``./dev up``, ``status`` and ``down``: everything on this machine, supervised."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from devkit import screen
from devkit.console import say, step
from devkit.errors import DevError
from devkit.install import ensure_everything
from devkit.process import last_lines
from devkit.session import Session
from devkit.stack import Stack
from devkit.state import State


def up(state: State) -> None:
    """Run in the foreground until Ctrl-C or ``./dev down``."""
    _prepare(state)
    Session(state).run(lambda run: say(f"{screen.overview(run)}\n\nCtrl-C stops everything."))


def up_detached(state: State) -> None:
    """Return when everything is ready; it goes on running without this terminal."""
    _prepare(state)
    log = state.log("supervisor")
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _run_as_daemon(state, log, writing)
    os.close(writing)
    with step("starting everything"), os.fdopen(reading) as answer:
        overview = answer.read()  # until the daemon has answered, or has ended without
        if not overview:
            raise DevError(f"It did not start; the end of {log}:\n{last_lines(log)}")
    say(f"{overview}\n\n./dev down stops everything.")


def forget(state: State) -> None:
    """Remove the data, the demo and the secrets of a stack that does not run."""
    if state.run() is not None:
        raise DevError("It is running; stop it first: ./dev down")
    state.sweep_stale_run()
    Stack(state).postgres.destroy()
    state.clear()


def down(state: State) -> None:
    with step("stopping everything"):
        stopped = state.stop_run()
    left = state.sweep_stale_run()
    if left:
        say(f"  ended what a run that was cut short had left: {', '.join(left)}")
    elif not stopped:
        say("  nothing was running")


def status(state: State) -> int:
    """Print what runs; 0 if everything does, 1 if not."""
    run = state.run()
    say(screen.overview(run) if run else "Nothing is running; ./dev up starts it.")
    return 0 if run and run["ready"] else 1


def status_json(state: State) -> int:
    """As ``status``, for programs."""
    run = state.run()
    say(json.dumps({"running": run is not None, **_public(run or {})}, indent=2))
    return 0 if run and run["ready"] else 1


def _public(run: dict[str, Any]) -> dict[str, Any]:
    """A record without what only tells a process from a later one of its number."""
    shown = dict(run)
    if "supervisor" in shown:
        shown["supervisor"] = {"pid": run["supervisor"][0]}
        shown["processes"] = [
            {key: value for key, value in process.items() if key != "identity"}
            for process in run["processes"]
        ]
    return shown


def _prepare(state: State) -> None:
    run = state.run()
    if run is not None:
        raise DevError(f"It is running already, at {run['urls']['app']}; see ./dev status")
    for name in state.sweep_stale_run():
        say(f"  ended {name}, left by a run that was cut short")
    ensure_everything()
    state.rotate_logs()


def _run_as_daemon(state: State, log: Path, writing: int) -> None:
    """Never returns: ends the forked process."""
    os.setsid()
    with log.open("ab") as file, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    answer = os.fdopen(writing, "w")

    def tell_parent(run: dict[str, object]) -> None:
        answer.write(screen.overview(run))
        answer.close()

    try:
        Session(state).run(tell_parent)
    except DevError as error:
        say(str(error))
        sys.exit(1)
    sys.exit(0)
