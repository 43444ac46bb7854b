"""What all the facts of a day conclude together, as tables of plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central.attendance.passage_rules import DayTap
from central.attendance.rules import (
    Correction,
    DayConclusion,
    DayFacts,
    Schedule,
    conclude_day,
    counted_taps,
    data_ok,
)
from central.calendar.rules import NoClass

SANTIAGO = ZoneInfo("America/Santiago")
ON = date(2026, 3, 4)


def at(shown: str) -> datetime:
    return datetime.combine(ON, time.fromisoformat(shown), SANTIAGO).astimezone(UTC)


def tap(shown: str, direction: str = "auto", **changes: Any) -> DayTap:
    return DayTap(at(shown), direction, gate_id=1)._replace(**changes)


def set_status(status: str, minutes_late: int | None = None, id: int = 1) -> Correction:
    return Correction(id, "set_status", status, minutes_late)


def ignore(seq: int, id: int = 1) -> Correction:
    return Correction(id, "ignore_tap", stream_id=7, seq=seq)


CLASS = Schedule(at("08:00"), at("15:30"), timedelta(minutes=5))
UNTIL_ONE = CLASS._replace(ends_at=at("13:00"))  # an early leave
HOLIDAY, SUSPENSION, SATURDAY = NoClass("holiday"), NoClass("suspension"), NoClass("weekday")
ELSEWHERE = NoClass("not_enrolled")
ABSENCE, LATE, EARLY = (frozenset({kind}) for kind in ("absence", "late", "early_leave"))


def facts(*taps: DayTap, expected: Schedule | NoClass = CLASS, **others: Any) -> DayFacts:
    return DayFacts(expected, taps, **others)


def concluded(known: DayFacts) -> DayConclusion:
    day = conclude_day(known)
    assert day is not None
    return day


@pytest.mark.parametrize(
    ("known", "status", "method"),
    [
        pytest.param(facts(tap("07:50")), "present", "taps", id="came"),
        pytest.param(facts(tap("07:50"), tap("15:31")), "present", "taps", id="came and left"),
        pytest.param(facts(tap("08:20")), "late", "taps", id="late"),
        pytest.param(facts(tap("15:31", "out")), "present", "taps", id="an exit without an entry"),
        pytest.param(
            facts(tap("07:50"), tap("13:00"), tap("14:00")), "present", "taps", id="three taps"
        ),
        pytest.param(
            facts(tap("07:50", "in"), tap("15:31", "out", gate_id=2)),
            "present",
            "taps",
            id="two gates",
        ),
        pytest.param(
            facts(tap("07:55", "in", card_kind="staff")), "present", "staff", id="lost card"
        ),
        pytest.param(
            facts(tap("09:00", "in", clock="unsynced")), "present", "taps", id="unsynced clock"
        ),
        pytest.param(facts(tap("23:59")), "present", "taps", id="23:59 is not lateness"),
        pytest.param(
            facts(tap("07:50"), tap("11:00")), "left_early", "taps", id="left during class"
        ),
        pytest.param(
            facts(tap("07:50"), tap("11:00", "out", card_kind="staff")),
            "left_early",
            "staff",
            id="collected: the staff entered the exit",
        ),
        pytest.param(
            facts(tap("08:20"), tap("11:00")), "left_early", "taps", id="late and left early"
        ),
        pytest.param(
            facts(tap("07:50"), tap("15:20:00")), "present", "taps", id="a class let out early"
        ),
        pytest.param(
            facts(tap("07:50"), tap("15:19:59")), "left_early", "taps", id="a second before that"
        ),
        pytest.param(
            facts(tap("07:50"), tap("07:55")), "present", "taps", id="out again before the bell"
        ),
        pytest.param(
            facts(tap("07:50"), tap("11:00", clock="unsynced")),
            "present",
            "taps",
            id="nobody left early by a clock that was not set",
        ),
        pytest.param(
            facts(tap("07:50"), tap("13:00"), expected=UNTIL_ONE),
            "present",
            "taps",
            id="early leave of the school",
        ),
        pytest.param(facts(tap("10:00"), expected=HOLIDAY), "no_class", "calendar", id="holiday"),
        pytest.param(
            facts(tap("10:00"), expected=SUSPENSION), "no_class", "calendar", id="suspension"
        ),
        pytest.param(facts(tap("10:00"), expected=SATURDAY), "no_class", "calendar", id="Saturday"),
        pytest.param(
            facts(tap("10:00"), expected=ELSEWHERE), "no_class", "calendar", id="not enrolled"
        ),
    ],
)
def test_who_was_seen(known: DayFacts, status: str, method: str) -> None:
    day = concluded(known)

    assert (day.status, day.method) == (status, method)
    assert concluded(replace(known, closed=True, data_ok=False)) == day


@pytest.mark.parametrize(
    ("known", "status", "method"),
    [
        pytest.param(facts(), None, None, id="the day is not over"),
        pytest.param(facts(closed=True), "absent", "closing", id="absent"),
        pytest.param(
            facts(closed=True, data_ok=False), "no_data", "closing", id="a gate was silent"
        ),
        pytest.param(facts(excused=ABSENCE), "justified", "absence", id="an approved absence"),
        pytest.param(
            facts(excused=ABSENCE, closed=True, data_ok=False),
            "justified",
            "absence",
            id="an approved absence is no matter of gates",
        ),
        pytest.param(facts(excused=LATE), None, None, id="expected later"),
        pytest.param(
            facts(excused=LATE, closed=True), "absent", "closing", id="was to come later, did not"
        ),
        pytest.param(facts(excused=EARLY, closed=True), "absent", "closing", id="did not come"),
        pytest.param(facts(expected=HOLIDAY), None, None, id="a holiday"),
        pytest.param(
            facts(expected=HOLIDAY, closed=True), "no_class", "calendar", id="a closed holiday"
        ),
        pytest.param(
            facts(expected=HOLIDAY, closed=True, data_ok=False),
            "no_class",
            "calendar",
            id="no class, whatever the gates",
        ),
        pytest.param(
            facts(expected=SATURDAY, excused=ABSENCE), None, None, id="absent over a weekend"
        ),
        pytest.param(facts(expected=ELSEWHERE), None, None, id="not enrolled yet"),
        pytest.param(facts(expected=ELSEWHERE, closed=True), None, None, id="left the school"),
        pytest.param(
            facts(tap("07:50", stream_id=7, seq=1), corrections=(ignore(1),)),
            None,
            None,
            id="the only tap was another child's",
        ),
        pytest.param(
            facts(tap("07:50", stream_id=7, seq=1), corrections=(ignore(1),), closed=True),
            "absent",
            "closing",
            id="and the day is closed",
        ),
    ],
)
def test_who_was_not_seen(known: DayFacts, status: str | None, method: str | None) -> None:
    day = conclude_day(known)

    assert (day and day.status, day and day.method) == (status, method)
    if day is not None:
        assert (day.first_entry_at, day.last_exit_at, day.inside) == (None, None, False)
        assert (day.minutes_late, day.passages) == (0, 0)
        assert day.confidence == ("unsure" if status == "no_data" else "sure")


@pytest.mark.parametrize(
    ("known", "status", "minutes_late", "method"),
    [
        pytest.param(facts(tap("08:20")), "late", 20, "taps", id="nobody asked"),
        pytest.param(facts(tap("08:20"), excused=LATE), "present", 0, "absence", id="justified"),
        pytest.param(
            facts(tap("08:20"), excused=ABSENCE),
            "present",
            0,
            "absence",
            id="excused for the day, came all the same",
        ),
        pytest.param(
            facts(tap("08:20"), excused=EARLY), "late", 20, "taps", id="excused for the afternoon"
        ),
        pytest.param(
            facts(tap("07:50"), excused=LATE), "present", 0, "taps", id="was in time after all"
        ),
        pytest.param(
            facts(tap("07:50"), tap("11:00"), excused=EARLY), "present", 0, "absence", id="may go"
        ),
        pytest.param(
            facts(tap("07:50"), tap("11:00"), excused=ABSENCE), "present", 0, "absence", id="came"
        ),
        pytest.param(
            facts(tap("07:50"), tap("11:00"), excused=LATE), "left_early", 0, "taps", id="left"
        ),
        pytest.param(
            facts(tap("08:20"), tap("11:00"), excused=LATE),
            "left_early",
            0,
            "absence",
            id="came late by leave and left without",
        ),
        pytest.param(
            facts(tap("08:20"), tap("11:00"), excused=EARLY),
            "late",
            20,
            "absence",
            id="came late without leave and left by leave",
        ),
        pytest.param(
            facts(tap("08:20"), tap("11:00")), "left_early", 20, "taps", id="neither by leave"
        ),
    ],
)
def test_what_is_excused(known: DayFacts, status: str, minutes_late: int, method: str) -> None:
    day = concluded(known)

    assert (day.status, day.minutes_late, day.method) == (status, minutes_late, method)


@pytest.mark.parametrize(
    ("corrections", "status", "minutes_late"),
    [
        pytest.param([set_status("present")], "present", 0, id="was in time"),
        pytest.param([set_status("late")], "late", 20, id="late: the minutes are known"),
        pytest.param([set_status("late", 7)], "late", 7, id="late by other minutes"),
        pytest.param([set_status("absent")], "absent", 0, id="the card was there, the child not"),
        pytest.param([set_status("left_early")], "left_early", 20, id="left without a tap"),
        pytest.param(
            [set_status("absent", id=1), set_status("justified", id=2)],
            "justified",
            0,
            id="the later of two",
        ),
        pytest.param(
            [set_status("justified", id=2), set_status("absent", id=1)],
            "justified",
            0,
            id="the later, in whatever order they are read",
        ),
    ],
)
def test_a_correction_says_the_status_and_leaves_the_taps(
    corrections: Sequence[Correction], status: str, minutes_late: int
) -> None:
    known = facts(tap("08:20", clock="unsynced"), tap("08:20"), tap("15:31"))

    day = concluded(replace(known, corrections=tuple(corrections)))

    assert (day.status, day.minutes_late, day.method) == (status, minutes_late, "correction")
    assert (day.first_entry_at, day.last_exit_at, day.passages) == (at("08:20"), at("15:31"), 2)
    assert day.confidence == "sure"


@pytest.mark.parametrize("expected", [CLASS, HOLIDAY, ELSEWHERE])
def test_a_correction_counts_where_nothing_was_seen(expected: Schedule | NoClass) -> None:
    known = facts(expected=expected, corrections=(set_status("late"),))

    day = concluded(known)

    assert day == DayConclusion("late", "correction")


def test_a_tap_that_is_ignored_never_was() -> None:
    borrowed = tap("07:50", stream_id=7, seq=1)
    own = tap("08:30", stream_id=7, seq=2)

    day = concluded(facts(borrowed, own, corrections=(ignore(1),)))

    assert day == concluded(facts(own))
    assert (day.status, day.minutes_late) == ("late", 30)


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (("ignore_tap", "restore_tap"), True),
        (("ignore_tap", "restore_tap", "ignore_tap"), False),
        (("restore_tap",), True),
    ],
)
def test_of_several_words_about_a_tap_the_last_counts(words: tuple[str, ...], counts: bool) -> None:
    own = tap("07:50", stream_id=7, seq=1)
    said = [Correction(number, word, stream_id=7, seq=1) for number, word in enumerate(words)]

    for order in (said, said[::-1]):
        assert (counted_taps(facts(own, corrections=tuple(order))) == [own]) is counts


@pytest.mark.parametrize(
    ("words", "counts"), [((), False), (("restore_tap",), True), (("ignore_tap",), False)]
)
def test_a_doubted_tap_counts_only_when_somebody_says_so(
    words: tuple[str, ...], *, counts: bool
) -> None:
    doubted = tap("07:50", stream_id=7, seq=1)._replace(doubt="replayed")
    said = tuple(Correction(number, word, stream_id=7, seq=1) for number, word in enumerate(words))

    assert (counted_taps(facts(doubted, corrections=said)) == [doubted]) is counts


def test_only_the_tap_of_that_stream_is_ignored() -> None:
    same_number = tap("07:50", stream_id=8, seq=1)

    assert counted_taps(facts(same_number, corrections=(ignore(1),))) == [same_number]


def test_a_correction_of_the_status_and_one_of_a_tap_count_both() -> None:
    known = facts(
        tap("07:50", stream_id=7, seq=1),
        tap("09:00", stream_id=7, seq=2),
        corrections=(set_status("present", id=1), ignore(1, id=2)),
    )

    day = concluded(known)

    assert (day.status, day.first_entry_at, day.inside) == ("present", at("09:00"), True)


@pytest.mark.parametrize(
    ("taps", "expected", "confidence"),
    [
        pytest.param([tap("07:50")], CLASS, "sure", id="in time"),
        pytest.param([tap("07:50", clock="repaired")], CLASS, "sure", id="a repaired clock"),
        pytest.param([tap("07:50", clock="unsynced")], CLASS, "unsure", id="an unset clock"),
        pytest.param([tap("15:30")], CLASS, "unsure", id="first seen when class was over"),
        pytest.param([tap("15:31", "out")], CLASS, "unsure", id="only seen leaving"),
        pytest.param([tap("15:30")], HOLIDAY, "sure", id="on a holiday there is nothing to doubt"),
    ],
)
def test_confidence(taps: list[DayTap], expected: Schedule | NoClass, confidence: str) -> None:
    assert concluded(facts(*taps, expected=expected)).confidence == confidence


@pytest.mark.parametrize(
    ("from_shown", "until_shown", "sure"),
    [
        pytest.param("07:50", "08:10", False, id="while students arrive"),
        pytest.param("07:50", None, False, id="and still"),
        pytest.param("05:00", "06:30", True, id="over before they come"),
        pytest.param("05:00", "06:30:01", False, id="a second too long"),
        pytest.param("09:00", "12:00", True, id="at noon"),
        pytest.param("08:59:59", "12:00", False, id="from the last arrivals on"),
    ],
)
def test_an_outage_makes_an_absence_doubtful_when_students_arrive(
    from_shown: str, until_shown: str | None, sure: bool
) -> None:
    outage = (at(from_shown), at(until_shown) if until_shown else None)

    assert data_ok(CLASS, [outage]) is sure


def test_without_an_outage_an_absence_is_sure() -> None:
    assert data_ok(CLASS, [])
