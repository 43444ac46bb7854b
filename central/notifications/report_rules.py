"""What the provider's webhooks say, and what a report makes of a message. Pure.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from central.notifications.rules import REPORTS, advance

STOP_WORDS: Final = frozenset({"ALTO", "STOP", "BAJA"})
_REFERENCE: Final = re.compile(r"([1-9][0-9]{0,17}):([1-9][0-9]{0,17})")
_PROVIDER_ID: Final = re.compile(r"[!-~]{1,300}")
_PHONE: Final = re.compile(r"[1-9][0-9]{7,14}")
_TEXT_LIMIT: Final = 300


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The provider's word on one message; ``at`` is by its clock, in whole seconds."""

    school_id: int
    notification_id: int
    provider_id: str
    status: str
    at: datetime
    error_code: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Somebody wrote that they want no more messages. ``phone`` is E.164."""

    phone: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery of the provider's. ``foreign`` counts status reports on nothing of ours."""

    reports: tuple[StatusReport, ...]
    stops: tuple[StopRequest, ...]
    foreign: int


@dataclass(frozen=True, slots=True)
class Standing:
    """All of a message that a report can change."""

    status: str
    provider_id: str | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    error_code: int | None
    error: str | None


def read_webhook(payload: object) -> Webhook:
    """Pick out what concerns us; whatever else the provider sends is passed over."""
    reports: list[StatusReport] = []
    stops: list[StopRequest] = []
    foreign = 0
    for value in _values(payload):
        for status in _objects(value.get("statuses")):
            report = _report(status)
            if report is None:
                foreign += 1
            else:
                reports.append(report)
        stops.extend(_stops(value))
    return Webhook(tuple(reports), tuple(stops), foreign)


def after_report(standing: Standing, report: StatusReport) -> Standing:
    """How a message stands after a report. The order and the number of reports do not matter.

    The earliest time told for a status is kept. A failure is kept only while it is the end: once
    the message is seen on a phone, a failure on another device of the guardian is no news.
    """
    if standing.status == "recorded":
        return standing
    status = advance(standing.status, report.status)
    told = replace(
        standing,
        status=status,
        provider_id=standing.provider_id or report.provider_id,
        sent_at=_earliest(standing.sent_at, report, "sent"),
        delivered_at=_earliest(standing.delivered_at, report, "delivered"),
        read_at=_earliest(standing.read_at, report, "read"),
    )
    if status == "queued":
        return standing
    if status != "failed":
        return replace(told, failed_at=None, error_code=None, error=None)
    return _with_failure(told, report)


def _with_failure(standing: Standing, report: StatusReport) -> Standing:
    """Of several failures the earliest, then that of the lowest code, whichever came first."""
    if report.status != "failed":
        return standing
    told = (report.at, report.error_code or 0, report.error or "")
    if standing.failed_at is not None:
        known = (standing.failed_at, standing.error_code or 0, standing.error or "")
        if known <= told:
            return standing
    return replace(standing, failed_at=report.at, error_code=report.error_code, error=report.error)


def _earliest(known: datetime | None, report: StatusReport, status: str) -> datetime | None:
    if report.status != status:
        return known
    # Our own time of sending is finer than the provider's seconds; within one it is kept, so that
    # the report of every message does not rewrite its row for nothing.
    if known is not None and known.replace(microsecond=0) <= report.at:
        return known
    return report.at


def _report(status: Mapping[str, object]) -> StatusReport | None:
    reference = _REFERENCE.fullmatch(_text(status.get("biz_opaque_callback_data")))
    provider_id = _text(status.get("id"))
    at = _moment(status.get("timestamp"))
    word = status.get("status")
    if not reference or not _PROVIDER_ID.fullmatch(provider_id) or at is None:
        return None
    if word not in REPORTS:
        return None
    code, text = _error(status.get("errors"))
    return StatusReport(
        int(reference[1]), int(reference[2]), provider_id, str(word), at, code, text
    )


def _error(errors: object) -> tuple[int | None, str | None]:
    error = next(_objects(errors), None)
    if error is None:
        return None, None
    code = error.get("code")
    title = _text(error.get("title")) or _text(error.get("message"))
    known = type(code) is int and 0 <= code < 2**31
    return code if known else None, title[:_TEXT_LIMIT] or None  # type: ignore[return-value]


def _stops(value: Mapping[str, object]) -> Iterator[StopRequest]:
    for message in _objects(value.get("messages")):
        text = message.get("text")
        body = text.get("body") if isinstance(text, Mapping) else None
        sender = _text(message.get("from"))
        if _PHONE.fullmatch(sender) and _text(body).strip(" .!").upper() in STOP_WORDS:
            yield StopRequest(f"+{sender}")


def _values(payload: object) -> Iterator[Mapping[str, object]]:
    root = payload if isinstance(payload, Mapping) else {}
    for entry in _objects(root.get("entry")):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, Mapping):
                yield value


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def _text(value: object) -> str:
    """PostgreSQL stores no NUL, and half a surrogate pair cannot be encoded at all."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode(errors="replace").decode()


def _moment(value: object) -> datetime | None:
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
