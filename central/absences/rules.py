"""What an absence may be asked for, and how its request moves from state to state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Final

REASONS: Final = (
    *("illness", "medical", "family", "bereavement", "procedure"),
    *("travel", "sports", "transport", "other"),
)
MOST_DAYS: Final = 366  # a mistyped year must not excuse a child until they leave school
MOST_BACK: Final = timedelta(days=400)
MOST_AHEAD: Final = timedelta(days=400)
LONGEST_TEXT: Final = 500

APPROVE, REJECT, WITHDRAW, REOPEN = "approve", "reject", "withdraw", "reopen"
# action -> from which states it leads where; what was decided can be taken back and decided anew
STEPS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    APPROVE: (frozenset({"pending"}), "approved"),
    REJECT: (frozenset({"pending"}), "rejected"),
    WITHDRAW: (frozenset({"pending", "approved"}), "withdrawn"),
    REOPEN: (frozenset({"approved", "rejected", "withdrawn"}), "pending"),
}
# state -> how the task that asked for a decision ends
TASK_ENDS: Final = {"approved": "done", "rejected": "done", "withdrawn": "dismissed"}


def after(status: str, action: str) -> str | None:
    """The state that follows, or None if the action is not possible from this one."""
    possible, leads_to = STEPS[action]
    return leads_to if status in possible else None


def actions(status: str) -> tuple[str, ...]:
    """What can be done with a request in this state."""
    return tuple(action for action in STEPS if after(status, action) is not None)


def time_fits(kind: str, comes_at: time | None) -> bool:
    """Whether the request says when the student comes exactly if it is one to be late."""
    return (kind == "late") == (comes_at is not None)


def dates_fit(from_on: date, until_on: date, today: date) -> bool:
    """Whether somebody can mean these dates: in order, not too many, of about this year."""
    days = (until_on - from_on).days + 1
    return 1 <= days <= MOST_DAYS and today - MOST_BACK <= from_on <= today + MOST_AHEAD
