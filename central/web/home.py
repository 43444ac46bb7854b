"""Where people arrive: ``/app/`` leads to the first page that the person may open."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from central.web.access import current_viewer, signed_in_only
from central.web.navigation import links

bp = Blueprint("home", __name__)


@bp.get("/")
def front() -> ResponseReturnValue:
    return redirect(url_for("home.staff"), 303)


@bp.get("/app/")
@signed_in_only
def staff() -> ResponseReturnValue:
    """The first page of the person's role; choosing a school comes before it."""
    viewer = current_viewer()
    if viewer.school is None and viewer.staff_schools:
        return redirect(url_for("auth.schools"), 303)
    first = next(links(), None)
    if first is not None:
        return redirect(first.url, 303)
    return render_template("home/nothing.html")
