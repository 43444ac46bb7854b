"""Any valid message, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from contracts import fields, messages
from contracts.control import Answer, Command, Desired, Reported, RosterNotice
from contracts.messages import Anchor, Card, DeviceStatus, Health, Receipt, TapBatch, TapRead
from contracts.photos import LARGEST_SEALED, PhotoOffer, PhotoTicket
from contracts.roster import DISPLAY_NAME, STATES, Roster, RosterEntry

# A shared machine is slow at times, which says nothing about the messages.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.from_regex(fields.NAME, fullmatch=True)
codes = st.from_regex(fields.CODE, fullmatch=True)
digests = st.binary(min_size=16, max_size=16).map(bytes.hex)
wholes = st.integers(0, fields.BIGGEST)
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the time zone
    max_value=datetime(2199, 12, 30),  # noqa: DTZ001
    timezones=st.one_of(st.just(UTC), _offsets),
)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(_texts, _values, max_size=4)
_data = st.none() | st.binary(min_size=16, max_size=16).map(bytes.hex)
_macs = st.none() | st.binary(min_size=8, max_size=8).map(bytes.hex)

cards = st.builds(Card, st.sampled_from(sorted(messages.CARD_KINDS)), digests, _data, _macs)
clocks = st.sampled_from(sorted(messages.CLOCKS))
taps = st.builds(
    TapRead,
    seq=st.integers(1, messages.MAX_SEQ),
    at=moments,
    clock=clocks,
    boot=names,
    up_ms=wholes,
    reader=names,
    card=cards,
    verdict=codes,
    repeat=st.integers(0, 1_000_000),
    photo=st.none() | names,
    direction=st.none() | st.sampled_from(sorted(messages.DIRECTIONS)),
)
_holes = st.tuples(st.integers(1, 2**62), st.integers(0, 1000)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
_entries = st.builds(
    RosterEntry,
    st.from_regex(DISPLAY_NAME, fullmatch=True),
    st.sampled_from(sorted(STATES)),
    st.booleans(),
)

MESSAGES: dict[type[Any], st.SearchStrategy[Any]] = {
    TapBatch: st.builds(TapBatch, names, st.lists(taps, max_size=6).map(tuple), st.just(())),
    Receipt: st.builds(Receipt, names, wholes, st.lists(_holes, max_size=5).map(tuple)),
    Anchor: st.builds(Anchor, names, wholes, moments),
    DeviceStatus: st.builds(DeviceStatus, st.booleans(), wholes, names, moments),
    Health: st.builds(
        Health,
        at=moments,
        clock=clocks,
        queue_depth=wholes,
        oldest_unsent_s=wholes,
        disk_free_mb=wholes,
        reader_resets=wholes,
        camera_resets=wholes,
        roster_version=st.none() | names,
        temperature_c=st.none() | st.integers(-100, 200),
        certificate_days=st.none() | st.integers(-100_000, 100_000),
        roster_age_s=st.none() | wholes,
        alarms=st.lists(codes, max_size=5).map(tuple),
    ),
    Desired: st.builds(Desired, wholes, objects),
    Reported: st.builds(Reported, wholes, names, st.dictionaries(_texts, _texts, max_size=4)),
    Command: st.builds(Command, names, names, objects, moments),
    Answer: st.builds(Answer, names, st.booleans(), st.none() | codes, objects),
    RosterNotice: st.builds(RosterNotice, names),
    Roster: st.builds(
        Roster,
        names,
        st.dictionaries(digests, _entries, max_size=5),
        st.booleans(),
        st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    ),
    PhotoOffer: st.builds(
        PhotoOffer,
        st.binary(min_size=16, max_size=16).map(bytes.hex),
        st.integers(1, LARGEST_SEALED),
    ),
    PhotoTicket: st.builds(
        PhotoTicket, st.none() | st.just("https://store.example/a?b=c") | st.just("/api/v1/x")
    ),
}
