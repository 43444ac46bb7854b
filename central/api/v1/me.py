"""The person behind the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.accounts.rules import PERMISSIONS
from central.api.auth import bearer, caller
from central.api.fields import Nothing
from central.api.v1.schemas import Me

bp = APIBlueprint("api_me", __name__, url_prefix="/api/v1/me", tag="Me")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(Nothing, location="query")
@bp.output(Me)
@bp.doc(operation_id="get_me")
def me(query_data: Nothing) -> Mapping[str, Any]:
    """Who I am, in which school, and what I may do there."""
    viewer = caller()
    return {
        "id": viewer.user_id,
        "full_name": viewer.full_name,
        "email": viewer.email,
        "locale": viewer.locale,
        "school": viewer.school,
        "roles": sorted(viewer.roles),
        "permissions": sorted(name for name in PERMISSIONS if viewer.may(name)),
    }
