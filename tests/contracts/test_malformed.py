"""A malformed field is refused with an error that names it: a table a message."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from contracts import control, messages
from contracts.messages import ContractError, TapBatch
from contracts.photos import LARGEST_SEALED, PhotoOffer, PhotoTicket, SealedPhoto, key_id
from contracts.roster import Roster
from tests.contracts.documented import examples

MISSING = object()
NOT_NAMES = [MISSING, None, 7, "", "-x", "a b", "x" * 65, "ñ", "a\u0000"]
NOT_COUNTS = [MISSING, None, -1, 1.5, True, "1", 2**63]
NOT_TIMES = [
    MISSING,
    None,
    0,
    "",
    "2026-03-04",
    "2026-03-04T10:58:07",
    "2026-13-04T10:58:07Z",
    "2026-03-04T10:58:07+99:00",
    "0001-01-01T00:00:00+10:00",
    "9999-12-31T23:59:59-10:00",
    "٢٠٢٦-03-04T10:58:07Z",
]
NOT_CODES = [MISSING, None, 1, "", "Accepted", "not today", "x" * 41]
NOT_CLOCKS = [MISSING, None, "SYNCED", "maybe", 1, []]
NOT_TRUTHS = [MISSING, None, 1, "true"]
NOT_OBJECTS: list[Any] = [None, 1, "x", []]
NOT_DIGESTS = [MISSING, None, 1, "", "3f2a", "3F2A9C1E7B2D4860A1B2C3D4E5F60718", "z" * 32]

TAP: dict[str, list[Any]] = {
    "seq": [*NOT_COUNTS, 0, messages.MAX_SEQ + 1],
    "at": NOT_TIMES,
    "clock": NOT_CLOCKS,
    "boot": NOT_NAMES,
    "up_ms": NOT_COUNTS,
    "reader": NOT_NAMES,
    "card": [MISSING, *NOT_OBJECTS],
    "card.kind": [MISSING, None, "TOKEN", "face", 3],
    "card.digest": NOT_DIGESTS,
    "card.e": [1, "", "xyz", "0" * 31, "0" * 33],
    "card.c": [1, "", "xyz", "0" * 15, "0" * 17],
    "verdict": NOT_CODES,
    "repeat": [None, -1, 1.5, 1_000_001, "2"],
    "photo": [1, "", "a b"],
    "direction": [1, "", "auto", "IN"],
}
PARSERS: dict[str, type[Any]] = {
    "up/taps": messages.TapBatch,
    "down/receipt": messages.Receipt,
    "up/anchor": messages.Anchor,
    "up/status": messages.DeviceStatus,
    "up/health": messages.Health,
    "down/desired": control.Desired,
    "up/reported": control.Reported,
    "down/command": control.Command,
    "up/answer": control.Answer,
    "down/roster": control.RosterNotice,
}
FIELDS: dict[str, dict[str, list[Any]]] = {
    "up/taps": {"stream": NOT_NAMES, "taps": [MISSING, None, {}, "x", [{}] * 51]},
    "down/receipt": {
        "stream": NOT_NAMES,
        "upto": NOT_COUNTS,
        "holes": [
            None,
            {},
            [1],
            [[1]],
            [[2, 1]],
            [[0, 1]],
            [["1", "2"]],
            [[1, 2**63]],
            [[1, 1]] * 1001,
        ],
    },
    "up/anchor": {"boot": NOT_NAMES, "offset_ms": NOT_COUNTS, "at": NOT_TIMES},
    "up/status": {
        "online": NOT_TRUTHS,
        "session": NOT_COUNTS,
        "version": NOT_NAMES,
        "at": NOT_TIMES,
    },
    "up/health": {
        "at": NOT_TIMES,
        "clock": NOT_CLOCKS,
        "queue_depth": NOT_COUNTS,
        "oldest_unsent_s": NOT_COUNTS,
        "disk_free_mb": NOT_COUNTS,
        "reader_resets": NOT_COUNTS,
        "camera_resets": NOT_COUNTS,
        "roster_version": [1, "", "a b"],
        "temperature_c": [1.5, "51", -101],
        "certificate_days": [1.5, "51", True],
        "roster_age_s": [1.5, "51", -1],
        "alarms": [7, {}, ["A"], ["a b"], [1], ["a"] * 21],
    },
    "down/desired": {"version": NOT_COUNTS, "config": [MISSING, *NOT_OBJECTS]},
    "up/reported": {"version": NOT_COUNTS, "agent": NOT_NAMES, "errors": NOT_OBJECTS},
    "down/command": {
        "id": NOT_NAMES,
        "name": NOT_NAMES,
        "args": NOT_OBJECTS,
        "expires": NOT_TIMES,
    },
    "up/answer": {
        "id": NOT_NAMES,
        "ok": NOT_TRUTHS,
        "error": [1, "", "Not a code"],
        "result": NOT_OBJECTS,
    },
    "down/roster": {"version": NOT_NAMES},
}
ROSTER: dict[str, list[Any]] = {
    "digest": NOT_DIGESTS,
    "name": [MISSING, None, 1, "", "x" * 61, "Ana\nP.", "Ana\u0000"],
    "state": [MISSING, None, "ACTIVE", "expelled"],
    "photo": [None, 1, "yes"],
}


def example(topic: str) -> Any:
    return copy.deepcopy(examples()[f"gate/v1/<device>/{topic}"])


def spoil(message: dict[str, Any], path: str, value: Any) -> None:
    """Put ``value`` where ``path`` leads, or take away what is there."""
    *outer, name = path.split(".")
    for step in outer:
        message = message[step]
    if value is MISSING:
        message.pop(name, None)
    else:
        message[name] = value


def cases(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(
            path, value, id=f"{path}={'missing' if value is MISSING else repr(value)[:24]}"
        )
        for path, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(
    ("topic", "path", "value"),
    [
        pytest.param(topic, *case.values, id=f"{topic}:{case.id}")
        for topic, table in FIELDS.items()
        for case in cases(table)
    ],
)
def test_a_malformed_field_is_named(topic: str, path: str, value: Any) -> None:
    message = example(topic)
    spoil(message, path, value)

    with pytest.raises(ContractError) as refused:
        PARSERS[topic].from_json(json.dumps(message).encode())

    assert str(refused.value).startswith(path)


def test_the_table_covers_every_field_of_every_message() -> None:
    assert {topic: set(table) for topic, table in FIELDS.items()} == {
        topic: set(parser.__dataclass_fields__) - {"refused"} for topic, parser in PARSERS.items()
    }
    assert {path for path in TAP if "." not in path} == set(messages.TapRead.__dataclass_fields__)


@pytest.mark.parametrize(("path", "value"), cases(TAP))
def test_a_malformed_tap_is_set_apart_by_name_and_its_neighbours_stay(
    path: str, value: Any
) -> None:
    message = example("up/taps")
    good = message["taps"][0]
    bad = copy.deepcopy(good)
    spoil(bad, path, value)
    message["taps"] = [good, bad, good | {"seq": 43}]

    batch = TapBatch.from_json(json.dumps(message).encode())

    assert [tap.seq for tap in batch.taps] == [41, 43]
    (refused,) = batch.refused
    assert refused.reason.startswith(f"taps[1].{path.removeprefix('card.')}")
    assert refused.raw == bad
    assert refused.seq == (None if path == "seq" else 41)


@pytest.mark.parametrize("tap", [None, 1, "tap", [], [[]]], ids=repr)
def test_something_that_is_no_tap_at_all_is_set_apart(tap: Any) -> None:
    batch = TapBatch.from_json(json.dumps({"stream": "s", "taps": [tap]}).encode())

    (refused,) = batch.refused
    assert (refused.seq, refused.reason.split(":")[0]) == (None, "taps[0].tap")


@pytest.mark.parametrize(("path", "value"), cases(ROSTER))
def test_one_wrong_entry_refuses_the_whole_roster_and_is_named(path: str, value: Any) -> None:
    good = {"digest": "00" * 16, "name": "Ana P.", "state": "active", "photo": True}
    bad = good | {"digest": "11" * 16}
    spoil(bad, path, value)

    with pytest.raises(ContractError) as refused:
        Roster.from_json(json.dumps({"version": "1", "cards": [good, bad]}).encode())

    assert str(refused.value).startswith(f"cards[1].{path}")


@pytest.mark.parametrize(
    ("name", "value"),
    [("uid_cards", None), ("uid_cards", 1), ("uid_cards", "yes")],
)
def test_a_roster_that_misstates_how_cards_are_known_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ContractError, match=name):
        Roster.from_json(json.dumps({"version": "1", "cards": [], name: value}).encode())


def test_a_roster_may_not_hold_a_card_twice() -> None:
    card = {"digest": "00" * 16, "name": "Ana P.", "state": "active"}

    with pytest.raises(ContractError, match=r"cards\[1\]\.digest: appears twice"):
        Roster.from_json(json.dumps({"version": "1", "cards": [card, card]}).encode())


@pytest.mark.parametrize(
    ("roster", "named"),
    [
        ({"cards": []}, "version"),
        ({"version": "1"}, "cards"),
        ({"version": "1", "cards": {}}, "cards"),
        ({"version": "1", "cards": [], "photo_key": "00"}, "photo_key"),
    ],
)
def test_a_roster_needs_its_version_and_its_cards(roster: Any, named: str) -> None:
    with pytest.raises(ContractError, match=f"^{named}:"):
        Roster.from_json(json.dumps(roster).encode())


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"null", b"[]", b'"x"', b"1", b'{"a":}'])
@pytest.mark.parametrize("parser", PARSERS.values(), ids=lambda parser: parser.__name__)
def test_what_is_no_object_is_called_payload(parser: type[Any], payload: bytes) -> None:
    with pytest.raises(ContractError, match=r"^payload:"):
        parser.from_json(payload)


@pytest.mark.parametrize(
    ("message", "raw"),
    [
        (PhotoOffer, {"id": "a", "size": 1}),
        (PhotoOffer, {"id": "0" * 32, "size": LARGEST_SEALED + 1}),
        (PhotoOffer, {"id": "0" * 32, "size": 0}),
        (PhotoTicket, {"held": False}),
        (PhotoTicket, {"put": "https://store.example/a"}),
        (PhotoTicket, {"held": False, "put": "ftp://store.example/a"}),
        (PhotoTicket, {"held": False, "put": "https://store.example/a b"}),
    ],
)
def test_a_wrong_offer_or_ticket_of_a_photo_is_refused(
    message: type[PhotoOffer | PhotoTicket], raw: dict[str, Any]
) -> None:
    with pytest.raises(ContractError):
        message.from_json(json.dumps(raw).encode())


@pytest.mark.parametrize(
    "sealed", [b"", b"\x02" + bytes(100), b"\x01" + bytes(56), b"\x01" + bytes(LARGEST_SEALED)]
)
def test_what_cannot_be_a_sealed_photo_is_refused(sealed: bytes) -> None:
    with pytest.raises(ContractError):
        SealedPhoto.from_bytes(sealed)


def test_a_sealed_photo_says_for_which_key_it_is() -> None:
    sealed = SealedPhoto(key_id(bytes(32)), bytes(100))

    assert SealedPhoto.from_bytes(sealed.to_bytes()) == sealed
    assert key_id(bytes(32)) != key_id(b"\x01" + bytes(31))
