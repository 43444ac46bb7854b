"""Which device calls: the bearer of a token that it signed itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from apiflask import HTTPTokenAuth

from central.api.auth import REALM
from central.db import db
from central.devices.tokens import DeviceSeen, device_of

device_bearer: Final = HTTPTokenAuth(
    scheme="Bearer",
    realm=REALM,
    security_scheme_name="DeviceAuth",
    description="A JWT (ES256) that a device signed with its own key, for five minutes at most."
    " A device whose clock is wrong learns the time from the `Date` of the refusal.",
)


@device_bearer.verify_token  # type: ignore[untyped-decorator]  # Flask-HTTPAuth is not typed
def _device_with(token: str) -> DeviceSeen | None:
    return device_of(db.session(), token, now=datetime.now(UTC))


def calling_device() -> DeviceSeen:
    """The device behind the token, with the database session in its school."""
    device = device_bearer.current_user
    assert isinstance(device, DeviceSeen)
    return device
