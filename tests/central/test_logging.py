"""Log lines: one JSON object each, with where they belong and nothing that must not be there."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from central.logging import HIDDEN, configure, job_context, redact, secrets_of
from central.settings import Settings
from devkit.servers import Postgres

SECRETS = {
    "WHATSAPP_ACCESS_TOKEN": "EAAGaccesstoken0123456789",
    "WHATSAPP_APP_SECRET": "app-secret-0123456789",
    "WHATSAPP_VERIFY_TOKEN": "verify-token-0123456789",
    "SECRET_KEY": "secret-key-0123456789",
    "DEVICE_API_KEY": "device-key-0123456789",
    "S3_SECRET_KEY": "s3-secret-0123456789",
    "MQTT_PASSWORD": "mqtt-password-0123456789",
}
DATABASE_PASSWORD = "database-password-0123456789"
REDIS_PASSWORD = "redis-password-0123456789"


@pytest.fixture
def process_settings() -> Settings:
    return Settings.from_env(
        SECRETS
        | {
            "DATABASE_URL": f"postgresql://owner:{DATABASE_PASSWORD}@localhost/db",
            "REDIS_URL": f"redis://:{REDIS_PASSWORD}@localhost/0",
        }
    )


@pytest.fixture
def stream(process_settings: Settings) -> Iterator[io.StringIO]:
    """Where this process logs to, set up as in earnest; afterwards as before."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    stream = io.StringIO()
    configure(process_settings, "worker", stream)
    yield stream
    root.handlers[:], root.level, sys.excepthook, threading.excepthook = before
    logging.captureWarnings(False)
    structlog.reset_defaults()
    for name in ("apscheduler", "rq.worker", "urllib3", "werkzeug"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_loggers_write_the_same_lines(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("ours").info("drained", messages=3)
    logging.getLogger("theirs").warning("%d left", 2, extra={"queue": "default"})

    ours, theirs = lines(stream)
    assert ours.pop("timestamp") <= theirs.pop("timestamp")
    assert ours == {
        "event": "drained",
        "messages": 3,
        "level": "info",
        "logger": "ours",
        "process": "worker",
    }
    assert theirs == {
        "event": "2 left",
        "queue": "default",
        "level": "warning",
        "logger": "theirs",
        "process": "worker",
    }


def test_a_job_marks_all_its_lines_and_no_others(stream: io.StringIO) -> None:
    with job_context("drain"):
        structlog.stdlib.get_logger("ours").info("first")
        logging.getLogger("theirs").info("second")
    structlog.stdlib.get_logger("ours").info("third")

    first, second, third = lines(stream)
    assert first["job"] == second["job"] == "drain"
    assert first["run"] == second["run"]
    assert "job" not in third


def test_a_line_is_one_line_whatever_it_says(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("ours").info("a\nb", note='x\n{"event": "forged"}')

    (line,) = lines(stream)
    assert line["event"] == "a\nb"


def test_the_level_is_the_settings(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("ours").debug("hidden")
    logging.getLogger("apscheduler.executors.default").info("said every two seconds")

    assert lines(stream) == []


@pytest.mark.parametrize(
    "secret", [*SECRETS.values(), DATABASE_PASSWORD, REDIS_PASSWORD], ids=lambda it: it[:12]
)
def test_no_secret_in_use_is_written_wherever_it_stands(stream: io.StringIO, secret: str) -> None:
    log = structlog.stdlib.get_logger("ours")
    log.info("with %s inside", secret, anything=f"{secret}!", deep={"list": [{"x": secret}]})
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        log.exception("failed")

    assert secret not in stream.getvalue()
    assert stream.getvalue().count(HIDDEN) >= 4


def test_the_passwords_of_the_processes_roles_are_secrets(process_settings: Settings) -> None:
    assert process_settings.role_password("worker") in secrets_of(process_settings)


def test_a_default_is_no_secret() -> None:
    assert "CHANGE-ME-IN-PRODUCTION" not in secrets_of(Settings.from_env({}))


@pytest.mark.parametrize(
    "name",
    [
        *("phone", "guardian_phone", "to", "recipient", "email", "full_name", "given_name"),
        *("given_names", "family_names", "token", "access_token", "password", "authorization"),
        *("Cookie", "signature", "app_secret", "api_key", "payload", "body", "text"),
    ],
)
def test_a_field_that_holds_something_personal_is_hidden_by_its_name(
    stream: io.StringIO, name: str
) -> None:
    structlog.stdlib.get_logger("ours").info("x", **{name: "Sofía"}, inner={name: ["Sofía"]})

    (line,) = lines(stream)
    assert line[name] == HIDDEN
    assert "Sofía" not in stream.getvalue()


def test_ids_and_counts_stay_readable(stream: io.StringIO) -> None:
    fields = {"student": 12, "messages": 600, "school": 7, "code": 131026, "took": 0.25, "ok": True}

    structlog.stdlib.get_logger("ours").info("x", **fields)

    (line,) = lines(stream)
    assert fields.items() <= line.items()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("to +56940000001 now", f"to {HIDDEN} now"),
        ("to +56 9 4000 0001 now", f"to {HIDDEN} now"),
        ("to 56940000001 now", f"to {HIDDEN} now"),
        ("to 940000001.", f"to {HIDDEN}."),
        ("from a.b@colegio.cl,", f"from {HIDDEN},"),
        ("postgresql://user:pa55@host/db", f"postgresql://user:{HIDDEN}@host/db"),
        ("redis://:pa55@host:1/0", f"redis://:{HIDDEN}@host:1/0"),
        ("Authorization: Bearer EAAG.x-y_z", f"Authorization: Bearer {HIDDEN}"),
        ("id wamid.HBgLNTY5NDAwMDAwMDEVAgAR==", f"id wamid.{HIDDEN}"),
        (
            "DETAIL:  Failing row contains (1, Sofía).\nnext",
            f"DETAIL: {HIDDEN}\nnext",
        ),
        ("[parameters: {'name': 'Sofía'}]", f"[parameters: {HIDDEN}]"),
        ("2026-11-24T03:57:49.804089Z took 0.123456789012 s", None),
        ("school 7, notification 12345678, code 131026", None),
        ("127.0.0.1:54399", None),
    ],
)
def test_what_looks_personal_is_hidden_and_what_does_not_stays(
    text: str, clean: str | None
) -> None:
    assert redact(text) == (text if clean is None else clean)


def test_an_error_of_the_database_shows_no_row(
    stream: io.StringIO, postgres_server: Postgres
) -> None:
    engine = create_engine(
        postgres_server.url("postgres").replace("postgresql:", "postgresql+psycopg:"),
        hide_parameters=True,
    )
    table = "CREATE TEMPORARY TABLE children (name text, phone text UNIQUE)"
    row = text("INSERT INTO children VALUES (:name, :phone)")
    values = {"name": "Sofía Rojas", "phone": "+56940000001"}

    with engine.connect() as connection:
        connection.execute(text(table))
        connection.execute(row, values)
        try:
            connection.execute(row, values)
        except DBAPIError:
            structlog.stdlib.get_logger("ours").exception("failed")
    engine.dispose()

    (line,) = lines(stream)
    assert "duplicate key" in line["exception"]
    assert "Sofía" not in stream.getvalue()
    assert "56940000001" not in stream.getvalue()


def test_what_ends_a_process_is_a_log_line_too(stream: io.StringIO) -> None:
    error = RuntimeError(f"cannot reach +56940000001 with {SECRETS['SECRET_KEY']}")

    sys.excepthook(RuntimeError, error, None)
    thread = threading.Thread(target=_raise, args=(error,))
    thread.start()
    thread.join()

    main, other = lines(stream)
    assert main["event"] == other["event"] == "uncaught"
    assert main["level"] == "critical"
    assert "RuntimeError" in main["exception"]
    assert SECRETS["SECRET_KEY"] not in stream.getvalue()
    assert "56940000001" not in stream.getvalue()


def _raise(error: Exception) -> None:
    raise error


def test_warnings_are_log_lines(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this will change", stacklevel=1)

    (line,) = lines(stream)
    assert line["level"] == "warning"
    assert "this will change" in line["event"]
