"""What devices reply: which configuration they run, and what came of orders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.devices.steering_rules import command_of
from contracts.control import Answer, Reported

MOST_LETTERS: Final = 64 * 1024  # of a reply as JSON: two hundred lines of a log

_REPORTED = text("""
    WITH news AS (
        SELECT d.school_id, d.id, n.reported
        FROM unnest(CAST(:device_ids AS text[]), CAST(:replies AS text[]))
             AS n (device_id, reported)
        JOIN devices d ON d.id = n.device_id
        ORDER BY d.id FOR NO KEY UPDATE OF d
    )
    UPDATE devices d SET reported = CAST(n.reported AS jsonb), reported_at = :now
    FROM news n WHERE d.school_id = n.school_id AND d.id = n.id
""")
# The device is known from the topic: one device cannot answer for another.
_ANSWERED = text("""
    UPDATE commands c
    SET answered_at = :now, ok = a.ok, error = a.error, result = CAST(a.result AS jsonb)
    FROM unnest(CAST(:device_ids AS text[]), CAST(:ids AS bigint[]), CAST(:oks AS boolean[]),
                CAST(:errors AS text[]), CAST(:results AS text[]))
         AS a (device_id, id, ok, error, result)
    WHERE c.device_id = a.device_id AND c.id = a.id AND c.answered_at IS NULL
""")
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # PostgreSQL's text knows no NUL


def note_reports(
    session: Session, reports: Iterable[tuple[str, Reported]], *, now: datetime
) -> None:
    """Keep what each device last said that it runs, and what it refused."""
    latest = dict(reports)
    if not latest:
        return
    session.execute(
        _REPORTED,
        {
            "device_ids": list(latest),
            "replies": [storable(json.loads(report.to_json())) for report in latest.values()],
            "now": now,
        },
    )


def note_answers(session: Session, answers: Iterable[tuple[str, Answer]], *, now: datetime) -> None:
    """Enter the first answer to each order; what answers no order of that device is ignored."""
    first: dict[tuple[str, int], Answer] = {}
    for device_id, answer in answers:
        command_id = command_of(answer.id)
        if command_id is not None:
            first.setdefault((device_id, command_id), answer)
    if not first:
        return
    session.execute(
        _ANSWERED,
        {
            "device_ids": [device_id for device_id, _ in first],
            "ids": [command_id for _, command_id in first],
            "oks": [answer.ok for answer in first.values()],
            "errors": [answer.error for answer in first.values()],
            "results": [storable(answer.result) for answer in first.values()],
            "now": now,
        },
    )


def storable(reply: Mapping[str, Any]) -> str:
    """As JSON that PostgreSQL takes, whatever a device sent; one that is too long is left out."""
    try:
        content = json.dumps(dict(reply), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return '{"left_out": "not JSON"}'
    if len(content) > MOST_LETTERS:
        return '{"left_out": "too long"}'
    whole = content.encode("utf-8", "replace").decode()  # half a pair of surrogates is no letter
    return _NUL.sub(r"\1 ", whole)
