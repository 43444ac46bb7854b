"""The OpenAPI document says what the API does, and Swagger UI shows it from our own files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.accounts.rules import PERMISSIONS
from central.web.assets import STATIC
from tests.central.api import Caller, a_caller_as, a_morning
from tests.central.served import served
from tests.e2e.browser import Visit, chromium

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
OPEN = {"/api/v1/devices/enroll", "/api/v1/kiosks/pair"}  # ask for a one-time code
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def spec(app: APIFlask) -> dict[str, Any]:
    body: dict[str, Any] = app.test_client().get("/api/openapi.json").json  # type: ignore[assignment]
    return body


@pytest.fixture
def director(app: APIFlask, session: Session) -> Caller:
    return a_caller_as(app, session, a_morning(session).school, "director")


@pytest.fixture
def origin(app: APIFlask) -> Iterator[str]:
    with served(app) as origin:
        yield origin


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_every_route_of_the_api_is_documented_and_nothing_else(
    app: APIFlask, spec: dict[str, Any]
) -> None:
    routes = {
        (method, re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v") and rule.methods
        for method in rule.methods & METHODS
    }

    assert len(routes) >= 10
    assert {(method, path) for method, path, _ in operations(spec)} == routes


def test_every_operation_says_what_it_does_and_who_may(spec: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(spec)]

    assert len(names) == len(set(names))
    for _, path, operation in operations(spec):
        assert operation["summary"].endswith(".")
        opened = path.startswith("/api/v1/auth/") or path in OPEN
        assert ("security" in operation) != opened, path


def test_the_guide_lists_every_operation_with_its_filters(spec: dict[str, Any]) -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/api/[^`]*)` \|(.*)$", GUIDE.read_text(), re.MULTILINE)

    assert {(method, path) for method, path, _ in rows} == {
        (method, path) for method, path, _ in operations(spec)
    }
    said = {(method, path): set(re.findall(r"`(\w+)`", text)) for method, path, text in rows}
    for method, path, operation in operations(spec):
        query = {item["name"] for item in operation["parameters"] if item["in"] == "query"}
        assert said[method, path] == query - {"limit", "cursor"}, path


def test_the_guide_names_who_may(spec: dict[str, Any]) -> None:
    asked = {
        "students": "see_students",
        "taps": "see_attendance",
        "attendance-days": "see_attendance",
        "notifications": "see_messages",
        "gates": "see_gates",
        "absences": "manage_absences",
        "corrections": "correct_days",
        "manual-entries": "correct_days",
        "withdrawals": "withdraw_students",
    }
    for resource, permission in asked.items():
        row = re.search(
            rf"^\| `GET /api/v1/{resource}` .*\|(.*)\|$", GUIDE.read_text(), re.MULTILINE
        )
        assert row, resource
        assert set(row.group(1).strip().split(", ")) == PERMISSIONS[permission]


def test_every_failure_is_documented_as_a_problem(spec: dict[str, Any]) -> None:
    for _, path, operation in operations(spec):
        failures = {s: r for s, r in operation["responses"].items() if s >= "400"}
        assert failures
        for response in failures.values():
            assert list(response["content"]) == ["application/problem+json"], path


def test_the_document_names_no_host(app: APIFlask) -> None:
    response = app.test_client().get("/api/openapi.json", headers={"Host": "evil.example"})

    assert "evil.example" not in response.text
    assert response.json["servers"] == [{"url": "/"}]  # type: ignore[index]


def test_a_client_that_has_the_document_need_not_load_it_again(app: APIFlask) -> None:
    first = app.test_client().get("/api/openapi.json")
    again = app.test_client().get(
        "/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.slow
def test_schemathesis_finds_nothing(
    director: Caller, origin: str, spec: dict[str, Any], tmp_path: Path
) -> None:
    """What ``docs/api.md`` tells an integrator to run, with fewer examples and a fixed seed."""
    command = [
        *(str(SCHEMATHESIS), "run", f"{origin}/api/openapi.json", "--checks=all"),
        *("--max-examples=15", "--seed=1", "--no-color", "--generation-database=none"),
        f"--header=Authorization: Bearer {director.token}",
    ]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {len(list(operations(spec)))}" in done.stdout


def test_the_page_has_nothing_inline_and_asks_only_us(app: APIFlask) -> None:
    page = app.test_client().get("/api/docs")

    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    assert all(source.startswith("/") and not source.startswith("//") for source in sources)
    assert re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.text) == []
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.mark.browser
def test_swagger_ui_works_under_our_policy(
    director: Caller, origin: str, spec: dict[str, Any]
) -> None:
    if not (STATIC / "dist" / "swagger").is_dir():
        pytest.fail("the front end is not built: run `npm run build`")
    with chromium() as browser:
        visit = Visit(browser, origin)
        page = visit.page
        page.goto("/api/docs")
        page.get_by_role("button", name="Authorize").click()
        page.locator("#auth-bearer-value").first.fill(director.token)
        page.get_by_role("button", name="Apply credentials").first.click()
        page.get_by_role("button", name="Close", exact=True).first.click()
        page.locator("#operations-Me-get_me .opblock-summary-control").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.locator(".live-responses-table .response-col_status").get_by_text("200").wait_for()

        assert page.locator(".opblock").count() == len(list(operations(spec)))
        assert visit.complaints == []
        visit.close()
