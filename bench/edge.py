"""What a gate takes: time from card to light, memory, idle work, and a backlog's way to central.

The agent is a process of its own in an environment that ``pip install .[edge]`` made, by TLS with a
certificate, with a roster of 5,000 cards that it fetched; the reader is an emulated PN532 that
unmodified nfcpy drives. ``tap_to_feedback`` counts from when the chip found the card to the light,
less what the chip itself took: the time that is ours. The backlog goes through the real ingest into
PostgreSQL and is over when the gate has a receipt for every tap; it counts from the agent's start.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from bench.backend import filled_database, ingest_environment, running_ingest
from bench.figures import arguments, report
from bench.nation import Nation
from central.settings import Settings
from contracts.messages import Card, TapRead
from devkit.gate_install import gate_python
from devkit.servers import Postgres, Redis, free_port
from devkit.waiting import wait_until
from edge_agent.outbox import Outbox
from emulators.nfc.pn532 import Exchange
from tests.edge.central import Central
from tests.edge.gate import PASSWORD, Gate, card, roster
from tests.edge.tls import Authority, TlsMosquitto
from tests.edge.website import Asked, Reply, Website, a_key_file

CARDS: Final = 5_000
SECONDS: Final = 120
_FIND, _TALK = 0x4A, 0x42  # InListPassiveTarget and InCommunicateThru of the PN532
_VERSION = "r-5000"


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--taps", type=int, default=500, help="cards held to the reader (500)")
    parser.add_argument("--idle", type=float, default=30, help="seconds without a card (30)")
    parser.add_argument("--backlog", type=int, default=10_000, help="taps that wait (10000)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as somebody else when this runs as root
        authority = Authority(folder / "authority", "an authority")
        broker = stack.enter_context(TlsMosquitto(folder / "mosquitto", authority))
        figures = dict(_morning(folder, broker, authority, given.taps, given.idle))
        figures |= _backlog(folder, broker, given.backlog)
        report("edge", figures, given.json)


def _morning(
    folder: Path, broker: TlsMosquitto, authority: Authority, taps: int, idle: float
) -> Iterator[tuple[str, float]]:
    """An agent that gets its roster, answers a queue of children, and rests."""
    payload = roster(_VERSION, students=CARDS).to_json()
    yield "roster_5000_kb", len(payload) / 1000

    def answer(asked: Asked) -> Reply:
        same = asked.etag == f'W/"{_VERSION}"'
        return Reply(304) if same else Reply(200, payload, {"Content-Encoding": "gzip"})

    with Website(answer) as website, _gate(folder, "gate-1", broker) as gate:
        _secure(gate, broker, authority, website)
        with Central(broker, gate.device, prompt=True) as central:
            started = time.monotonic()
            gate.start()
            _until(lambda: f"version {_VERSION}" in gate.logged(), "there is no roster")
            yield "start_to_roster_s", time.monotonic() - started
            yield from _spread("tap_to_feedback_ms", _rush(gate, taps))
            _until(lambda: not gate.stored(), "taps without a receipt")
            yield "taps", len(central.held(central.batches[0].stream))
            yield "rss_mb", _status_mb(gate, "VmRSS")
            yield "rss_most_mb", _status_mb(gate, "VmHWM")
            yield from _rest(gate, idle)


@contextmanager
def _gate(folder: Path, device: str, broker: TlsMosquitto) -> Iterator[Gate]:
    """With the agent that was installed for a gate."""
    broker.admit({device: PASSWORD})
    (folder / device).mkdir()
    with Gate(folder / device, device, broker.port) as gate:
        gate.python, gate.home = (str(gate_python()),), gate.folder
        yield gate


def _secure(gate: Gate, broker: TlsMosquitto, authority: Authority, website: Website) -> None:
    certificate, key = authority.issue(gate.device)
    a_key_file(gate.folder)
    gate.host = "localhost"
    gate.tls = f'ca_file = "{authority.ca_file}"\ncert_file = "{certificate}"\nkey_file = "{key}"'
    extra = f'[central]\nurl = "http://127.0.0.1:{website.port}"\nkey_file = "device.key"'
    gate.write_config(broker.tls_port, extra)


def _rush(gate: Gate, taps: int) -> list[float]:
    """Milliseconds of ours for each of so many children, one right after the other."""
    took = []
    for student in range(1, taps + 1):
        put_at = time.monotonic()
        gate.reader.put(card(student))
        if gate.answers.next()["pattern"] == "accept":
            took.append(_ours_s(gate.reader.exchanges(), put_at, time.monotonic()) * 1000)
    return took


def _ours_s(exchanges: Sequence[Exchange], put_at: float, lit_at: float) -> float:
    """Seconds from when the chip had found the card, less those that it took from then on."""
    talk = next(at for at, one in enumerate(exchanges) if _is_talk(one, put_at))
    found = next(one for one in reversed(exchanges[:talk]) if one.command == _FIND)
    after = [one for one in exchanges if found.answered_at < one.heard_at < lit_at]
    the_chips = sum(one.answered_at - one.heard_at for one in after)
    return lit_at - found.answered_at - the_chips


def _is_talk(exchange: Exchange, since: float) -> bool:
    return exchange.command == _TALK and exchange.heard_at > since


def _rest(gate: Gate, seconds: float) -> Iterator[tuple[str, float]]:
    """What an agent does when no card comes."""
    gate.take_away()
    looks = sum(one.command == _FIND for one in gate.reader.exchanges())
    began, cpu = time.monotonic(), _cpu_s(gate)
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
    took = time.monotonic() - began
    yield "idle_percent", 100 * (_cpu_s(gate) - cpu) / took
    recent = [one.heard_at for one in gate.reader.exchanges() if one.command == _FIND]
    yield "idle_polls_per_s", (len(recent) - 1) / (recent[-1] - recent[0]) if looks else 0.0


def _backlog(folder: Path, broker: TlsMosquitto, taps: int) -> dict[str, float]:
    """A gate that comes back after days."""
    nation = Nation(1, 1_000)
    device = nation.devices[0]
    with (
        Postgres(folder / "postgres", free_port()) as postgres,
        Redis(folder / "redis", free_port()) as redis,
        _gate(folder, device, broker) as gate,
    ):
        environment = ingest_environment(postgres, broker, redis)
        filled_database(Settings.from_env(environment), nation).dispose()
        _let_wait(gate, nation, taps)
        with running_ingest(environment, folder / "ingest.log", None):
            began = time.monotonic()
            gate.start()
            _until(lambda: gate.depth() == 0, "the backlog stays")
            took = time.monotonic() - began
    return {f"backlog_{taps}_s": took}


def _let_wait(gate: Gate, nation: Nation, taps: int) -> None:
    gate.data.mkdir()
    outbox = Outbox.open(gate.database)
    for number in range(taps):
        digest = nation.digest(gate.device, number)
        at, up_ms = datetime.now(UTC), number * 10
        read = TapRead(0, at, "synced", "boot", up_ms, "entrada", Card("token", digest), "accepted")
        outbox.put(read)
    outbox.close()


def _spread(name: str, values: Sequence[float]) -> Iterator[tuple[str, float]]:
    yield f"{name}_p50", median(values)
    yield f"{name}_p95", quantiles(values, n=100)[94]
    yield f"{name}_max", max(values)
    yield "answered", len(values)


def _until(condition: object, otherwise: str) -> None:
    assert callable(condition)
    if not wait_until(condition, SECONDS):
        raise SystemExit(otherwise)


def _status_mb(gate: Gate, field: str) -> float:
    status = Path(f"/proc/{gate.pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1_000_000


def _cpu_s(gate: Gate) -> float:
    """Seconds of processor time, in our name and in the kernel's."""
    fields = Path(f"/proc/{gate.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
