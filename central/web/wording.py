"""How people and roles are written on pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask import Flask, g, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from central.web.access import local_path

ROLES: Final[dict[str, LazyString]] = {
    "director": _l("Director"),
    "inspector": _l("Inspector"),
    "teacher": _l("Teacher"),
    "technician": _l("Technician"),
    "operator": _l("Operator"),
    "guardian": _l("Guardian"),
}


def register(app: Flask) -> None:
    app.jinja_env.filters["initials"] = initials
    app.jinja_env.filters["role_names"] = role_names
    app.jinja_env.globals["here"] = here
    app.context_processor(lambda: {"request_id": g.get("request_id", "")})


def initials(full_name: str) -> str:
    """Two letters for a person: of the first and of the second word of the name."""
    return "".join(word[0] for word in full_name.split()[:2]).upper()


def role_names(roles: Iterable[str]) -> str:
    """What a person is, in words: "Director, Teacher"."""
    return ", ".join(str(name) for role, name in ROLES.items() if role in set(roles))


def here() -> str:
    """Where a form that changes only how pages look leads back to."""
    if request.method != "GET":
        return url_for("home.staff")
    return local_path(request.full_path.rstrip("?")) or url_for("home.staff")
