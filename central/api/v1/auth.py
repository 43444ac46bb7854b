"""Tokens: signing in, renewing, signing out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import request
from sqlalchemy.orm import Session

from central.accounts import service
from central.accounts.queries import roles_by_school, schools_named
from central.accounts.rules import school_to_enter, staff_schools
from central.accounts.tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    Claims,
    TokenPair,
    end_chain,
    renew,
    start_chain,
)
from central.api.auth import signer
from central.api.errors import invalid
from central.api.v1.schemas import Renewal, SignIn, Tokens
from central.db import db, enter_schools
from central.errors import NotAllowed, WrongCredentials
from central.limits import limit_sign_in

bp = APIBlueprint("api_auth", __name__, url_prefix="/api/v1/auth", tag="Tokens")


def _email() -> str:
    body = request.get_json(force=True, silent=True)
    return str(body.get("email", "")) if isinstance(body, dict) else ""


@bp.post("/token")
@limit_sign_in(_email)
@bp.input(SignIn)
@bp.output(Tokens)
@bp.doc(
    operation_id="sign_in",
    responses={
        401: "Wrong e-mail or password",
        403: "Not on the staff of a school",
        429: "Too many failures: try again after `Retry-After` seconds",
    },
)
def sign_in(json_data: SignIn) -> Mapping[str, Any]:
    """Sign in with e-mail and password.

    For staff. A person of several schools names one in `school`; the failure lists them.
    """
    session, now = db.session(), datetime.now(UTC)
    user = service.authenticate(session, json_data.email, json_data.password)
    roles = roles_by_school(session, user.id)
    school_id = _school(session, json_data.school, staff_schools(roles))
    pair = start_chain(session, signer(), Claims(user.id, school_id, roles[school_id]), now=now)
    enter_schools(session, [school_id])
    service.record(session, school_id, user.id, "opened_api")
    session.commit()
    return _tokens(pair)


@bp.post("/refresh")
@bp.input(Renewal)
@bp.output(Tokens)
@bp.doc(operation_id="renew", responses={401: "Unknown, expired, revoked or used before"})
def refresh(json_data: Renewal) -> Mapping[str, Any]:
    """Get the next pair of tokens.

    Each refresh token works once. Using one again revokes every token that descends from the
    same sign-in, because one of the two users must have stolen it.
    """
    session = db.session()
    pair = renew(session, signer(), json_data.refresh_token, now=datetime.now(UTC))
    session.commit()  # what a failed attempt revoked, too
    if pair is None:
        raise WrongCredentials("sign in again")
    return _tokens(pair)


@bp.post("/revoke")
@bp.input(Renewal)
@bp.output({}, status_code=204)
@bp.doc(operation_id="revoke")
def revoke(json_data: Renewal) -> str:
    """Sign out: no refresh token of this sign-in works any more.

    The answer does not tell whether the token was good. An access token goes on to open until it
    expires.
    """
    session = db.session()
    end_chain(session, json_data.refresh_token, now=datetime.now(UTC))
    session.commit()
    return ""


def _school(session: Session, chosen: int | None, choices: tuple[int, ...]) -> int:
    if not choices:
        raise NotAllowed("only the staff of a school can use the API")
    if chosen is not None and chosen not in choices:
        raise invalid("json", "school", f"not one of yours: {_listed(session, choices)}")
    school_id = school_to_enter(chosen, choices)
    if school_id is None:
        raise invalid("json", "school", f"choose one: {_listed(session, choices)}")
    return school_id


def _listed(session: Session, school_ids: tuple[int, ...]) -> str:
    return ", ".join(f"{school.id} {school.name}" for school in schools_named(session, school_ids))


def _tokens(pair: TokenPair) -> Mapping[str, Any]:
    return {
        "access_token": pair.access,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "refresh_token": pair.refresh,
        "refresh_expires_in": int(REFRESH_LIFETIME.total_seconds()),
    }
