"""The API's documentation in a browser: Swagger UI from our own files, without inline script."""

from __future__ import annotations

from flask import Blueprint, render_template

bp = Blueprint(
    "api_docs",
    __name__,
    url_prefix="/api/docs",
    template_folder="templates",
    static_folder="static",
    static_url_path="",
)


@bp.get("")
def page() -> str:
    return render_template("api/docs.html")
