"""Looking up devices."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

_SCHOOLS = text("SELECT device_id, school_id FROM schools_of_devices(:device_ids)")


def schools_of(session: Session, device_ids: Iterable[str]) -> dict[str, int]:
    """The school of each of these devices; one that is unknown or revoked is left out.

    Looks across schools, so it needs none to be named. For the role ``ingest`` only.
    """
    rows = session.execute(_SCHOOLS, {"device_ids": sorted(set(device_ids))})
    return {row.device_id: row.school_id for row in rows}
