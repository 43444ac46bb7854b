"""Which sequence numbers of a stream are here, and what a device is told about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from contracts.messages import DeviceStatus, Health, Receipt

MOST_HOLES = 1000  # the contract's limit; a device that fills these is told of the next ones

PROMPT_SECONDS = 10  # a tap that waits no longer is on its way, and no sign of trouble

MOST_COUNTED = 2**31 - 1  # a column holds no more, and no outbox

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Run = tuple[int, int]  # first and last of an unbroken run of sequence numbers


def runs(seqs: Iterable[int]) -> list[Run]:
    """The unbroken runs in ``seqs``, lowest first; repetitions and order do not matter."""
    found: list[Run] = []
    for seq in sorted(set(seqs)):
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


def receipt(stream: str, held: Sequence[Run]) -> Receipt:
    """What to tell the device: the mark up to which all is here, and what is missing above it.

    ``held`` are the runs that central holds, lowest first and apart from each other.
    """
    upto = held[0][1] if held and held[0][0] == 1 else 0
    edges = held if upto else [(0, 0), *held]
    holes = [(before[1] + 1, after[0] - 1) for before, after in pairwise(edges)]
    return Receipt(stream, upto, tuple(holes[:MOST_HOLES]))


def supersedes(status: DeviceStatus, other: DeviceStatus) -> bool:
    """Whether ``status`` is the later news of the same device, in whatever order they came.

    A connection begins once and ends once: of one session, the end is the later news.
    """
    return (status.session, not status.online) >= (other.session, not other.online)


def backlog(health: Health) -> int:
    """How many taps a device has that it could not send in time; one just made does not count."""
    late = health.oldest_unsent_s >= PROMPT_SECONDS
    return min(health.queue_depth, MOST_COUNTED) if late else 0


def counted(figure: int | None) -> int | None:
    """A figure as a column can hold it; what is beyond is nonsense anyway."""
    return None if figure is None else min(figure, MOST_COUNTED)


def slot_of(now: datetime, length: timedelta) -> datetime:
    """The beginning of the slot of time that ``now`` lies in; slots are the same for everybody."""
    return now - (now - _EPOCH) % length
