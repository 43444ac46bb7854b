"""The agent as a process: unmodified nfcpy at an emulated PN532, a real broker, real signals."""

from __future__ import annotations

from tests.edge.central import Central
from tests.edge.gate import Gate, card, digest


def test_a_card_is_answered_stored_and_sent(gate: Gate, central: Central) -> None:
    gate.start()

    answer = gate.tap(card(1))
    central.wait_for(lambda: central.taps)

    assert answer | {"at": None} == {
        "pattern": "accept",
        "name": "Student 1",
        "verdict": "accepted",
        "seq": 1,
        "at": None,
    }
    (tap,) = central.taps
    assert (tap.seq, tap.verdict, tap.card.kind, tap.card.digest) == (
        1,
        "accepted",
        "token",
        digest(1),
    )
    assert tap.at.isoformat() == answer["at"]
