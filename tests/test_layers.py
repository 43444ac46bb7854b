"""Who may import what. The table of the style guide, held against the source.

A new package of ``central`` needs its place in DOMAINS or ENTRY_POINTS; a new library that reaches
outside the process needs its home in HOMES.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

import pytest

from tests.imports import called, files_of, imports_of, matches, name_of, spelled, tree_of

STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)

PRODUCT = ("contracts", "central", "edge_agent", "emulators", "firmware_config")
ENTRY_POINTS = ("web", "api", "ingest", "jobs", "cli")
ENTRY_FILES = tuple(f"central/{name}{end}" for name in ENTRY_POINTS for end in ("/**/*.py", "*.py"))
DOMAINS = (
    "absences",
    "schools",
    "people",
    "cards",
    "devices",
    "attendance",
    "calendar",
    "no_shows",
    "notifications",
    "tasks",
    "withdrawals",
    "media",
    "accounts",
    "demo",
    "evacuation",
    "identity",
    "reports",
    "releases",
    "provisioning",
)
FLASK = ("flask", "apiflask", "werkzeug", "flask_*", "central.web", "central.api")
HARDWARE = ("nfc", "smartcard", "evdev", "serial", "usb", "gpiozero", "RPi", "picamera2")


@dataclass(frozen=True)
class Rule:
    """``files`` may import the standard library and ``only`` (if given), and ``never`` these.

    Globs are relative to the repository. ``flask_*`` is every module whose name begins so.
    """

    says: str
    files: tuple[str, ...]
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()


def in_domains(*names: str) -> tuple[str, ...]:
    return tuple(f"central/{domain}/**/{name}" for domain in DOMAINS for name in names)


RULES = (
    Rule("the contracts need nothing", ("contracts/**/*.py",), only=("contracts",)),
    Rule(
        "the edge knows the contracts and its drivers' libraries",
        ("edge_agent/**/*.py",),
        only=("contracts", "edge_agent", "paho", "ndef", "cryptography", *HARDWARE),
    ),
    Rule(
        "rules are pure",
        in_domains("rules.py", "*_rules.py"),
        only=("contracts", "central.*.rules", "central.*.*_rules", "central.*.channel"),
    ),
    Rule("a port is described in plain words", ("central/notifications/channel.py",), only=()),
    Rule(
        "services and queries know no request, broker, queue or store",
        in_domains("service.py", "*_service.py", "queries.py", "*_queries.py"),
        never=(*FLASK, "paho", "rq", "redis", "boto3", "botocore", "requests"),
    ),
    Rule(
        "the domain does not know who calls it",
        in_domains("*.py"),
        never=(*FLASK, "paho", "rq", "redis", *(f"central.{name}" for name in ENTRY_POINTS)),
    ),
    Rule(
        "attendance uses other domains, and they do not use it",
        tuple(
            f"central/{domain}/**/*.py"
            for domain in ("calendar", "people", "cards", "devices", "notifications", "tasks")
        ),
        never=("central.attendance",),
    ),
    *(
        Rule(
            f"{entry} does not use the other entry points",
            (f"central/{entry}/**/*.py", f"central/{entry}.py"),
            never=tuple(f"central.{other}" for other in ENTRY_POINTS if other != entry),
        )
        for entry in ENTRY_POINTS
    ),
    Rule(
        "entry points change nothing but through services",
        ENTRY_FILES,
        never=("sqlalchemy.insert", "sqlalchemy.update", "sqlalchemy.delete"),
    ),
    Rule("central does not know the edge", ("central/**/*.py",), never=("edge_agent",)),
    Rule(
        "the emulators know the contracts and the protocols",
        ("emulators/**/*.py",),
        only=("contracts", "emulators", "ndef", "cryptography"),
    ),
    Rule("the development kit needs nothing", ("devkit/**/*.py", "dev"), only=("devkit",)),
    Rule(
        "the product does not know how it is developed",
        tuple(f"{package}/**/*.py" for package in PRODUCT),
        never=("devkit", "tests", "bench", "scripts"),
    ),
    Rule(
        "neither side knows that it may be emulated",
        ("central/**/*.py", "edge_agent/**/*.py", "contracts/**/*.py"),
        never=("emulators",),
    ),
)

# A library that reaches outside the process -> the only places that may import it.
HOMES = {
    "paho": ("central/ingest/consumer.py", "central/jobs/post.py", "edge_agent/link.py"),
    "rq": ("central/queue.py", "central/jobs/*.py"),
    "redis": ("central/queue.py", "central/jobs/*.py", "central/health.py"),
    "boto3": ("central/media/store.py",),
    "requests": ("central/notifications/whatsapp.py", "central/web/gates_dev.py"),
    "flask": (
        "central/web/**/*.py",
        "central/api/**/*.py",
        "central/downloads.py",
        "central/limits.py",
        "central/problems.py",
    ),
    "apiflask": ("central/app.py", "central/api/**/*.py"),
    "jwt": ("central/accounts/tokens.py", "central/devices/tokens.py"),
    "argon2": ("central/accounts/passwords.py",),
    "apscheduler": ("central/jobs/schedule.py",),
    "prometheus_client": ("central/api/metrics.py",),
    "nfc": ("edge_agent/readers/nfcpy.py",),
    "smartcard": ("edge_agent/readers/pcsc.py",),
    "gpiozero": ("edge_agent/feedback/lights.py",),
}

# Where the environment becomes settings; nobody else reads it.
READS_ENVIRONMENT = {"settings.py", "__main__.py", "wsgi.py", "cli.py"}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}


def broken(rule: Rule, module: str) -> bool:
    if matches(module, rule.never):
        return True
    if rule.only is None or module.split(".")[0] in STANDARD_LIBRARY:
        return False
    return not matches(module, rule.only)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_imports_keep_to_the_table(rule: Rule) -> None:
    files = files_of(rule.files)

    found = [
        f"{name_of(path)} imports {module}"
        for path in files
        for module in imports_of(tree_of(path))
        if broken(rule, module)
    ]

    assert files, "the rule is about no file"
    assert found == []


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_at_its_home_only(library: str) -> None:
    homes = files_of(HOMES[library])
    users = {
        path
        for path in files_of(f"{package}/**/*.py" for package in PRODUCT)
        if any(matches(module, [library]) for module in imports_of(tree_of(path)))
    }

    assert users, "nobody imports it"
    assert {name_of(path) for path in users - set(homes)} == set()


def test_every_package_of_central_has_its_place() -> None:
    packages = {path.parent.name for path in files_of(["central/*/__init__.py"])}

    assert packages == {*DOMAINS, *ENTRY_POINTS} - {"cli"}


def test_hardware_libraries_are_imported_in_drivers_only() -> None:
    allowed = files_of(
        f"edge_agent/{kind}/*.py" for kind in ("readers", "cameras", "feedback", "screen")
    )
    users = [
        path
        for path in files_of(["edge_agent/**/*.py"])
        if any(matches(module, HARDWARE) for module in imports_of(tree_of(path)))
    ]

    assert users
    assert {name_of(path) for path in set(users) - set(allowed)} == set()
    assert not any(path.name in ("base.py", "__init__.py") for path in users)


def test_rules_have_no_clock() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in files_of(in_domains("rules.py", "*_rules.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and called(node) in CLOCKS - {"time"}
    ]

    assert found == []


def test_entry_points_write_no_rows_themselves() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in files_of(ENTRY_FILES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and called(node) in ("add", "add_all", "merge", "delete")
        if isinstance(node.func, ast.Attribute) and "session" in ast.unparse(node.func.value)
    ]

    assert found == []


def test_services_do_not_commit() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in files_of(in_domains("service.py", "*_service.py", "queries.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and called(node) in ("commit", "rollback")
    ]

    assert found == []


def test_topics_are_spelled_in_one_place() -> None:
    found = {
        name_of(path)
        for path in files_of(f"{package}/**/*.py" for package in PRODUCT)
        for text in spelled(tree_of(path))
        if "gate/v" in text
    }

    assert found == {"contracts/topics.py"}


def test_the_environment_is_read_where_settings_are_made_only() -> None:
    readers = {
        path
        for path in files_of(f"{package}/**/*.py" for package in PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }

    assert readers
    assert {name_of(path) for path in readers if path.name not in READS_ENVIRONMENT} == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import flask", ["flask"]),
        ("import flask.views as v", ["flask.views"]),
        ("from central import web", ["central.web"]),
        ("from central.web import live, home", ["central.web.live", "central.web.home"]),
        ("def f():\n    import rq", ["rq"]),
        ("if TYPE_CHECKING:\n    from rq import Queue", ["rq.Queue"]),
    ],
)
def test_every_form_of_import_is_seen(source: str, found: list[str]) -> None:
    assert list(imports_of(ast.parse(source))) == found


@pytest.mark.parametrize(
    ("module", "pattern", "inside"),
    [
        ("flask", "flask", True),
        ("flask.views", "flask", True),
        ("flask_babel", "flask", False),
        ("flask_babel.x", "flask_*", True),
        ("central.web", "central.web.live", False),
        ("central.people.rules.x", "central.*.rules", True),
        ("central.people.service", "central.*.rules", False),
        ("central.attendance.board_rules.Counts", "central.*.*_rules", True),
    ],
)
def test_patterns_match_whole_names(module: str, pattern: str, inside: bool) -> None:
    assert matches(module, [pattern]) is inside
