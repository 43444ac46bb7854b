"""Every setting of the backend, read from the environment once and passed down.

The names and defaults are those of the deployment document; ``docs/settings.md`` lists them and a
test compares the two. In ``production`` an unsafe value stops the start and names the variable.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

PLACEHOLDER: Final = "CHANGE-ME-IN-PRODUCTION"
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
ENVIRONMENTS: Final = ("development", "qa", "production")
DATABASE_ROLES: Final = ("web", "ingest", "worker", "scheduler")
META_GRAPH: Final = "https://graph.facebook.com"
LONGEST_GRACE_MINUTES: Final = 240
LONGEST_PHOTO_DAYS: Final = 366
_RELEASE_KEY: Final = re.compile(r"[0-9a-f]{64}")


class SettingsError(Exception):
    """One line for each variable that is wrong: its name, what is wrong, and the remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _variable(name: str, default: str, meaning: str) -> Any:
    return field(metadata={"name": name, "default": default, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # repr would show the secrets
class Settings:
    app_env: str = _variable("APP_ENV", "development", "`development`, `qa` or `production`")
    app_name: str = _variable("APP_NAME", "school-attendance", "Name in logs and titles")
    docker_network: str = _variable("DOCKER_NETWORK", "net-dev", "Network of the compose file")

    db_user: str = _variable("DB_USER", "school_attendance", "Owner of the database")
    db_password: str = _variable(
        "DB_PASSWORD", "school_attendance", "Its password; the processes' own are derived from it"
    )
    db_name: str = _variable("DB_NAME", "school_attendance", "Database")
    db_host: str = _variable("DB_HOST", "postgres", "Database host")
    db_port: int = _variable("DB_PORT", "5432", "Database port")
    database_url_override: str = _variable(
        "DATABASE_URL", "", "Replaces the five above: `postgresql://user:password@host:port/name`"
    )
    redis_url: str = _variable("REDIS_URL", "redis://redis:6379/0", "Queue, rate limits, cache")

    secret_key: str = _variable("SECRET_KEY", PLACEHOLDER, "Signs API tokens and forms")
    device_api_key: str = _variable(
        "DEVICE_API_KEY", PLACEHOLDER, "Pairs web kiosks, with a one-time code"
    )
    card_master_key: str = _variable(
        "CARD_MASTER_KEY", "", "Makes and checks the keys of secure cards; empty: there are none"
    )
    cors_origins: tuple[str, ...] = _variable(
        "CORS_ORIGINS", "[]", "JSON array of origins that may call the API; `[]` is any"
    )

    s3_endpoint: str = _variable(
        "S3_ENDPOINT", "http://minio:9000", "Object store; `file:///folder` keeps photos on disk"
    )
    s3_bucket: str = _variable("S3_BUCKET", "attendance-photos", "Bucket of the photos")
    s3_access_key: str = _variable("S3_ACCESS_KEY", "dev-access", "Access key")
    s3_secret_key: str = _variable("S3_SECRET_KEY", "dev-secret", "Secret key")
    s3_region: str = _variable("S3_REGION", "us-east-1", "Region")
    s3_secure: bool = _variable("S3_SECURE", "false", "Whether the store speaks HTTPS")
    s3_public_endpoint: str = _variable(
        "S3_PUBLIC_ENDPOINT", "", "The store as gates reach it; empty: their photos pass through us"
    )
    photo_key: str = _variable("PHOTO_KEY", PLACEHOLDER, "Opens the photos that gates seal")
    photo_keys_before: tuple[str, ...] = _variable(
        "PHOTO_KEYS_BEFORE", "[]", "JSON array of earlier ones, for gates that were offline"
    )
    photo_retention_days: int = _variable(
        "PHOTO_RETENTION_DAYS", "30", "After these a photo taken at a gate is deleted"
    )

    whatsapp_access_token: str = _variable("WHATSAPP_ACCESS_TOKEN", "dummy", "Cloud API token")
    whatsapp_phone_number_id: str = _variable("WHATSAPP_PHONE_NUMBER_ID", "dummy", "Sender's id")
    whatsapp_business_account_id: str = _variable(
        "WHATSAPP_BUSINESS_ACCOUNT_ID", "", "Account whose templates the validation script lists"
    )
    whatsapp_api_url: str = _variable(
        "WHATSAPP_API_URL", META_GRAPH, "Cloud API; the emulator in development"
    )
    whatsapp_app_secret: str = _variable(
        "WHATSAPP_APP_SECRET", "", "Verifies the signature of webhooks; empty refuses them all"
    )
    whatsapp_verify_token: str = _variable(
        "WHATSAPP_VERIFY_TOKEN", "", "Answers Meta's webhook challenge; empty refuses it"
    )
    enable_real_notifications: bool = _variable(
        "ENABLE_REAL_NOTIFICATIONS", "false", "`false` records messages and sends none"
    )

    no_show_grace_minutes: int = _variable(
        "NO_SHOW_GRACE_MINUTES",
        "15",
        "After the start of class, until a missing student is one; a school may set its own",
    )

    webauthn_rp_id: str = _variable("WEBAUTHN_RP_ID", "localhost", "Domain of the passkeys")
    webauthn_rp_name: str = _variable(
        "WEBAUTHN_RP_NAME", "Sistema Asistencia Escolar", "Name shown by the browser"
    )
    webauthn_rp_origin: str = _variable(
        "WEBAUTHN_RP_ORIGIN", "http://localhost:8080", "Public address of the web"
    )
    webauthn_timeout_ms: int = _variable("WEBAUTHN_TIMEOUT_MS", "60000", "Milliseconds to answer")

    mqtt_host: str = _variable("MQTT_HOST", "mosquitto", "Broker host")
    mqtt_port: int = _variable("MQTT_PORT", "1883", "Broker port")
    mqtt_username: str = _variable("MQTT_USERNAME", "", "Broker user of this process")
    mqtt_password: str = _variable("MQTT_PASSWORD", "", "Its password")
    mqtt_client_id: str = _variable(
        "MQTT_CLIENT_ID", "central-ingest", "Broker session of `ingest`; a second one needs its own"
    )

    mqtt_public_host: str = _variable(
        "MQTT_PUBLIC_HOST", "localhost", "Name or address under which gates reach the broker"
    )
    mqtt_public_port: int = _variable("MQTT_PUBLIC_PORT", "8883", "Port of the same, TLS")
    broker_folder: str = _variable(
        "BROKER_FOLDER", "", "Folder shared with the broker, for its certificates; `scheduler` only"
    )
    identity_key: str = _variable(
        "IDENTITY_KEY", "", "Seals the gates' authority; empty takes `SECRET_KEY`"
    )
    release_keys: tuple[str, ...] = _variable(
        "RELEASE_KEYS", "[]", "JSON array of the public keys that sign the gates' software"
    )
    web_ca_file: str = _variable(
        "WEB_CA_FILE", "", "Who vouches for the web to gates (PEM); empty: a public authority"
    )

    dev_gates_url: str = _variable(
        "DEV_GATES_URL", "", "Emulated gates behind `/dev/gates`; development only"
    )
    metrics_token: str = _variable(
        "METRICS_TOKEN", "", "Bearer token that opens `/metrics`; empty opens it to loopback only"
    )
    prometheus_multiproc_dir: str = _variable(
        "PROMETHEUS_MULTIPROC_DIR", "", "Folder where web workers add up their figures"
    )
    log_level: str = _variable("LOG_LEVEL", "INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read and judge the environment. Raises SettingsError listing everything wrong."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for item in fields(cls):
            name, default = item.metadata["name"], item.metadata["default"]
            try:
                values[item.name] = _PARSERS[str(item.type)](env.get(name, default))
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if not problems:
            settings = cls(**values)
            problems = list(_problems(settings))
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def development(self) -> bool:
        return self.app_env == "development"

    @property
    def database_url(self) -> str:
        """The owner's URL in SQLAlchemy's form; for migrations and set-up only."""
        if self.database_url_override:
            return _driver_url(self.database_url_override)
        return self._url(self.db_user, self.db_password)

    def database_url_for(self, role: str) -> str:
        """The URL with which one process (``web``, ``ingest``, …) logs in as its own role."""
        user, password = f"attendance_{role}", self.role_password(role)
        if not self.database_url_override:
            return self._url(user, password)
        parts = urlsplit(_driver_url(self.database_url_override))
        address = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{user}:{password}@{address}").geturl()

    @property
    def identity_secret(self) -> str:
        """What the authority's private key is sealed under."""
        return self.identity_key or self.secret_key

    @property
    def token_domain(self) -> str:
        """The domain in the address on the schools' cards: that of the web."""
        return urlsplit(self.webauthn_rp_origin).netloc

    def role_password(self, role: str) -> str:
        """Derived, so that an installation has one database secret to keep and to rotate."""
        name = f"attendance_{role}".encode()
        return hmac.new(self.owner_password.encode(), name, hashlib.sha256).hexdigest()

    @property
    def owner_password(self) -> str:
        if not self.database_url_override:
            return self.db_password
        return unquote(urlsplit(self.database_url_override).password or "")

    def _url(self, user: str, password: str) -> str:
        address = f"{self.db_host}:{self.db_port}/{self.db_name}"
        return f"postgresql+psycopg://{quote(user, '')}:{quote(password, '')}@{address}"


def _driver_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def _whole(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit():
        raise ValueError(f"{raw!r} is not a whole number")
    return int(raw)


def _truth(raw: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return words[raw.strip().lower()]
    except KeyError:
        raise ValueError(f"{raw!r} is neither true nor false") from None


def _origins(raw: str) -> tuple[str, ...]:
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('expected a JSON array such as ["https://school.example"]')
    return tuple(item.rstrip("/") for item in value)


_PARSERS: Final[Mapping[str, Any]] = {
    "str": str,
    "int": _whole,
    "bool": _truth,
    "tuple[str, ...]": _origins,
}


_COMPOSE_PASSWORD: Final = "school_attendance"  # noqa: S105  what docker-compose.yml falls back to
_DEFAULTS: Final = {item.metadata["name"]: item.metadata["default"] for item in fields(Settings)}


def _problems(settings: Settings) -> Iterator[str]:
    if settings.app_env not in ENVIRONMENTS:
        yield f"APP_ENV: {settings.app_env!r} is not one of {', '.join(ENVIRONMENTS)}"
    if settings.log_level.upper() not in LOG_LEVELS:
        yield f"LOG_LEVEL: {settings.log_level!r} is not one of {', '.join(LOG_LEVELS)}"
    if settings.dev_gates_url and not settings.development:
        yield "DEV_GATES_URL: emulated gates exist in development only; remove it"
    if settings.no_show_grace_minutes > LONGEST_GRACE_MINUTES:
        yield f"NO_SHOW_GRACE_MINUTES: more than {LONGEST_GRACE_MINUTES}; an alert then comes late"
    if not 1 <= settings.photo_retention_days <= LONGEST_PHOTO_DAYS:
        yield f"PHOTO_RETENTION_DAYS: expected 1 to {LONGEST_PHOTO_DAYS}"
    if not re.fullmatch(r"(?:[0-9a-fA-F]{64})?", settings.card_master_key):
        yield "CARD_MASTER_KEY: not 64 hex digits; generate it once with `openssl rand -hex 32`"
    yield from _unusable_for_gates(settings)
    if settings.app_env == "production":
        yield from _unsafe_secrets(settings)
        yield from _unsafe_addresses(settings)
        yield from _unsafe_messages(settings)


def _unusable_for_gates(settings: Settings) -> Iterator[str]:
    if not all(_RELEASE_KEY.fullmatch(key) for key in settings.release_keys):
        yield "RELEASE_KEYS: each is 64 hex digits, as `build_release keygen` prints it"
    if settings.web_ca_file and not Path(settings.web_ca_file).is_file():
        yield "WEB_CA_FILE: there is no such file"


def _unsafe_secrets(settings: Settings) -> Iterator[str]:
    secrets = {
        "SECRET_KEY": settings.secret_key,
        "DEVICE_API_KEY": settings.device_api_key,
        "PHOTO_KEY": settings.photo_key,
    }
    for name, value in secrets.items():
        if value == PLACEHOLDER or len(value) < 32:
            yield f"{name}: a placeholder or too short; generate it with `openssl rand -hex 32`"
    if 0 < len(settings.metrics_token) < 32:
        yield "METRICS_TOKEN: too short; generate it with `openssl rand -hex 32`, or leave it empty"
    if settings.owner_password in ("", _DEFAULTS["DB_PASSWORD"]):
        name = "DATABASE_URL" if settings.database_url_override else "DB_PASSWORD"
        yield f"{name}: no password or the default; generate it with `openssl rand -hex 16`"
    if settings.mqtt_username and settings.mqtt_password in ("", _COMPOSE_PASSWORD):
        yield "MQTT_PASSWORD: none or the default; generate it with `openssl rand -hex 16`"
    if 0 < len(settings.identity_key) < 32:
        yield "IDENTITY_KEY: too short; generate it with `openssl rand -hex 32`, or leave it empty"
    if settings.s3_secret_key == _DEFAULTS["S3_SECRET_KEY"]:
        yield "S3_SECRET_KEY: the development key; use the store's own credentials"


def _unsafe_addresses(settings: Settings) -> Iterator[str]:
    if not settings.cors_origins:
        yield 'CORS_ORIGINS: open to any origin; name yours, e.g. ["https://school.example"]'
    for origin in settings.cors_origins:
        if not origin.startswith("https://"):
            yield f"CORS_ORIGINS: {origin} is not https"
    if not settings.webauthn_rp_origin.startswith("https://"):
        yield "WEBAUTHN_RP_ORIGIN: must be the public https address"
    if settings.mqtt_public_host == _DEFAULTS["MQTT_PUBLIC_HOST"]:
        yield "MQTT_PUBLIC_HOST: gates cannot reach localhost; the broker's public name"
    if settings.s3_endpoint.startswith("http://") or not settings.s3_secure:
        yield "S3_ENDPOINT, S3_SECURE: photos must travel by https; use https and true"
    if settings.s3_public_endpoint and not settings.s3_public_endpoint.startswith("https://"):
        yield "S3_PUBLIC_ENDPOINT: gates must reach the store by https; use it, or leave it empty"


def _unsafe_messages(settings: Settings) -> Iterator[str]:
    if settings.whatsapp_api_url.rstrip("/") != META_GRAPH:
        yield f"WHATSAPP_API_URL: an emulator or another host; use {META_GRAPH}"
    if not settings.enable_real_notifications:
        return
    needed = {
        "WHATSAPP_ACCESS_TOKEN": settings.whatsapp_access_token,
        "WHATSAPP_PHONE_NUMBER_ID": settings.whatsapp_phone_number_id,
        "WHATSAPP_APP_SECRET": settings.whatsapp_app_secret,
        "WHATSAPP_VERIFY_TOKEN": settings.whatsapp_verify_token,
    }
    for name, value in needed.items():
        if value in ("", "dummy"):
            yield f"{name}: needed while ENABLE_REAL_NOTIFICATIONS is true"
