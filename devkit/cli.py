"""The command line of ``./dev``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from devkit import checks, database, up
from devkit.errors import DevError
from devkit.places import INSTALLED
from devkit.state import State

Command = Callable[[argparse.Namespace], int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the command; a problem that a person can solve is one sentence, no trace."""
    own, passed_on = _divide(sys.argv[1:] if arguments is None else arguments)
    given = _parser().parse_args(own or ["--help"])
    given.passed_on = passed_on
    try:
        return given.command(given) or 0
    except DevError as error:
        print(error, file=sys.stderr)
    except PermissionError as error:
        print(f"{error}\nIt was made by another user; delete it as that user.", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return 1


def _divide(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is for us, and what goes to pytest or to a bench as it is, options too."""
    own = {"test": 1, "bench": 2}.get(arguments[0] if arguments else "", len(arguments))
    if arguments[1:2] in (["-h"], ["--help"]):
        own = len(arguments)
    return arguments[:own], arguments[own:]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="Run, test and check the project.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, meaning: str, command: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=meaning, description=meaning)
        added.set_defaults(command=command)
        return added

    starting = _with_state(add("up", "start everything and supervise it; Ctrl-C stops it", _up))
    starting.add_argument("--detach", action="store_true", help="return once everything is ready")
    starting.add_argument("--fresh", action="store_true", help="forget all data first")
    status = _with_state(add("status", "what runs, where, and as whom to sign in", _status))
    status.add_argument("--json", action="store_true", help="for programs")
    _with_state(add("down", "stop what ./dev up started", lambda given: up.down(given.state)))
    _with_state(
        add(
            "migrate",
            "bring the database to the newest schema",
            lambda g: database.migrate(g.state),
        )
    )
    _with_state(
        add("seed", "make the demo school unless it is there", lambda g: database.seed(g.state))
    )
    testing = add("test", "run the tests; what follows goes to pytest", _test)
    testing.usage = "./dev test [PYTEST ARGUMENTS]"
    add("check", "format, lint, types, shell scripts, compose file", lambda _: checks.check())
    benching = add("bench", "run a bench; without a name, list them", _bench)
    benching.usage = "./dev bench [NAME [--json FILE] [ARGUMENTS OF THE BENCH]]"
    benching.add_argument("name", nargs="?")
    return parser


def _with_state(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--state",
        type=lambda given: State(Path(given).absolute()),
        default=State(INSTALLED),
        metavar="FOLDER",
        help="where data, logs and ports of this stack are kept (default: .dev)",
    )
    return parser


def _up(given: argparse.Namespace) -> None:
    if given.fresh:
        up.forget(given.state)
    if given.detach:
        up.up_detached(given.state)
    else:
        up.up(given.state)


def _status(given: argparse.Namespace) -> int:
    return up.status_json(given.state) if given.json else up.status(given.state)


def _test(given: argparse.Namespace) -> int:
    return checks.test(given.passed_on)


def _bench(given: argparse.Namespace) -> int:
    return checks.bench(given.name, given.passed_on)
