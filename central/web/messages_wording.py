"""What happened to a message, in words a school understands, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from central.notifications.channel import Refused
from central.notifications.queries import LoggedMessage
from central.notifications.rules import Meaning, meaning_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """``code`` is the provider's, for whoever has to look it up."""

    reason: LazyString
    advice: LazyString
    code: int | None = None


_CHECK_NUMBER: Final = _l("Ask the family for their WhatsApp number; meanwhile, call them.")
_TELL_TECHNICIAN: Final = _l("Tell whoever looks after the system, with the code.")

# our own reasons, see central/notifications/rules.py
_OURS: Final = {
    "guardian_stopped": (
        _l("The guardian asked for no more messages"),
        _l("Nothing to do. They can ask for them again by writing to the school's number."),
    ),
    "expired": (
        _l("It was too old to be useful when it could be sent"),
        _l("Nothing was sent. Call the family if they should know."),
    ),
    "no_phone": (_l("The guardian has no telephone number"), _l("Add one to the guardian.")),
    "moot": (
        _l("The student had come, or the family had answered, before it was sent"),
        _l("Nothing to do. It was not sent, so that nobody is alarmed."),
    ),
    "empty_parameter": (
        _l("The student's or the gate's name is empty"),
        _l("Complete the name; the next message will leave."),
    ),
}
# the provider's codes that say something about this one family
_CODES: Final = {
    131026: (_l("WhatsApp cannot deliver to this number"), _CHECK_NUMBER),
    131021: (_l("The number is the school's own"), _CHECK_NUMBER),
    131030: (
        _l("The school's test number may not write to this number"),
        _l("In a trial, add the number to the allowed ones in Meta's console."),
    ),
    131049: (
        _l("WhatsApp held it back to spare the person messages"),
        _l("Nothing to do. Call the family if they should know today."),
    ),
    131050: (
        _l("The person does not accept this kind of message"),
        _l("Nothing to do. Agree with the family on another way."),
    ),
    130472: (
        _l("WhatsApp held it back for an experiment of its own"),
        _l("Nothing to do. Call the family if they should know today."),
    ),
    130497: (_l("WhatsApp does not allow it in the number's country"), _CHECK_NUMBER),
    131047: (_l("WhatsApp wants an approved template for this person"), _TELL_TECHNICIAN),
}
_MEANINGS: Final = {
    Meaning.DEAD_LETTER: (
        _l("WhatsApp refused the text: its template is not as approved"),
        _TELL_TECHNICIAN,
    ),
    Meaning.HALT: (
        _l("The school's WhatsApp account may not send at the moment"),
        _TELL_TECHNICIAN,
    ),
}
_OTHERWISE: Final = (
    _l("WhatsApp did not work for a while, and it was given up"),
    _l("Nothing to do if others arrive. Call the family if they should know."),
)
_UNKNOWN: Final = Explanation(
    _l("WhatsApp did not answer in time"),
    _l("It may have arrived. It is not sent twice; WhatsApp may still tell."),
)
_HELD_UP: Final = Explanation(
    _l("WhatsApp is not answering"),
    _l("It leaves by itself as soon as WhatsApp does."),
)


def explain(message: LoggedMessage) -> Explanation | None:
    """Why a message stands where it stands; None where nothing needs explaining."""
    if message.status == "unknown":
        return _UNKNOWN
    if message.status == "queued" and message.error is not None:
        return _HELD_UP
    if message.error in _OURS:
        return Explanation(*_OURS[message.error])
    if message.status != "failed":
        return None
    if message.error_code in _CODES:
        return Explanation(*_CODES[message.error_code], message.error_code)
    meaning = meaning_of(Refused(message.error_code, 0, message.error or ""))
    return Explanation(*_MEANINGS.get(meaning, _OTHERWISE), message.error_code)
