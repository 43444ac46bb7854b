"""Setting when and of what a school tells families."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.errors import Conflict
from central.no_shows.models import AlertPolicy
from central.no_shows.policy_queries import alert_settings
from central.no_shows.policy_rules import AlertSettings, settings_problem


def set_alerts(session: Session, school_id: int, new: AlertSettings, by: int) -> bool:
    """Keep new settings and who set what; whether they are other than before.

    They count from the next tap and the next check on. Raises Conflict for what cannot be.
    """
    problem = settings_problem(new)
    if problem is not None:
        raise Conflict(problem)
    before = alert_settings(session, school_id)
    changed = {
        name: [old, value]
        for name, old, value in zip(new._fields, before, new, strict=True)
        if old != value
    }
    if not changed:
        return False
    session.execute(
        insert(AlertPolicy)
        .values(school_id=school_id, **new._asdict())
        .on_conflict_do_update(index_elements=["school_id"], set_=new._asdict())
    )
    session.expire_all()
    record(session, school_id, by, "set_alerts", f"school:{school_id}", changed)
    return True
