"""Who calls: the bearer of an access token, never a cookie."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from apiflask import HTTPTokenAuth
from flask import current_app

from central.accounts.rules import PERMISSIONS, Viewer
from central.accounts.tokens import Signer, viewer_of
from central.db import db
from central.errors import NotAllowed

REALM: Final = "school-attendance"

bearer = HTTPTokenAuth(
    scheme="Bearer",
    realm=REALM,
    description="An access token from `POST /api/v1/auth/token`. It opens for 15 minutes.",
)


def signer() -> Signer:
    found = current_app.extensions["api_signer"]
    assert isinstance(found, Signer)
    return found


@bearer.verify_token  # type: ignore[untyped-decorator]  # Flask-HTTPAuth is not typed
def _viewer_with(token: str) -> Viewer | None:
    """The caller as of now, with the database session in the token's school."""
    claims = signer().read(token, now=datetime.now(UTC))
    return viewer_of(db.session(), claims.user_id, claims.school_id) if claims else None


def caller() -> Viewer:
    """The person behind the token, in a view that requires one."""
    viewer = bearer.current_user
    assert isinstance(viewer, Viewer)
    return viewer


def caller_who(permission: str) -> Viewer:
    """The caller, whose roles must include ``permission``. Raises NotAllowed."""
    if permission not in PERMISSIONS:
        raise KeyError(permission)
    viewer = caller()
    if not viewer.may(permission):
        raise NotAllowed(f"your roles do not include {permission}")
    return viewer
