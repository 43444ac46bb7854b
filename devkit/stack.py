"""One stack: its servers, ports and secrets, and the environment that each process gets."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from devkit.mosquitto import Door, Mosquitto
from devkit.places import VENV
from devkit.ports import LOOPBACK
from devkit.postgres import Postgres
from devkit.redis import Redis
from devkit.state import State

DATABASE = "school_attendance"
PHONE_NUMBER_ID = "100000000000001"
WEB_PORT = 8080
CENTRAL_ROLES = ("web", "ingest", "worker", "scheduler")
LONGEST_SOCKET_PATH = 107  # unix(7); one byte less than sun_path, which ends with a zero


class Stack:
    """Everything that can be said about a stack before any of it runs."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.ports = state.ports(
            (
                "postgres",
                "mosquitto",
                "mosquitto_tls",
                "redis",
                "whatsapp",
                "gates",
                "screen",
                "evacuation",
            ),
            wishes={"web": WEB_PORT},
        )
        self.postgres = Postgres(state.data / "postgres", self.ports["postgres"])
        self.postgres.log = state.log("postgres")
        self.redis = Redis(state.data / "redis", self.ports["redis"])
        self.redis.log = state.log("redis")

    @property
    def mosquitto(self) -> Mosquitto:
        """The broker: central comes by password, gates by certificate."""
        users = {f"central-{role}": self.broker_password(role) for role in CENTRAL_ROLES}
        door = Door(self.ports["mosquitto_tls"], self.broker_folder)
        broker = Mosquitto(self.state.data / "mosquitto", self.ports["mosquitto"], users, door)
        broker.log = self.state.log("mosquitto")
        return broker

    def address(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[name]}"

    @property
    def web_url(self) -> str:
        """By name: the domain of a passkey cannot be an address."""
        return f"http://localhost:{self.ports['web']}"

    def urls(self) -> dict[str, str]:
        """Where a person may want to look."""
        return {
            "app": f"{self.web_url}/app/",
            "board": f"{self.web_url}/app/board",
            "gates": f"{self.web_url}/dev/gates",
            "phones": f"{self.address('whatsapp')}/",
            "screen": f"{self.address('screen')}/",
            "evacuation": f"{self.address('evacuation')}/",
            "api_docs": f"{self.web_url}/api/docs",
        }

    @property
    def run_folder(self) -> Path:
        """For sockets and links to emulated readers; a long project path does not fit a socket."""
        folder = self.state.folder / "run"
        if len(str(folder / "a-long-device-name.sock")) <= LONGEST_SOCKET_PATH:
            return folder
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        return Path(f"/tmp/school-attendance-{os.getuid()}-{name}")  # noqa: S108 - made with mode 700

    @property
    def agents(self) -> list[str]:
        """The devices that seeding has made."""
        return sorted(folder.name for folder in (self.state.demo / "agents").glob("*"))

    @property
    def broker_folder(self) -> Path:
        """What the scheduler writes for the broker."""
        return self.state.data / "broker"

    def broker_password(self, role: str) -> str:
        return self.state.secret(f"broker-central-{role}")

    # --- environments

    def environment(self, role: str) -> dict[str, str]:
        """What every process of central needs; ``role`` is its name at the broker."""
        return {
            **PYTHON_ENVIRONMENT,
            "APP_ENV": "development",
            **self.database_environment(),
            "REDIS_URL": self.redis.url(),
            "SECRET_KEY": self.state.secret("secret-key"),
            "CARD_MASTER_KEY": hashlib.sha256(
                self.state.secret("card-master-key").encode()
            ).hexdigest(),
            "MQTT_HOST": LOOPBACK,
            "MQTT_PORT": str(self.ports["mosquitto"]),
            "MQTT_USERNAME": f"central-{role}",
            "MQTT_PASSWORD": self.broker_password(role),
            "MQTT_PUBLIC_PORT": str(self.ports["mosquitto_tls"]),
            "S3_ENDPOINT": f"file://{self.state.data / 'photos'}",
        }

    def database_environment(self) -> dict[str, str]:
        return {
            "DB_HOST": LOOPBACK,
            "DB_PORT": str(self.ports["postgres"]),
            "DB_NAME": DATABASE,
            "DB_PASSWORD": self.postgres.password,
        }

    def web_environment(self) -> dict[str, str]:
        return {
            **self.environment("web"),
            "DEVICE_API_KEY": self.state.secret("device-api-key"),
            "DEV_GATES_URL": self.address("gates"),
            "ENABLE_REAL_NOTIFICATIONS": "true",  # the log says what is sent
            "PROMETHEUS_MULTIPROC_DIR": str(self.run_folder),
            "WEBAUTHN_RP_ORIGIN": self.web_url,
            "WHATSAPP_APP_SECRET": self.state.secret("whatsapp-app-secret"),
            "WHATSAPP_VERIFY_TOKEN": self.state.secret("whatsapp-verify-token"),
        }

    def scheduler_environment(self) -> dict[str, str]:
        return {**self.environment("scheduler"), "BROKER_FOLDER": str(self.broker_folder)}

    def worker_environment(self) -> dict[str, str]:
        return {
            **self.environment("worker"),
            "ENABLE_REAL_NOTIFICATIONS": "true",  # sent for real, to the emulator
            "WHATSAPP_API_URL": self.address("whatsapp"),
            "WHATSAPP_ACCESS_TOKEN": self.state.secret("whatsapp-access-token"),
            "WHATSAPP_PHONE_NUMBER_ID": PHONE_NUMBER_ID,
        }


PYTHON_ENVIRONMENT = {
    "PATH": f"{VENV / 'bin'}:/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
}
