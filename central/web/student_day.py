"""One student's day: what happened, how that is known, what was changed, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from central.absences.queries import absences_on
from central.attendance.corrections_queries import (
    DayOf,
    ManualListed,
    corrections_after,
    manual_after,
)
from central.attendance.corrections_rules import STATUSES
from central.attendance.day_story_queries import DayStory, PassageTold, TapTold, day_story
from central.db import db
from central.errors import NotFound
from central.media.photo_queries import photo_consent, photos_on
from central.web import desk_forms as forms
from central.web.access import current_viewer, requires
from central.web.board_page import audience_of
from central.web.desk_forms import Here
from central.withdrawals.queries import WithdrawalListed, withdrawals_before

MOST = 100  # rows of one kind about one day

bp = Blueprint("student_day", __name__, url_prefix="/app/students")

TapKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the timeline: ``entry``, ``exit``, ``left_out``, ``proposed`` or ``refused``."""

    at: datetime
    kind: str
    tap: TapTold | None = None
    passage: PassageTold | None = None
    manual: ManualListed | None = None
    withdrawal: WithdrawalListed | None = None


@bp.get("/<int:student_id>")
@requires("see_attendance")
def today(student_id: int) -> ResponseReturnValue:
    on_date = forms.here().today.isoformat()
    return redirect(url_for("student_day.day", student_id=student_id, on_date=on_date), 303)


@bp.get("/<int:student_id>/days/<on_date>")
@requires("see_attendance")
def day(student_id: int, on_date: str) -> ResponseReturnValue:
    """A teacher sees the students of their own courses, and no reasons."""
    place, session, viewer = forms.here(), db.session(), current_viewer()
    shown = _date(on_date, place.today)
    student = forms.known_student(place, student_id)
    courses = audience_of(session, viewer).courses
    if courses is not None and student.course_id not in courses:
        raise NotFound("no such student")
    story = day_story(session, place.id, student_id, shown)
    of, withdraws = DayOf(student_id, shown), viewer.may("withdraw_students")
    manual = manual_after(session, place.id, 0, MOST, of=of)
    withdrawals = withdrawals_before(
        session, place.id, None, MOST, on_date=shown, student_id=student_id
    )
    return render_template(
        "student_day/day.html",
        place=place,
        student=student,
        on_date=shown,
        before=shown - timedelta(days=1),
        after=shown + timedelta(days=1) if shown < place.today else None,
        story=story,
        facts=_timeline(story, manual, withdrawals if withdraws else _done(withdrawals)),
        corrections=corrections_after(session, place.id, 0, MOST, of=of),
        absences=absences_on(session, place.id, student_id, shown),
        statuses=STATUSES,
        **_photos(place, student_id, shown),
    )


def _photos(place: Here, student_id: int, shown: date) -> dict[str, Any]:
    """The photos of the day and what the guardian said of photos, for who may see them."""
    if not current_viewer().may("see_photos"):
        return {"photos": {}, "consent": None}
    session = db.session()
    return {
        "photos": photos_on(session, place.id, student_id, shown),
        "consent": photo_consent(session, place.id, student_id),
    }


def _date(given: str, today: date) -> date:
    found = forms.optional_day(given)
    if found is None or found > today:
        raise NotFound("no such day")
    return found


def _done(withdrawals: Sequence[WithdrawalListed]) -> list[WithdrawalListed]:
    return [one for one in withdrawals if one.refusal is None]


def _timeline(
    story: DayStory, manual: Sequence[ManualListed], withdrawals: Sequence[WithdrawalListed]
) -> list[Fact]:
    """Everything with a time, earliest first."""
    by_hand: Mapping[Any, ManualListed] = {(one.stream_id, one.seq): one for one in manual}
    taken: Mapping[Any, WithdrawalListed] = {(one.stream_id, one.seq): one for one in withdrawals}
    facts = [
        Fact(
            passage.lead.at,
            passage.kind,
            passage.lead,
            passage,
            by_hand.get(_key(passage.lead)),
            taken.get(_key(passage.lead)),
        )
        for passage in story.passages
    ]
    facts += [Fact(tap.at, "left_out", tap) for tap in story.left_out]
    facts += [Fact(one.at, one.state, manual=one) for one in manual if one.stream_id is None]
    facts += [Fact(one.at, "refused", withdrawal=one) for one in withdrawals if one.refusal]
    return sorted(facts, key=lambda fact: fact.at)


def _key(tap: TapTold) -> TapKey:
    return tap.stream_id, tap.seq
