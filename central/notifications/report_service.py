"""Taking in what the provider reports about messages it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from central.db import enter_schools
from central.events import NOTIFICATIONS, announce
from central.notifications.report_rules import Standing, StatusReport, after_report
from central.notifications.service import LOCK_ROWS

Key = tuple[int, int]

_WRITE: Final = text("""
    UPDATE notifications n SET
        status = r.status,
        lease_until = NULL,
        provider_id = r.provider_id,
        sent_at = r.sent_at,
        delivered_at = r.delivered_at,
        read_at = r.read_at,
        failed_at = r.failed_at,
        error_code = r.error_code,
        error = r.error
    FROM unnest(
        CAST(:schools AS bigint[]), CAST(:ids AS bigint[]), CAST(:status AS text[]),
        CAST(:provider_id AS text[]), CAST(:sent_at AS timestamptz[]),
        CAST(:delivered_at AS timestamptz[]), CAST(:read_at AS timestamptz[]),
        CAST(:failed_at AS timestamptz[]), CAST(:error_code AS integer[]), CAST(:error AS text[])
    ) AS r (school_id, id, status, provider_id, sent_at, delivered_at, read_at, failed_at,
        error_code, error)
    WHERE n.school_id = r.school_id AND n.id = r.id
""")
_STOP: Final = text("SELECT school_id FROM stop_guardians(:phones, :now)")
_PARTS: Final = tuple(item.name for item in fields(Standing))


def apply_reports(session: Session, reports: Sequence[StatusReport]) -> int:
    """Move the messages reported on, and tell who watches; returns how many reports fit none.

    Enters the schools that the reports name. Repeating a call changes nothing, and so does its
    order among others.
    """
    if not reports:
        return 0
    enter_schools(session, {report.school_id for report in reports})
    named = sorted({_key(report) for report in reports})
    schools, ids = zip(*named, strict=True)
    rows = session.execute(LOCK_ROWS, {"schools": list(schools), "ids": list(ids)})
    before = {(row.school_id, row.id): _standing(row) for row in rows}
    after = dict(before)
    for report in reports:
        if _key(report) in after:
            after[_key(report)] = after_report(after[_key(report)], report)
    _write(session, {key: after[key] for key in before if after[key] != before[key]})
    return sum(_key(report) not in before for report in reports)


def stop_guardians(session: Session, phones: Iterable[str], *, now: datetime) -> int:
    """Send nothing more to these phones, in no school; returns how many guardians it was.

    Across schools on purpose: one number serves them all, and who writes to it means all of it.
    """
    named = sorted(set(phones))
    if not named:
        return 0
    return len(session.scalars(_STOP, {"phones": named, "now": now}).all())


def _write(session: Session, changed: Mapping[Key, Standing]) -> None:
    if not changed:
        return
    columns: dict[str, Any] = {
        part: [getattr(standing, part) for standing in changed.values()] for part in _PARTS
    }
    schools = [school_id for school_id, _ in changed]
    session.execute(_WRITE, {"schools": schools, "ids": [id_ for _, id_ in changed], **columns})
    announce(session, ((school_id, NOTIFICATIONS) for school_id in schools))


def _key(report: StatusReport) -> Key:
    return report.school_id, report.notification_id


def _standing(row: Row[Any]) -> Standing:
    return Standing(*(getattr(row, part) for part in _PARTS))
