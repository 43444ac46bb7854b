"""SIGKILL at any moment: what was answered is there, once, and no number is missing."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devkit.waiting import wait_until
from tests.edge.central import Central
from tests.edge.gate import PATIENCE, Gate, card, digest, roster

CYCLES = 20
CHILDREN = 5000  # more than can pass in that time


@dataclass
class Queue:
    """Children who hold their cards to the reader, one after the other, without end."""

    gate: Gate
    lit: dict[int, str | None] = field(default_factory=dict)  # seq → digest, as the lights told
    twice: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def has_more_than(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.lit) > count

    def run(self) -> None:
        for child in range(1, CHILDREN + 1):
            if self.stop.is_set():
                return
            self.gate.reader.put(card(child))
            try:
                self._note(self.gate.answers.next(0.5))
            except TimeoutError:  # the agent is dead or starting: this child goes away unanswered
                continue

    def _note(self, answer: dict[str, Any]) -> None:
        """By the name on the screen: a light may come on just after its child has left."""
        seq, name = answer["seq"], answer["name"]
        if seq in self.lit:
            self.twice.append(seq)
        # A child that left in the middle of the read is asked to hold the card, without a name.
        self.lit[seq] = None if name is None else digest(int(name.removeprefix("Student ")))


def test_no_tap_that_was_answered_is_lost_however_often_the_agent_is_killed(
    gate: Gate, prompt_central: Central
) -> None:
    chance = random.Random(7)
    gate.write_roster(roster(students=CHILDREN))
    queue = Queue(gate)
    children = threading.Thread(target=queue.run)
    gate.start()
    children.start()
    try:
        for _ in range(CYCLES):
            assert wait_until(queue.has_more_than(len(queue.lit)), PATIENCE)
            queue.stop.wait(chance.uniform(0, 0.25))
            gate.kill()
            gate.start()
    finally:
        queue.stop.set()
        children.join()
    gate.reader.take()

    newest = max(queue.lit)
    prompt_central.wait_for(lambda: newest in {tap.seq for tap in prompt_central.taps})

    streams = {batch.stream for batch in prompt_central.batches}
    arrived = {tap.seq: tap.card.digest for tap in prompt_central.taps}
    assert len(streams) == 1
    assert sorted(arrived) == list(range(1, max(arrived) + 1))
    assert set(queue.lit) <= set(arrived)
    assert [seq for seq, told in queue.lit.items() if told not in (None, arrived[seq])] == []
    assert queue.twice == []
    assert len(queue.lit) > CYCLES
