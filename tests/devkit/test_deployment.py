"""The compose file, the image and the locks say what the deployment document says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import yaml

from central.settings import Settings
from devkit.mosquitto import CENTRAL_USERS
from devkit.places import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROCESSES = ("school-attendance", "ingest", "worker", "scheduler")
# Settings that a deployment has no use for, or that not every process has.
NOT_EVERYWHERE = {
    "BROKER_FOLDER",
    "DATABASE_URL",
    "DEV_GATES_URL",
    "DOCKER_NETWORK",
    "MQTT_CLIENT_ID",
    "PROMETHEUS_MULTIPROC_DIR",
}


def defaults(text: str) -> dict[str, str]:
    """Variables with their defaults as ``${NAME:-default}`` in ``text``; innermost first."""
    return dict(re.findall(r"\$\{(\w+):-([^${}]*)\}", text))


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("school-attendance", "school-attendance-dev"),
        ("worker", "school-attendance-worker-dev"),
        ("scheduler", "school-attendance-scheduler-dev"),
        ("ingest", "school-attendance-ingest-dev"),
        ("postgres", "school-attendance-postgres-dev"),
        ("redis", "school-attendance-redis-dev"),
    ],
)
def test_containers_have_the_documented_names(service: str, name: str) -> None:
    written = SERVICES[service]["container_name"]

    assert written.replace("${DEPLOY_ENV:-dev}", "dev") == name


def test_every_container_of_ours_is_the_one_image() -> None:
    images = {SERVICES[name]["image"] for name in (*PROCESSES, "prepare", "rq-dashboard")}

    assert images == {"${IMAGE_NAME:-moffermann/school-attendance}:${IMAGE_TAG:-dev}"}


def test_the_dashboard_is_for_dev_and_qa_only() -> None:
    assert SERVICES["rq-dashboard"]["profiles"] == ["dev", "qa"]
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["rq-dashboard"]


def test_nothing_starts_before_the_schema_is_there() -> None:
    for name in PROCESSES:
        assert SERVICES[name]["entrypoint"] == ["python", "scripts/after_migrations.py"]
        assert SERVICES[name]["command"]


def test_any_container_can_be_restarted_whatever_else_is_down() -> None:
    assert [name for name, service in SERVICES.items() if "depends_on" in service] == []
    once = [name for name, service in SERVICES.items() if service["restart"] != "unless-stopped"]
    assert once == ["prepare"]


def test_only_the_web_is_in_the_shared_network() -> None:
    shared = [name for name, service in SERVICES.items() if "outside" in service["networks"]]

    assert shared == ["school-attendance"]
    assert COMPOSE["networks"]["outside"]["name"] == "${DOCKER_NETWORK:-net-dev}"


def test_every_published_port_is_on_loopback_unless_told_otherwise() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(ports) == 3
    assert all(port.startswith(("127.0.0.1:", "${")) for port in ports)
    assert all(":-127.0.0.1}" in port for port in ports if port.startswith("${"))


def test_what_must_survive_is_in_a_volume() -> None:
    for name in ("postgres", "redis", "mosquitto", "minio"):
        mounted = [str(volume).split(":")[0] for volume in SERVICES[name]["volumes"]]
        assert set(mounted) & set(COMPOSE["volumes"])


@pytest.mark.parametrize("process", PROCESSES)
def test_every_setting_reaches_every_process(process: str) -> None:
    known = {item.metadata["name"] for item in fields(Settings)}

    given = set(SERVICES[process]["environment"])

    assert known - given - NOT_EVERYWHERE == set()
    assert given - known == set()


def test_defaults_are_those_of_the_settings() -> None:
    ours = {item.metadata["name"]: item.metadata["default"] for item in fields(Settings)}
    # Set by the compose file itself, because containers have names of their own.
    ours |= {"DB_HOST": "", "REDIS_URL": "", "MQTT_HOST": "", "MQTT_PASSWORD": ""}

    written = defaults((ROOT / "docker-compose.yml").read_text())

    for name, default in written.items():
        if ours.get(name):
            assert default == ours[name], name


def test_each_process_has_its_own_name_at_the_broker() -> None:
    names = {SERVICES[process]["environment"]["MQTT_USERNAME"] for process in PROCESSES}

    assert names == set(CENTRAL_USERS)
    started = (ROOT / "scripts" / "mosquitto-start.sh").read_text()
    for name in names:
        assert f" {name.removeprefix('central-')}" in started


def pins(lock: str) -> set[str]:
    text = (ROOT / lock).read_text()
    return set(re.findall(r"^([a-z0-9-]+==\S+)", text, re.MULTILINE))


def packages_wanted_for(extra: str) -> Iterator[str]:
    source = (ROOT / "setup.py").read_text()
    block = re.search(rf"^{extra} = \[(.*?)\]$", source, re.MULTILINE | re.DOTALL)
    assert block is not None
    for requirement in re.findall(r'"([a-z0-9-]+)', block.group(1)):
        yield str(requirement)


def test_the_image_has_the_versions_that_the_tests_ran_with() -> None:
    image = pins("requirements-central.lock")
    tested = pins("requirements.lock")
    # The dashboard alone brings these.
    dashboard = {"arrow", "redis-sentinel-url", "rq-dashboard"}

    untested = {pin for pin in image - tested if pin.split("==")[0] not in dashboard}

    assert untested == set()


def test_the_image_has_all_that_the_backend_wants() -> None:
    locked = {pin.split("==")[0] for pin in pins("requirements-central.lock")}

    assert set(packages_wanted_for("CENTRAL")) - locked == set()


def test_the_npm_shim_knows_migrations_only() -> None:
    shim = ROOT / "scripts" / "npm-shim.sh"

    refused = subprocess.run([shim, "run", "build"], capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert "only 'npm run migrate'" in refused.stderr


def test_latest_is_no_version(tmp_path: Any) -> None:
    build = ROOT / "scripts" / "build_and_push.sh"

    refused = subprocess.run(
        [build],
        env={"PATH": "/usr/bin:/bin", "IMAGE_TAG": "latest"},
        capture_output=True,
        check=False,
    )

    assert refused.returncode == 2
