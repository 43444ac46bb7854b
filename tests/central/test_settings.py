"""Settings: read once, judged as a whole, documented, and unsafe ones refused in production."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from central.settings import DATABASE_ROLES, Settings, SettingsError

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"
SAFE = {
    "APP_ENV": "production",
    "DB_PASSWORD": "d" * 32,
    "SECRET_KEY": "s" * 64,
    "MQTT_PUBLIC_HOST": "gates.school.example",
    "DEVICE_API_KEY": "k" * 64,
    "PHOTO_KEY": "p" * 64,
    "CORS_ORIGINS": '["https://school.example"]',
    "S3_ENDPOINT": "https://s3.us-east-1.amazonaws.com",
    "S3_SECRET_KEY": "a-real-one",
    "S3_SECURE": "true",
    "WEBAUTHN_RP_ORIGIN": "https://school.example",
    "MQTT_USERNAME": "central-web",
    "MQTT_PASSWORD": "m" * 32,
    "ENABLE_REAL_NOTIFICATIONS": "true",
    "WHATSAPP_ACCESS_TOKEN": "a-real-one",
    "WHATSAPP_PHONE_NUMBER_ID": "10001",
    "WHATSAPP_APP_SECRET": "a-real-one",
    "WHATSAPP_VERIFY_TOKEN": "a-real-one",
}
# what production refuses: the variable, a bad value, and the remedy that is said
REFUSED = [
    ("DB_PASSWORD", "school_attendance", "openssl rand -hex 16"),
    ("DB_PASSWORD", "", "openssl rand -hex 16"),
    ("DATABASE_URL", "postgresql://owner:school_attendance@db/x", "openssl rand -hex 16"),
    ("DATABASE_URL", "postgresql://owner@db/x", "openssl rand -hex 16"),
    ("SECRET_KEY", "CHANGE-ME-IN-PRODUCTION", "openssl rand -hex 32"),
    ("SECRET_KEY", "short", "openssl rand -hex 32"),
    ("IDENTITY_KEY", "short", "openssl rand -hex 32"),
    ("MQTT_PUBLIC_HOST", "localhost", "public name"),
    ("SECRET_KEY", "", "openssl rand -hex 32"),
    ("DEVICE_API_KEY", "CHANGE-ME-IN-PRODUCTION", "openssl rand -hex 32"),
    ("PHOTO_KEY", "CHANGE-ME-IN-PRODUCTION", "openssl rand -hex 32"),
    ("S3_PUBLIC_ENDPOINT", "http://store.example", "leave it empty"),
    ("CORS_ORIGINS", "[]", "name yours"),
    ("CORS_ORIGINS", '["http://school.example"]', "https"),
    ("CORS_ORIGINS", '["https://school.example", "*"]', "https"),
    ("S3_ENDPOINT", "http://minio:9000", "use https"),
    ("S3_SECURE", "false", "use https and true"),
    ("S3_SECRET_KEY", "dev-secret", "the store's own"),
    ("WEBAUTHN_RP_ORIGIN", "http://localhost:8080", "https"),
    ("MQTT_PASSWORD", "school_attendance", "openssl rand -hex 16"),
    ("MQTT_PASSWORD", "", "openssl rand -hex 16"),
    ("WHATSAPP_API_URL", "http://127.0.0.1:9999", "use https://graph.facebook.com"),
    ("WHATSAPP_ACCESS_TOKEN", "dummy", "ENABLE_REAL_NOTIFICATIONS"),
    ("WHATSAPP_PHONE_NUMBER_ID", "dummy", "ENABLE_REAL_NOTIFICATIONS"),
    ("WHATSAPP_APP_SECRET", "", "ENABLE_REAL_NOTIFICATIONS"),
    ("WHATSAPP_VERIFY_TOKEN", "", "ENABLE_REAL_NOTIFICATIONS"),
    ("DEV_GATES_URL", "http://127.0.0.1:8091", "remove it"),
    ("METRICS_TOKEN", "short", "openssl rand -hex 32"),
]


def problems(env: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_env(env)
    assert str(refusal.value) == "\n".join(refusal.value.problems)
    return refusal.value.problems


def table() -> dict[str, tuple[str, str, str]]:
    """Variable -> default, meaning and production rule, as the document lists them."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|(.*?)\|(.*)\|(.*?)\|$", DOCUMENT.read_text(), re.M)
    return {
        name: (default.strip(), meaning.strip(), rule.strip())
        for name, default, meaning, rule in rows
    }


def test_the_document_lists_every_variable_with_its_default_and_meaning() -> None:
    documented = {name: row[:2] for name, row in table().items()}

    assert documented == {
        item.metadata["name"]: (
            f"`{item.metadata['default']}`" if item.metadata["default"] else "",
            item.metadata["meaning"],
        )
        for item in fields(Settings)
    }


def test_the_document_gives_a_rule_for_each_variable_that_production_refuses() -> None:
    with_rule = {name for name, row in table().items() if row[2]}

    assert with_rule == {variable for variable, _, _ in REFUSED} | {"APP_ENV"}


def test_an_empty_environment_is_a_development_machine() -> None:
    settings = Settings.from_env({})

    assert settings.development
    assert settings.enable_real_notifications is False
    assert settings.cors_origins == ()


def test_a_safe_production_starts() -> None:
    settings = Settings.from_env(SAFE)

    assert not settings.development
    assert settings.cors_origins == ("https://school.example",)


@pytest.mark.parametrize(("variable", "value", "remedy"), REFUSED)
def test_production_refuses_and_names_the_variable_and_the_remedy(
    variable: str, value: str, remedy: str
) -> None:
    (problem,) = problems({**SAFE, variable: value})

    named, _, said = problem.partition(": ")
    assert variable in named.split(", ")
    assert remedy in said


@pytest.mark.parametrize("environment", ["development", "qa"])
@pytest.mark.parametrize(("variable", "value"), [(name, value) for name, value, _ in REFUSED])
def test_elsewhere_the_same_value_is_taken(variable: str, value: str, environment: str) -> None:
    env = {"APP_ENV": environment, variable: value}

    if (variable, environment) == ("DEV_GATES_URL", "qa"):
        assert problems(env) == [
            "DEV_GATES_URL: emulated gates exist in development only; remove it"
        ]
    else:
        Settings.from_env(env)


def test_without_real_notifications_production_needs_no_whatsapp() -> None:
    env = {name: value for name, value in SAFE.items() if not name.startswith("WHATSAPP")}

    assert Settings.from_env({**env, "ENABLE_REAL_NOTIFICATIONS": "false"})


def test_every_problem_is_said_at_once() -> None:
    found = problems({"APP_ENV": "production"})

    assert {problem.partition(":")[0] for problem in found} >= {
        "SECRET_KEY",
        "DEVICE_API_KEY",
        "DB_PASSWORD",
        "CORS_ORIGINS",
        "WEBAUTHN_RP_ORIGIN",
    }


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("APP_ENV", "prod", "development, qa, production"),
        ("CARD_MASTER_KEY", "0" * 63, "openssl rand -hex 32"),
        ("CARD_MASTER_KEY", "g" * 64, "64 hex digits"),
        ("DB_PORT", "five", "whole number"),
        ("DB_PORT", "-1", "whole number"),
        ("DB_PORT", "٥", "whole number"),
        ("S3_SECURE", "maybe", "neither true nor false"),
        ("ENABLE_REAL_NOTIFICATIONS", "", "neither true nor false"),
        ("CORS_ORIGINS", "https://school.example", "JSON array"),
        ("CORS_ORIGINS", "[1]", "JSON array"),
        ("PHOTO_RETENTION_DAYS", "0", "1 to 366"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(variable: str, value: str, said: str) -> None:
    (problem,) = problems({variable: value})

    assert problem.startswith(f"{variable}: ")
    assert said in problem


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes"])
def test_truth_is_spelled_in_several_ways(word: str) -> None:
    assert Settings.from_env({"S3_SECURE": word}).s3_secure is True


def test_a_trailing_slash_makes_no_other_origin() -> None:
    settings = Settings.from_env({"CORS_ORIGINS": '["https://school.example/"]'})

    assert settings.cors_origins == ("https://school.example",)


def test_settings_cannot_be_changed_and_show_no_secret() -> None:
    settings = Settings.from_env(SAFE)

    with pytest.raises(FrozenInstanceError):
        settings.secret_key = "other"  # type: ignore[misc]  # that is the point
    assert not any(SAFE[name] in repr(settings) for name in ("SECRET_KEY", "DB_PASSWORD"))


def test_the_parts_and_the_url_name_the_same_database() -> None:
    parts = Settings.from_env(
        {"DB_HOST": "db", "DB_PORT": "5433", "DB_NAME": "x", "DB_USER": "o", "DB_PASSWORD": "p@:/"}
    )
    url = Settings.from_env({"DATABASE_URL": "postgres://o:p%40%3A%2F@db:5433/x"})

    assert parts.database_url == url.database_url == "postgresql+psycopg://o:p%40%3A%2F@db:5433/x"


def test_each_process_has_its_own_login_derived_from_the_one_secret() -> None:
    settings = Settings.from_env(
        {"DATABASE_URL": "postgresql://owner:secret@db:5433/x?sslmode=require"}
    )
    urls = [settings.database_url_for(role) for role in DATABASE_ROLES]

    assert len(set(urls)) == len(DATABASE_ROLES)
    assert urls[0].startswith("postgresql+psycopg://attendance_web:")
    assert urls[0].endswith("@db:5433/x?sslmode=require")
    assert not any("secret" in url for url in urls)
    assert settings.database_url_for("web") != Settings.from_env({}).database_url_for("web")


def test_the_same_secret_gives_the_same_logins_however_it_is_given() -> None:
    parts = Settings.from_env({"DB_PASSWORD": "p@:/"})
    url = Settings.from_env({"DATABASE_URL": "postgresql://o:p%40%3A%2F@db/x"})

    assert parts.role_password("web") == url.role_password("web")
