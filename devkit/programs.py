"""The programs of a stack, in the order in which they are started."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devkit.http import answers
from devkit.places import ROOT, VENV_PYTHON, write_private
from devkit.ports import LOOPBACK
from devkit.process import Program, Running
from devkit.shell import run
from devkit.stack import DATABASE, PHONE_NUMBER_ID, PYTHON_ENVIRONMENT, Stack
from devkit.stamps import Stamp

Readiness = Callable[[Running], bool]


def migrate(stack: Stack) -> str:
    """Bring the database to the newest schema; what the command said. PostgreSQL must run."""
    stack.postgres.create_database(DATABASE)
    said = _central_command(stack, "migrate")
    _schema(stack).set()
    return said


def migrate_if_changed(stack: Stack) -> None:
    """As ``migrate``, unless the same migrations have been applied to these data before."""
    if not _schema(stack).is_current():
        migrate(stack)


def _schema(stack: Stack) -> Stamp:
    inputs = [
        ROOT / "migrations",
        ROOT / "central" / "db_roles.py",
        ROOT / "central" / "settings.py",
    ]
    return Stamp(stack.state.data / "schema", inputs)  # beside the data, so that it goes with them


def seed(stack: Stack) -> str:
    """Make the demo school unless it is there, and write its files anew."""
    return _central_command(
        stack,
        *("seed-demo", "--out", str(stack.state.demo), "--run", str(stack.run_folder)),
        *("--broker", f"localhost:{stack.ports['mosquitto_tls']}"),
        *("--gates-port", str(stack.ports["gates"])),
        *("--web", f"http://{LOOPBACK}:{stack.ports['web']}"),
        *("--screen-port", str(stack.ports["screen"])),
        *("--evacuation-port", str(stack.ports["evacuation"])),
    )


def _central_command(stack: Stack, *arguments: str) -> str:
    env = stack.environment("web")
    return run((str(VENV_PYTHON), "-m", "central.cli", *arguments), env, cwd=ROOT)


def whatsapp(stack: Stack) -> Program:
    """What stands in for Meta and for the guardians' phones."""
    command = ("emulators.whatsapp", "--config", str(_whatsapp_configuration(stack)))
    ready = _answers(stack, "whatsapp", "/")
    return _module(stack, "whatsapp", command, PYTHON_ENVIRONMENT, ready)


def gates(stack: Stack) -> Program:
    """What stands in for readers, cards and lights. Its configuration comes from seeding."""
    command = ("emulators.gates", "--config", str(stack.state.demo / "gates.json"))
    return _module(stack, "gates", command, PYTHON_ENVIRONMENT, _answers(stack, "gates", "/gates"))


def _whatsapp_configuration(stack: Stack) -> Path:
    """In a file, because everybody on the machine can read a command line."""
    file = stack.state.folder / "whatsapp.json"
    options = {
        "port": stack.ports["whatsapp"],
        "token": stack.state.secret("whatsapp-access-token"),
        "app_secret": stack.state.secret("whatsapp-app-secret"),
        "verify_token": stack.state.secret("whatsapp-verify-token"),
        "webhook_url": f"{stack.address('web')}/webhooks/whatsapp",
        "phone_number_id": PHONE_NUMBER_ID,
        "state": str(stack.state.data / "whatsapp.json"),
    }
    write_private(file, json.dumps(options))
    return file


def central(stack: Stack) -> list[Program]:
    """The product's own processes."""
    gunicorn = (
        *("gunicorn", "-c", "python:central.web.gunicorn"),
        *("--bind", f"{LOOPBACK}:{stack.ports['web']}", "central.wsgi:app"),
    )
    web, worker = stack.web_environment(), stack.worker_environment()
    ingest, scheduler = stack.environment("ingest"), stack.scheduler_environment()
    return [
        _module(stack, "web", gunicorn, web, _answers(stack, "web", "/healthz")),
        _module(stack, "ingest", ("central.ingest",), ingest, _said("connected")),
        _module(stack, "worker", ("central.jobs", "worker"), worker, _said("Listening")),
        _module(stack, "scheduler", ("central.jobs", "scheduler"), scheduler, _said("started")),
    ]


def enrol(stack: Stack) -> None:
    """Let each gate that has no certificate get one, as on its first boot. The web must run."""
    for folder in sorted((stack.state.demo / "agents").iterdir()):
        if not (folder / "identity" / "device.pem").exists():
            command = enrolment_of(folder, stack.address("web"))
            run((str(VENV_PYTHON), *command), PYTHON_ENVIRONMENT, cwd=ROOT)


def enrolment_of(folder: Path, web: str) -> tuple[str, ...]:
    """What makes a gate of the demo's files in ``folder``."""
    return (
        *("-m", "edge_agent", "enroll", "--central", web, "--clock", "host"),
        *("--code-file", str(folder / "code"), "--folder", str(folder / "identity")),
    )


def agents(stack: Stack) -> list[Program]:
    """One agent for each gate of the demo school, as it runs on a Raspberry Pi."""
    return [
        _module(
            stack,
            f"agent-{folder.name}",
            ("edge_agent", "run", "--config", str(folder / "agent.toml")),
            PYTHON_ENVIRONMENT,
            _said("connected to"),
        )
        for folder in sorted((stack.state.demo / "agents").iterdir())
    ]


def _module(
    stack: Stack, name: str, command: Sequence[str], env: Mapping[str, str], ready: Readiness
) -> Program:
    return Program(
        name=name,
        argv=(str(VENV_PYTHON), "-m", *command),
        env=env,
        log=stack.state.log(name),
        ready=ready,
        cwd=ROOT,
    )


def _answers(stack: Stack, name: str, path: str) -> Readiness:
    """Ready once it answers ``path`` with 200."""
    return lambda _running: answers(stack.address(name) + path)


def _said(words: str) -> Readiness:
    """Ready once it has logged ``words``: it serves no port that could be asked."""
    return lambda running: words in running.output()
