"""What to do with a message: tables."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.notifications.channel import (
    Accepted,
    Outcome,
    Recorded,
    Refused,
    Unanswered,
    Unreachable,
)
from central.notifications.rules import (
    EXPIRES_AFTER,
    MOST_ATTEMPTS,
    PAIR_WAIT,
    REPORTS,
    Meaning,
    advance,
    halt_after,
    meaning_of,
    next_step,
    reason_to_withhold,
    retry_delay,
    withheld,
)
from tests.central.messages import SEEN, a_message

NOW = SEEN + timedelta(seconds=5)


def refused(code: int | None, http_status: int = 400) -> Refused:
    return Refused(code, http_status, "what Meta said")


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1), (2, 4), (3, 16), (4, 64), (5, 64), (MOST_ATTEMPTS, 64)]
)
def test_each_failure_waits_four_times_as_long_as_the_one_before(
    attempt: int, seconds: int
) -> None:
    assert retry_delay(attempt, 0.0) == timedelta(seconds=seconds)
    assert retry_delay(attempt, 0.5) == timedelta(seconds=seconds * 1.25)


@given(attempt=st.integers(1, 50), jitter=st.floats(0, 1, exclude_max=True))
def test_jitter_adds_at_most_a_half(attempt: int, jitter: float) -> None:
    base = retry_delay(attempt, 0.0)

    assert base <= retry_delay(attempt, jitter) <= base * 1.5


@pytest.mark.parametrize(
    ("code", "http_status", "meaning"),
    [
        (130429, 429, Meaning.SLOW_DOWN),
        (131056, 400, Meaning.SPARE_GUARDIAN),
        (131026, 400, Meaning.GIVE_UP),
        (131047, 400, Meaning.DEAD_LETTER),
        (131048, 429, Meaning.HALT),  # its status alone would only slow us down
        (131049, 400, Meaning.GIVE_UP),
        (131050, 400, Meaning.GIVE_UP),
        (132000, 400, Meaning.DEAD_LETTER),
        (132001, 404, Meaning.DEAD_LETTER),
        (132012, 400, Meaning.DEAD_LETTER),
        (132015, 400, Meaning.DEAD_LETTER),
        (132016, 400, Meaning.DEAD_LETTER),
        (131000, 500, Meaning.RETRY),
        (131016, 503, Meaning.RETRY),
        (2, 503, Meaning.RETRY),
        (190, 401, Meaning.HALT),
        (0, 401, Meaning.HALT),
        (33, 400, Meaning.HALT),
        (None, 502, Meaning.RETRY),
        (None, 429, Meaning.SLOW_DOWN),
        (None, 401, Meaning.HALT),
        (None, 403, Meaning.HALT),
        (None, 404, Meaning.DEAD_LETTER),
        (999999, 400, Meaning.DEAD_LETTER),
        (999999, 500, Meaning.RETRY),
    ],
)
def test_each_refusal_has_a_meaning(code: int | None, http_status: int, meaning: Meaning) -> None:
    assert meaning_of(refused(code, http_status)) is meaning


def test_a_spam_limit_rests_much_longer_than_a_wrong_token() -> None:
    assert halt_after(refused(131048)) >= 10 * halt_after(refused(190))


@pytest.mark.parametrize(
    ("outcome", "status", "wait", "counts"),
    [
        (Accepted("wamid.1"), "sent", None, True),
        (Recorded(), "recorded", None, False),
        (Unanswered("ReadTimeout"), "unknown", None, True),
        (Unreachable("ConnectionError"), "queued", timedelta(0), False),
        (refused(131000, 500), "queued", timedelta(seconds=1), True),
        (refused(131056), "queued", PAIR_WAIT, False),
        (refused(130429, 429), "queued", timedelta(0), False),
        (refused(190, 401), "queued", timedelta(0), False),
        (refused(131048, 429), "queued", timedelta(0), False),
        (refused(131026), "failed", None, True),
        (refused(132000), "failed", None, True),
    ],
)
def test_every_outcome_has_its_next_step(
    outcome: Outcome, status: str, wait: timedelta | None, counts: bool
) -> None:
    step = next_step(a_message(), outcome, now=NOW, jitter=0.0)

    assert step.status == status
    assert step.due_at == (None if wait is None else NOW + wait)
    assert step.counts is counts


def test_a_refusal_is_kept_with_its_code_and_words() -> None:
    step = next_step(a_message(), refused(131026), now=NOW, jitter=0.0)

    assert (step.error_code, step.error) == (131026, "what Meta said")


def test_an_accepted_message_knows_the_id_that_meta_gave_it() -> None:
    assert next_step(a_message(), Accepted("wamid.1"), now=NOW, jitter=0.0).provider_id == "wamid.1"


def test_the_provider_may_fail_only_so_often_on_one_message() -> None:
    trouble = refused(131000, 500)

    last_but_one = next_step(a_message(attempts=MOST_ATTEMPTS - 2), trouble, now=NOW, jitter=0.0)
    last = next_step(a_message(attempts=MOST_ATTEMPTS - 1), trouble, now=NOW, jitter=0.0)

    assert last_but_one.status == "queued"
    assert last.status == "failed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"stopped": True}, "guardian_stopped"),
        ({"phone": None}, "no_phone"),
        ({"given_name": " "}, "empty_parameter"),
        ({"gate": ""}, "empty_parameter"),
        ({"kind": "absence", "gate": None}, None),
        ({"kind": "absence", "gate": None, "moot": True}, "moot"),
        ({"fact_at": NOW - EXPIRES_AFTER}, "expired"),
        ({"fact_at": NOW - EXPIRES_AFTER + timedelta(seconds=1)}, None),
    ],
)
def test_some_messages_are_not_sent_after_all(changes: dict[str, object], reason: str) -> None:
    assert reason_to_withhold(a_message(**changes), NOW) == reason


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("guardian_stopped", "recorded"),
        ("expired", "failed"),
        ("no_phone", "failed"),
        ("empty_parameter", "failed"),
    ],
)
def test_a_guardians_wish_is_no_failure(reason: str, status: str) -> None:
    step = withheld(reason)

    assert (step.status, step.error, step.counts) == (status, reason, False)


@pytest.mark.parametrize(
    ("current", "reported", "result"),
    [
        ("sent", "delivered", "delivered"),
        ("delivered", "read", "read"),
        ("sent", "read", "read"),  # delivered was late or lost
        ("read", "delivered", "read"),
        ("read", "sent", "read"),
        ("delivered", "sent", "delivered"),
        ("sent", "failed", "failed"),
        ("failed", "sent", "failed"),
        ("failed", "delivered", "delivered"),  # on another device of the guardian
        ("delivered", "failed", "delivered"),
        ("read", "failed", "read"),
        ("unknown", "sent", "sent"),
        ("unknown", "delivered", "delivered"),
        ("unknown", "read", "read"),
        ("unknown", "failed", "failed"),
        ("sending", "sent", "sent"),
        ("sending", "failed", "failed"),
        ("queued", "delivered", "delivered"),  # the error that we saw was not the truth
        ("queued", "failed", "queued"),  # the next try is on its way
        ("recorded", "delivered", "recorded"),
    ],
)
def test_a_report_only_ever_lifts_a_message(current: str, reported: str, result: str) -> None:
    assert advance(current, reported) == result
    assert advance(result, reported) == result


@given(
    start=st.sampled_from(["sending", "unknown", "sent", "failed"]),
    reports=st.lists(st.sampled_from(REPORTS), max_size=8),
    data=st.data(),
)
def test_the_order_and_number_of_reports_do_not_matter(
    start: str, reports: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(reports + reports))

    assert _all(start, shuffled) == _all(start, reports)


def _all(status: str, reports: list[str]) -> str:
    for reported in reports:
        status = advance(status, reported)
    return status


@pytest.mark.parametrize(
    ("kind", "attempts", "status"),
    [
        ("absence", 0, "queued"),  # better two of these than none
        ("absence", 1, "queued"),
        ("absence", 2, "unknown"),
        ("entry", 0, "unknown"),
        ("arrived_after_alert", 0, "unknown"),
        ("withdrawal", 0, "unknown"),
    ],
)
def test_only_an_absence_is_repeated_after_a_send_without_an_answer(
    kind: str, attempts: int, status: str
) -> None:
    message = a_message(kind=kind, attempts=attempts)

    step = next_step(message, Unanswered("ReadTimeout"), now=NOW, jitter=0)

    assert step.status == status
    assert step.counts
    if status == "queued":
        assert step.due_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kind", "hours"),
    [("entry", 2), ("absence", 3), ("arrived_after_alert", 12), ("withdrawal", 12)],
)
def test_each_kind_is_worth_sending_for_its_own_time(kind: str, hours: int) -> None:
    gate = "Norte" if kind in ("entry", "arrived_after_alert") else None
    old = a_message(kind=kind, gate=gate, fact_at=NOW - timedelta(hours=hours))

    assert reason_to_withhold(old, NOW) == "expired"
    assert reason_to_withhold(old, NOW - timedelta(seconds=1)) is None
