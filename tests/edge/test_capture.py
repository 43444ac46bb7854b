"""From a card to an answer: the verdict, the durable row, and only then the light."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contracts.cards import card_digest, token_uri
from contracts.roster import Roster, RosterEntry
from edge_agent.capture import Capture, Desk
from edge_agent.cards import CardNames
from edge_agent.debounce import Debounce
from edge_agent.feedback import Outcome
from edge_agent.outbox import Outbox
from edge_agent.readers import CardRead, TornRead
from edge_agent.roster import RosterFile
from edge_agent.staff_taps import StaffTaps
from tests.edge.gate import DOMAIN, SITE_KEY, digest, roster, token, uid
from tests.edge.secure import secure_card, secure_digest, secure_roster
from tests.edge.values import RecordingFeedback, SetClock

STATES = {2: "staff", 3: "revoked", 4: "not_today", 5: "service"}


class GateUnderTest:
    """A capture with real parts around it, except for the clock and the lights."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.db"
        self.roster_path = folder / "roster.json"
        self.roster_path.write_bytes(roster(states=STATES).to_json())
        self.roster = RosterFile(self.roster_path, folder / "last-good.json")
        self.roster.load()
        self.outbox = Outbox.open(self.path)
        self.clock = SetClock()
        self.lights = RecordingFeedback()
        self.woken = 0
        names = CardNames(SITE_KEY, DOMAIN)
        desk = Desk(names, self.roster, self.clock, self.lights, directions={"salida": "out"})
        self.capture = Capture(desk, self.outbox, Debounce(45), self._wake)

    def tap(self, number: int, reader: str = "entrada") -> Outcome:
        read = CardRead(uid(number), token_uri(DOMAIN, token(number)))
        self.capture.take(reader, read)
        return self.lights.shown[-1]

    def show(self, link: str, number: int = 1) -> Outcome:
        """A card that says so."""
        self.capture.take("entrada", CardRead(uid(number), link))
        return self.lights.shown[-1]

    def use(self, content: Roster) -> None:
        self.roster.adopt(content.to_json())

    def rows(self) -> list[dict[str, object]]:
        return [waiting.wire for waiting in self.outbox.after(0, 100)]

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[GateUnderTest]:
    made = GateUnderTest(tmp_path)
    with closing(made.outbox):
        yield made


@pytest.mark.parametrize(
    ("number", "verdict", "kind", "pattern", "name"),
    [
        (1, "accepted", "token", "accept", "Student 1"),
        (2, "accepted", "staff", "accept", "Student 2"),
        (3, "revoked", "token", "reject", "Student 3"),
        (4, "not_today", "token", "reject", "Student 4"),
        (5, "accepted", "staff", "accept", "Student 5"),
        (99, "unknown", "token", "reject", None),
    ],
    ids=["active", "staff", "revoked", "not today", "service", "not in the roster"],
)
def test_every_card_is_answered_and_stored_with_its_verdict(
    gate: GateUnderTest, number: int, verdict: str, kind: str, pattern: str, name: str | None
) -> None:
    outcome = gate.tap(number)

    assert outcome == Outcome(pattern, name, verdict, 1, gate.clock().at)
    (row,) = gate.rows()
    assert (row["verdict"], row["reader"]) == (verdict, "entrada")
    assert row["card"] == {"kind": kind, "digest": digest(number)}
    assert gate.woken == 1


def test_cards_of_the_staff_do_their_work_after_the_answer_at_every_tap(tmp_path: Path) -> None:
    gate = GateUnderTest(tmp_path)
    order: list[object] = []

    class Lights:
        def show(self, outcome: Outcome) -> None:
            order.append(outcome.name)

    staff = StaffTaps(order.append, lambda: order.append("tested"))
    names = CardNames(SITE_KEY, DOMAIN)
    desk = Desk(names, gate.roster, gate.clock, Lights(), staff)
    capture = Capture(desk, gate.outbox, Debounce(45), lambda: None)
    for number in (2, 2, 5, 1, 99):
        capture.take("entrada", CardRead(uid(number), token_uri(DOMAIN, token(number))))
    capture.take("entrada", CardRead(uid(2), None))
    capture.take("entrada", TornRead(uid(5)))

    of_staff = ["Student 2", token(2), "Student 2", token(2), "Student 5", "tested"]
    assert order == [*of_staff, "Student 1", None, None, None]
    gate.outbox.close()


def test_the_light_comes_on_only_when_another_process_can_read_the_row(tmp_path: Path) -> None:
    gate = GateUnderTest(tmp_path)
    seen: list[tuple[int, ...]] = []

    class Lights:
        def show(self, outcome: Outcome) -> None:
            with closing(sqlite3.connect(gate.path)) as other:
                seen.extend(other.execute("SELECT seq FROM outbox").fetchall())

    desk = Desk(CardNames(SITE_KEY, DOMAIN), gate.roster, gate.clock, Lights())
    capture = Capture(desk, gate.outbox, Debounce(45), lambda: None)

    capture.take("entrada", CardRead(uid(1), token_uri(DOMAIN, token(1))))

    assert seen == [(1,)]
    gate.outbox.close()


def test_the_same_card_again_is_answered_as_before_without_a_new_tap(gate: GateUnderTest) -> None:
    first = gate.tap(1)
    gate.clock.forward(44)

    again = gate.tap(1)

    assert (again.pattern, again.name, again.seq) == (first.pattern, first.name, first.seq)
    (row,) = gate.rows()
    assert row["repeat"] == 1


def test_the_same_card_after_the_window_is_a_new_tap(gate: GateUnderTest) -> None:
    gate.tap(1)
    gate.clock.forward(45)

    assert gate.tap(1).seq == 2


def test_repeats_do_not_stretch_the_window(gate: GateUnderTest) -> None:
    for _ in range(3):
        gate.tap(1)
        gate.clock.forward(20)

    assert gate.tap(1).seq == 2


def test_two_readers_are_two_taps(gate: GateUnderTest) -> None:
    gate.tap(1, "entrada")

    assert gate.tap(1, "salida").seq == 2


def test_a_card_that_the_roster_comes_to_know_is_judged_anew(gate: GateUnderTest) -> None:
    gate.roster_path.write_bytes(roster(states={1: "revoked"}).to_json())
    gate.roster.refresh()
    assert gate.tap(1).verdict == "revoked"
    gate.roster_path.write_bytes(roster("r2").to_json())
    gate.roster.refresh()

    outcome = gate.tap(1)

    assert (outcome.verdict, outcome.seq) == ("accepted", 2)


def test_a_torn_read_asks_to_hold_the_card_and_never_stands_for_its_owner(tmp_path: Path) -> None:
    # Even where the school still uses UIDs, and this one is a student's.
    content = roster().to_json().replace(digest(1).encode(), uid_digest(1).encode())
    gate = GateUnderTest(tmp_path)
    gate.roster_path.write_bytes(content)
    gate.roster.refresh()
    assert gate.roster.find(uid_digest(1)) is not None

    gate.capture.take("entrada", TornRead(uid(1)))

    assert gate.lights.shown == [Outcome("hold", None, "torn", 1, gate.clock().at)]
    (row,) = gate.rows()
    assert row["verdict"] == "torn"
    gate.outbox.close()


def test_a_card_read_after_it_was_torn_is_a_tap(gate: GateUnderTest) -> None:
    gate.capture.take("entrada", TornRead(uid(1)))

    outcome = gate.tap(1)

    assert (outcome.pattern, outcome.seq) == ("accept", 2)


@pytest.mark.parametrize("uri", [None, "https://example.com/", "tel:+56912345678"])
def test_a_card_without_our_token_is_unknown(gate: GateUnderTest, uri: str | None) -> None:
    gate.capture.take("entrada", CardRead(uid(1), uri))

    (row,) = gate.rows()
    assert row["verdict"] == "unknown"
    assert row["card"] == {"kind": "uid", "digest": uid_digest(1)}


def test_a_token_of_another_domain_is_not_ours(gate: GateUnderTest) -> None:
    gate.capture.take("entrada", CardRead(uid(1), token_uri("other.example", token(1))))

    assert gate.lights.shown[-1].verdict == "unknown"


def test_phones_share_one_identity_since_they_change_their_number(gate: GateUnderTest) -> None:
    gate.capture.take("entrada", CardRead(bytes.fromhex("08aabbcc"), None))
    gate.capture.take("entrada", CardRead(bytes.fromhex("08112233"), None))

    (row,) = gate.rows()
    assert row["repeat"] == 1


def test_a_tap_that_cannot_be_stored_is_said_to_be_lost(gate: GateUnderTest) -> None:
    gate.outbox.close()

    outcome = gate.tap(1)

    assert (outcome.pattern, outcome.seq, outcome.verdict) == ("not_stored", None, "accepted")
    assert gate.woken == 0


def test_a_tap_that_was_not_stored_is_not_a_repeat_when_it_comes_again(tmp_path: Path) -> None:
    gate = GateUnderTest(tmp_path)
    with closing(sqlite3.connect(gate.path)) as other:
        other.execute("ALTER TABLE outbox RENAME TO elsewhere")
        assert gate.tap(1).pattern == "not_stored"
        other.execute("ALTER TABLE elsewhere RENAME TO outbox")

    outcome = gate.tap(1)

    assert (outcome.pattern, outcome.seq) == ("accept", 1)
    gate.outbox.close()


def uid_digest(number: int) -> str:
    return card_digest(SITE_KEY, uid(number)).hex()


def test_the_readers_direction_goes_with_the_tap(gate: GateUnderTest) -> None:
    gate.tap(1, "salida")
    gate.tap(2, "entrada")

    assert [row.get("direction") for row in gate.rows()] == ["out", None]


def test_a_secure_card_is_accepted_with_its_proof(gate: GateUnderTest) -> None:
    gate.use(secure_roster())

    outcome = gate.show(secure_card(1).link())

    assert (outcome.verdict, outcome.name) == ("accepted", "Student 1")
    (row,) = gate.rows()
    assert row["card"]["kind"] == "sun"  # type: ignore[index]
    assert row["card"]["digest"] == secure_digest(1)  # type: ignore[index]


def test_what_a_secure_card_said_before_is_refused(gate: GateUnderTest) -> None:
    gate.use(secure_roster())
    link = secure_card(1).link()
    gate.show(link)

    outcome = gate.show(link)

    assert (outcome.pattern, outcome.verdict, outcome.name) == ("reject", "replayed", None)
    assert [row["verdict"] for row in gate.rows()] == ["accepted", "replayed"]


def test_an_earlier_read_of_a_secure_card_is_refused_too(gate: GateUnderTest) -> None:
    gate.use(secure_roster())
    card = secure_card(1)
    read_in_a_pocket = card.link()
    gate.show(card.link())
    gate.clock.forward(3600)

    assert gate.show(read_in_a_pocket).verdict == "replayed"
    assert gate.show(card.link()).verdict == "accepted"


def test_a_repeated_read_of_a_secure_card_is_the_same_tap_and_uses_up_its_counter(
    gate: GateUnderTest,
) -> None:
    gate.use(secure_roster())
    card = secure_card(1)
    first = gate.show(card.link())
    link = card.link()

    assert gate.show(link).seq == first.seq
    assert gate.show(link).verdict == "replayed"


def test_the_counter_survives_a_restart(gate: GateUnderTest) -> None:
    gate.use(secure_roster())
    card = secure_card(1)
    early, late = card.link(), card.link()
    gate.show(late)
    gate.outbox.forget(1)
    gate.outbox.close()

    with closing(Outbox.open(gate.path)) as again:
        desk = Desk(CardNames(SITE_KEY, DOMAIN), gate.roster, gate.clock, gate.lights)
        Capture(desk, again, Debounce(45), lambda: None).take("entrada", CardRead(uid(1), early))

    assert gate.lights.shown[-1].verdict == "replayed"


def test_of_a_card_that_nobody_has_no_counter_is_kept(gate: GateUnderTest) -> None:
    gate.use(secure_roster(students=1))

    assert gate.show(secure_card(2, 7).link(), 2).verdict == "unknown"
    assert gate.outbox.counter_of(secure_digest(2)) == 0


@pytest.mark.parametrize(("allowed", "verdict"), [(True, "accepted"), (False, "unknown")])
def test_a_card_known_by_its_number_is_accepted_where_the_school_allows_it(
    gate: GateUnderTest, *, allowed: bool, verdict: str
) -> None:
    number = card_digest(SITE_KEY, uid(1)).hex()
    gate.use(Roster("u1", {number: RosterEntry("Student 1", "active")}, uid_cards=allowed))

    gate.capture.take("entrada", CardRead(uid(1), None))

    assert gate.lights.shown[-1].verdict == verdict


def test_the_roster_with_its_key_is_for_the_agents_eyes_only(gate: GateUnderTest) -> None:
    gate.roster_path.chmod(0o644)

    gate.use(secure_roster())

    assert gate.roster_path.stat().st_mode & 0o777 == 0o600
