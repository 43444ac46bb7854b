"""Every address of the web, tried by somebody who has not signed in."""

from __future__ import annotations

from typing import Final

import pytest
from apiflask import APIFlask
from werkzeug.routing import Rule

# Open to everybody on purpose; whatever else is reached without signing in is a hole.
OPEN: Final = {
    "static",
    "home.front",  # leads to the staff entry
    "auth.sign_in",
    "auth.open_session",
    "auth.end_session",
    "auth.display",  # language and theme
    "webhooks.verify",  # these two ask for the provider's token and signature
    "webhooks.receive",
    "health.alive",
    "health.ready",
    "metrics",  # answers loopback, or the bearer of its token
    "api_docs.page",
    "openapi.spec",
    "api_auth.sign_in",
    "api_auth.refresh",
    "api_auth.revoke",
    "api_enrolment.enroll",  # these two ask for a one-time code
    "api_kiosks.pair",
}
CLOSED: Final = {302, 303, 401, 403, 404}
SIGN_IN: Final = "/app/sign-in"


def address(rule: Rule) -> str:
    """An address that the rule matches, of things that do not exist."""
    values = dict.fromkeys(rule.arguments, "1")
    path = rule.rule
    for name, value in values.items():
        converter = next(
            part for part in path.split("<")[1:] if part.split(">")[0].split(":")[-1] == name
        ).split(">")[0]
        given = "2026-03-04" if "date" in converter else value
        path = path.replace(f"<{converter}>", given)
    return path


def doors(app: APIFlask) -> list[tuple[str, str, str]]:
    """(endpoint, method, address) of everything that is served."""
    return [
        (rule.endpoint, method, address(rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_nothing_but_the_open_doors_opens_to_a_stranger(app: APIFlask) -> None:
    app.config["WTF_CSRF_METHODS"] = set()  # or a missing form token would hide a missing check
    client = app.test_client()

    opened = []
    for endpoint, method, path in doors(app):
        body: dict[str, object] | None = (
            {} if path.startswith("/api/") and method != "GET" else None
        )
        answer = client.open(path, method=method, json=body)
        to_sign_in = answer.status_code in (302, 303) and SIGN_IN in answer.location
        if answer.status_code not in CLOSED or (answer.location and not to_sign_in):
            opened.append((endpoint, method, path, answer.status_code))

    wrongly = [door for door in opened if door[0] not in OPEN]
    assert not wrongly, "\n".join(map(str, wrongly))


def test_there_are_many_doors(app: APIFlask) -> None:
    """Else the test above would try nothing, or allow what is not there."""
    assert len(doors(app)) > 60
    assert {endpoint for endpoint, _, _ in doors(app)} >= OPEN


@pytest.mark.parametrize("path", ["/app/board", "/app/messages", "/app/search", "/app/tasks"])
def test_a_stranger_is_led_to_the_sign_in(app: APIFlask, path: str) -> None:
    answer = app.test_client().get(path)

    assert answer.status_code in (302, 303)
    assert SIGN_IN in answer.location
