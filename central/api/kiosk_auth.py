"""Which kiosk calls: the bearer of the token that it was given when it was paired."""

from __future__ import annotations

from typing import Final

from apiflask import HTTPTokenAuth

from central.api.auth import REALM
from central.db import db
from central.devices.tokens import DeviceSeen
from central.identity.kiosk_service import kiosk_of

kiosk_bearer: Final = HTTPTokenAuth(
    scheme="Bearer",
    realm=REALM,
    security_scheme_name="KioskAuth",
    description="The token from `POST /api/v1/kiosks/pair`. It opens until the kiosk is revoked or"
    " paired again.",
)


@kiosk_bearer.verify_token  # type: ignore[untyped-decorator]  # Flask-HTTPAuth is not typed
def _kiosk_with(token: str) -> DeviceSeen | None:
    return kiosk_of(db.session(), token)


def calling_kiosk() -> DeviceSeen:
    """The kiosk behind the token, with the database session in its school."""
    kiosk = kiosk_bearer.current_user
    assert isinstance(kiosk, DeviceSeen)
    return kiosk
