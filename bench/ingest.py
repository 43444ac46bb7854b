"""Taps a second from the broker to committed rows, days and messages, and back as receipts.

Everything is real: PostgreSQL (durable commits), Mosquitto, Redis and the ingest process. Beside
it, in the same run and in the same unit, a consumer that only acknowledges. Once with full
messages, as gates send after an outage, and once with one tap a message, as on a calm morning.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine, text

from bench.backend import filled_database, ingest_environment, running_ingest
from bench.figures import arguments, report
from bench.flood import Gates
from bench.nation import Nation
from central.settings import Settings
from contracts.messages import MAX_TAPS
from devkit.servers import CENTRAL_USERS, Mosquitto, Postgres, Redis, free_port


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--taps", type=int, default=60_000, help="in full messages (60000)")
    parser.add_argument("--singles", type=int, default=15_000, help="one a message (15000)")
    parser.add_argument("--schools", type=int, default=200)
    parser.add_argument("--students", type=int, default=1000, help="a school (1000)")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="cProfile of ingest")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attendance-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as somebody else when this runs as root
        postgres = stack.enter_context(Postgres(folder / "postgres", free_port()))
        users = {user: user for user in CENTRAL_USERS}
        broker = stack.enter_context(Mosquitto(folder / "mosquitto", free_port(), users))
        redis = stack.enter_context(Redis(folder / "redis", free_port()))
        environment = ingest_environment(postgres, broker, redis)
        owner = filled_database(
            Settings.from_env(environment), Nation(given.schools, given.students)
        )
        gates = stack.enter_context(Gates(broker, Nation(given.schools, given.students)))
        figures: dict[str, float] = {}
        runs = (("", given.taps, MAX_TAPS), ("_single", given.singles, 1))
        for suffix, taps, size in runs:  # first: once ingest has a session, it gets these too
            figures[f"null_consumer_per_s{suffix}"] = _null_run(broker, gates, taps, size)
        for suffix, taps, size in runs:
            with running_ingest(environment, folder / "ingest.log", given.profile):
                before = _written(owner)
                figures[f"taps_per_s{suffix}"] = _ingest_run(gates, taps, size)
                after = _written(owner)
            for table, rows in after.items():
                figures[f"{table}_written{suffix}"] = rows - before[table]
        owner.dispose()
        report("ingest", figures, given.json)


def _null_run(broker: Mosquitto, gates: Gates, taps: int, size: int) -> float:
    messages = gates.prepare(f"null-{size}", taps, per_message=size)
    argv = [sys.executable, "-m", "bench.null_consumer"]
    argv += [broker.host, str(broker.port), str(len(messages))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        consumer.stdout.readline()
        began = gates.send(messages)
        ended = float(consumer.stdout.readline())
    return taps / (ended - began)


def _ingest_run(gates: Gates, taps: int, size: int) -> float:
    messages = gates.prepare(f"ingest-{size}", taps, per_message=size)
    began = gates.send(messages)
    return taps / (gates.wait_for_receipts() - began)


def _written(owner: Engine) -> dict[str, int]:
    tables = ("taps", "attendance_days", "notifications")
    with owner.connect() as connection:
        return {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables
        }


if __name__ == "__main__":
    main()
