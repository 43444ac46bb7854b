"""Failures that the domain can name. Services raise them; entry points translate them.

DomainError
├── NotFound            the thing does not exist, or not in this school
├── NotAllowed          the person's role does not permit it
│   └── DeviceRevoked   the device is who it says, and was put out of action
├── Conflict            the request contradicts what is stored
├── WrongCredentials    nobody signs in with this; never says what was wrong
└── Busy                works in a moment: try again
"""


class DomainError(Exception):
    """Base of every expected failure. ``code`` is stable and safe to show to clients."""

    code = "domain_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


class NotFound(DomainError):
    code = "not_found"


class NotAllowed(DomainError):
    code = "not_allowed"


class DeviceRevoked(NotAllowed):
    code = "revoked"  # a gate that reads this wipes what it knows


class Conflict(DomainError):
    code = "conflict"


class WrongCredentials(DomainError):
    code = "wrong_credentials"


class Busy(DomainError):
    code = "busy"
