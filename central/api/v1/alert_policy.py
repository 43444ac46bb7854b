"""When and of what a school tells families."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from apiflask import APIBlueprint
from pydantic import Field

from central.api.auth import bearer, caller_who
from central.api.fields import Answer, BodyWhole, Nothing, Request
from central.api.v1.scope import school_of
from central.db import db
from central.no_shows.policy_queries import alert_settings, volumes
from central.no_shows.policy_rules import (
    LONGEST_GRACE_MINUTES,
    LONGEST_SILENCE_MINUTES,
    SHORTEST_SILENCE_MINUTES,
    AlertSettings,
    messages_a_day,
)
from central.no_shows.policy_service import set_alerts
from central.schools.queries import today_at

bp = APIBlueprint("api_alert_policy", __name__, url_prefix="/api/v1/alert-policy", tag="School")

_Switch = Annotated[bool, Field(strict=True)]
_GRACE: Final = "Minutes after the bell until a student is missing; null is the installation's"


class AlertPolicyIn(Request):
    grace_minutes: Annotated[
        Annotated[int, Field(ge=0, le=LONGEST_GRACE_MINUTES), BodyWhole] | None,
        Field(description=_GRACE),
    ]
    most_absent_percent: Annotated[
        int, Field(ge=1, le=100, description="Above it nobody is told by itself"), BodyWhole
    ]
    silent_after_minutes: Annotated[
        int, Field(ge=SHORTEST_SILENCE_MINUTES, le=LONGEST_SILENCE_MINUTES), BodyWhole
    ]
    tell_entries: _Switch
    tell_exits: _Switch
    tell_late: _Switch
    ask_first: Annotated[_Switch, Field(description="A person confirms every absence alert")]


class MessagesOut(Answer):
    """Of each kind what there would be on a school day if it were told."""

    days: Annotated[int, Field(description="How many closed days this was seen on")]
    entries: float
    exits: float
    late: float
    absences: float


class AlertPolicyOut(Answer):
    grace_minutes: Annotated[int | None, Field(description=_GRACE)]
    most_absent_percent: int
    silent_after_minutes: int
    tell_entries: bool
    tell_exits: bool
    tell_late: bool
    ask_first: bool
    messages_a_day: Annotated[int, Field(description="As it is set, on a usual school day")]
    messages: MessagesOut


@bp.get("")
@bp.auth_required(bearer)
@bp.input(Nothing, location="query")
@bp.output(AlertPolicyOut)
@bp.doc(operation_id="get_alert_policy")
def policy(query_data: Nothing) -> AlertPolicyOut:
    """What families are told, and how many messages that is."""
    return _policy(school_of(caller_who("see_settings")))


@bp.put("")
@bp.auth_required(bearer)
@bp.input(AlertPolicyIn)
@bp.output(AlertPolicyOut)
@bp.doc(operation_id="set_alert_policy")
def set_policy(json_data: AlertPolicyIn) -> AlertPolicyOut:
    """Other settings, all of them, from the next tap and the next check on."""
    viewer, session = caller_who("manage_alerts"), db.session()
    set_alerts(session, school_of(viewer), AlertSettings(**json_data.model_dump()), viewer.user_id)
    session.commit()
    return _policy(school_of(viewer))


def _policy(school_id: int) -> AlertPolicyOut:
    session = db.session()
    chosen = alert_settings(session, school_id)
    usual = volumes(session, school_id, today_at(session, school_id, now=datetime.now(UTC)))
    return AlertPolicyOut(
        **chosen._asdict(),
        messages_a_day=messages_a_day(chosen, usual),
        messages=MessagesOut.model_validate(usual),
    )
