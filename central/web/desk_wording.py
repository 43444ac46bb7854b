"""Absences, corrections and withdrawals in words that a school uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Final

from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _l

Words = Mapping[str, LazyString]

ABSENCE_KINDS: Final[Words] = {
    "absence": _l("Whole days"),
    "late": _l("Late arrival"),
    "early_leave": _l("Early leave"),
}
ABSENCE_REASONS: Final[Words] = {
    "illness": _l("Illness"),
    "medical": _l("Medical appointment"),
    "family": _l("Family matter"),
    "bereavement": _l("Bereavement"),
    "procedure": _l("Official procedure"),
    "travel": _l("Travel"),
    "sports": _l("Sports or culture"),
    "transport": _l("Transport"),
    "other": _l("Other reason"),
}
ABSENCE_STATUSES: Final[Words] = {
    "pending": _l("To decide"),
    "approved": _l("Approved"),
    "rejected": _l("Rejected"),
    "withdrawn": _l("Withdrawn"),
}
ABSENCE_EVENTS: Final[Words] = {
    "requested": _l("Requested"),
    "approved": _l("Approved"),
    "rejected": _l("Rejected"),
    "withdrawn": _l("Withdrawn"),
    "reopened": _l("Decision taken back"),
}
DAY_STATUSES: Final[Words] = {
    "present": _l("Present"),
    "late": _l("Came late"),
    "absent": _l("Was absent"),
    "justified": _l("Justified"),
    "left_early": _l("Left early"),
    "no_class": _l("No classes"),
    "no_data": _l("No data"),
}
METHODS: Final[Words] = {
    "taps": _l("by card"),
    "staff": _l("registered by staff"),
    "absence": _l("by an approved request"),
    "correction": _l("by a signed correction"),
    "calendar": _l("by the calendar"),
    "closing": _l("nobody was seen until the day was closed"),
}
SIGNED_STATES: Final[Words] = {
    "applied": _l("In force"),
    "proposed": _l("Waits for a second person"),
    "approved": _l("Approved"),
    "rejected": _l("Rejected"),
}
DIRECTIONS: Final[Words] = {"in": _l("Entry"), "out": _l("Exit")}
RELATIONSHIPS: Final[Words] = {
    "mother": _l("Mother"),
    "father": _l("Father"),
    "grandparent": _l("Grandparent"),
    "sibling": _l("Sibling"),
    "uncle_aunt": _l("Uncle or aunt"),
    "transport": _l("School transport"),
    "neighbour": _l("Neighbour or friend"),
    "other": _l("Other"),
}
WITHDRAWAL_REASONS: Final[Words] = {
    "medical": _l("Medical appointment"),
    "illness": _l("Feels ill"),
    "family": _l("Family matter"),
    "procedure": _l("Official procedure"),
    "other": _l("Other reason"),
}
IDENTITY_KINDS: Final[Words] = {"run": _l("RUN"), "passport": _l("Passport or foreign document")}
REFUSALS: Final[Words] = {
    "custody": _l("A court order does not allow this person to collect the student."),
    "not_authorised": _l("The family has not given this guardian the right to collect."),
    "not_yet": _l("The authorisation begins on a later day."),
    "expired": _l("The authorisation has ended."),
    "revoked": _l("The family has taken the authorisation back."),
    "other_identity": _l("The document is not the one of the person on file."),
}

# code of a failure -> what went wrong and what to do
PROBLEMS: Final[Words] = {
    "document_too_large": _l("The file is larger than 10 MB. Send a smaller one."),
    "document_type_unknown": _l("Only PDF, JPEG, PNG and WebP files can be attached."),
    "dates_do_not_fit": _l("Check the dates: the last one cannot be before the first."),
    "asked_already": _l("There is a request for these dates already."),
    "already_decided": _l("It was decided meanwhile. This is how it stands now."),
    "second_person": _l("Another person must confirm what you entered yourself."),
    "time_out_of_range": _l("The time cannot be in the future."),
    "day_out_of_range": _l("That day cannot be corrected."),
    "minutes_late_do_not_fit": _l("Say by how many minutes the student was late, from 1 to 600."),
    "tap_left_out_already": _l("That passage is left out already."),
    "tap_counts_already": _l("That passage counts already."),
    "identity_invalid": _l("The number is not right. Check it against the document."),
    "authorised_already": _l("This person is authorised already."),
    "dates_out_of_order": _l("Check the dates: the last one cannot be before the first."),
    "phone_invalid": _l("Write the telephone with its country, such as +56 9 1234 5678."),
    "signature_missing": _l("The signature is missing. Draw it, or say that it is on paper."),
    "incomplete": _l("Something is missing. Fill in every field that is not optional."),
    "busy": _l("The file could not be kept. Try again in a moment."),
}


def absence_kind(kind: str, comes_at: time | None) -> str:
    """What is to be excused, for one to be late with the time until which."""
    if comes_at is None:
        return str(ABSENCE_KINDS[kind])
    return str(gettext("Comes at %(time)s", time=comes_at.isoformat("minutes")))


def problem_words(code: str) -> LazyString:
    """What to tell a person about a failure of this code."""
    return PROBLEMS.get(code, PROBLEMS["incomplete"])
