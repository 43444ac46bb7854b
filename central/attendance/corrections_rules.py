"""What may be corrected, and by whom it must be confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

APPROVED: Final = "approved"
REJECTED: Final = "rejected"
TASK_ENDS: Final = {APPROVED: "done", REJECTED: "dismissed"}

# Whether there is class, and whether data is missing, are no one student's.
STATUSES: Final = ("present", "late", "absent", "justified", "left_early")
MOST_MINUTES_LATE: Final = 600

LONGEST_DEVICE_ID: Final = 40


@dataclass(frozen=True, slots=True)
class Verdict:
    """A second person's decision: ``approved`` or ``rejected``."""

    state: str
    by: int
    note: str | None = None


def minutes_fit(status: str, minutes_late: int | None) -> bool:
    """Whether these minutes make sense with the status: a late student is late by some."""
    if status == "late":
        return minutes_late is not None and 1 <= minutes_late <= MOST_MINUTES_LATE
    return minutes_late is None


def staff_device_id(slug: str, school_id: int) -> str:
    """The sender under which a school's staff make taps."""
    plain = f"{slug}-staff"
    return plain if len(plain) <= LONGEST_DEVICE_ID else f"school-{school_id}-desk-staff"
