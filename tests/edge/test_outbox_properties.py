"""Whatever happens to an outbox, in any order: no number twice, none left out, nothing lost."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent.outbox import Outbox, Span
from tests.edge.values import a_draft


class OutboxLife(RuleBasedStateMachine):
    """Runs an outbox beside a list that says what it should hold."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-"))
        self.lives = 0
        self.outbox = Outbox.open(self.folder / "outbox.db")
        self.stream = self.outbox.stream
        self.waiting: list[tuple[int, int]] = []  # seq, number of the child
        self.last = 0
        self.children = 0

    @rule()
    def tap(self) -> None:
        self.children += 1
        seq = self.outbox.put(a_draft(self.children))
        assert seq == self.last + 1
        self.last = seq
        self.waiting.append((seq, self.children))

    @rule(share=st.floats(0, 1))
    def receive_a_receipt(self, share: float) -> None:
        upto = round(share * self.last)
        self.outbox.forget(upto)
        self.waiting = [tap for tap in self.waiting if tap[0] > upto]

    @rule()
    def repeat_the_newest(self) -> None:
        self.outbox.count_repeat(self.last)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox.open(self.folder / "outbox.db")

    @rule()
    def be_killed(self) -> None:
        """The files as they are at this moment, without the farewell of the last connection."""
        self.lives += 1
        remains = self.folder / f"life-{self.lives}"
        remains.mkdir()
        for file in self.folder.glob("outbox.db*"):
            shutil.copy(file, remains)
        self.outbox.close()
        self.folder = remains
        self.outbox = Outbox.open(remains / "outbox.db")

    @rule()
    def begin_a_new_stream(self) -> None:
        self.outbox.begin_stream()
        assert self.outbox.stream != self.stream
        self.stream = self.outbox.stream
        children = [child for _, child in self.waiting]
        self.waiting = list(enumerate(children, start=1))
        self.last = len(children)

    @invariant()
    def it_holds_exactly_what_has_no_receipt(self) -> None:
        held = [(tap.seq, tap.wire["up_ms"] // 1000) for tap in self.outbox.after(0, 1000)]
        assert held == self.waiting
        first = self.waiting[0][0] if self.waiting else self.last + 1
        assert self.outbox.span() == Span(self.stream, first, self.last)

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            top = self.folder
            while not top.name.startswith("outbox-"):
                top = top.parent
            shutil.rmtree(top)


TestOutboxLife = OutboxLife.TestCase
TestOutboxLife.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # every step waits for the disk
)
