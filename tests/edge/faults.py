"""What the tests of the fault table share: how children are answered, how a gate is walled in."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.edge.gate import Gate, card

# Seconds. We promise 0.15; the rest is for a machine that runs other tests beside this one.
PROMISE = 0.6

_IN_ITS_OWN_NETWORK = """
mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && shift 2 && exec "$@"
"""


def answers(gate: Gate, students: Sequence[int]) -> list[dict[str, Any]]:
    """How these students' cards are answered, one after the other, each in the promised time."""
    told, took = [], []
    gate.take_away()  # which waits for an agent that is still starting
    for student in students:
        started = time.monotonic()
        gate.reader.put(card(student))
        told.append(gate.answers.next())
        took.append(time.monotonic() - started)
        gate.take_away()
    assert statistics.median(took) < PROMISE, took
    return told


def patterns(gate: Gate, students: Sequence[int]) -> set[str]:
    return {answer["pattern"] for answer in answers(gate, students)}


def in_its_own_network(folder: Path, python: str) -> tuple[tuple[str, ...], Path]:
    """A command that runs ``python`` where names are only those of a file; and that file."""
    hosts, servers = folder / "hosts", folder / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    servers.write_text("nameserver 127.0.0.1\n")  # where nobody listens: an answer at once
    shell = ("sh", "-c", _IN_ITS_OWN_NETWORK, "sh", str(hosts), str(servers), python)
    return ("unshare", "--map-root-user", "--mount", *shell), hosts
