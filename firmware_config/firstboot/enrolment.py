"""The gate's identity, and the settings that its agent runs with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from contracts.provisioning import Provision
from firmware_config.firstboot.machine import Machine, SomebodyMustAct, StepFailed

CONFIG: Final = "/etc/gate"
STATE: Final = "/var/lib/school-gate"
SETTINGS: Final = f"{CONFIG}/agent.toml"
IDENTITY: Final = f"{STATE}/identity"
_AUTHORITY: Final = f"{CONFIG}/web-authority.pem"
_SOMEBODY_MUST_ACT: Final = 3  # the agent's "enroll" says so of a code that is of no use


def enrol(machine: Machine, provision: Provision) -> None:
    """Have keys, certificate and settings. The code is used up; a machine that has all is left.

    Raises StepFailed while central cannot be reached, SomebodyMustAct when it refuses.
    """
    if provision.authority is not None:
        machine.write(_AUTHORITY, provision.authority.encode())
    if not machine.path(f"{IDENTITY}/device.pem").exists():
        _ask(machine, provision)
    told = json.loads(machine.path(f"{IDENTITY}/enrolment.json").read_bytes())
    machine.write(SETTINGS, agent_settings(provision, told).encode())


def _ask(machine: Machine, provision: Provision) -> None:
    """As the agent's user, whose files they are to be."""
    code = machine.path("/run/gate-code")
    machine.write("/run/gate-code", provision.code.encode(), 0o600)
    machine.run("chown", "gate:", str(code))
    options = ["--central", provision.server, "--code-file", str(code), "--folder", IDENTITY]
    if provision.authority is not None:
        options += ["--ca-file", _AUTHORITY]
    if provision.fingerprint is not None:
        options += ["--fingerprint", provision.fingerprint]
    try:
        machine.run(
            *("setpriv", "--reuid=gate", "--regid=gate", "--init-groups", "--"),
            *("/opt/gate/current/bin/python", "-I", "-m", "edge_agent", "enroll", *options),
        )
    except StepFailed as failed:
        if failed.status == _SOMEBODY_MUST_ACT:
            raise SomebodyMustAct(f"Central did not let this gate in ({failed}).") from failed
        raise
    finally:
        code.unlink(missing_ok=True)


def agent_settings(provision: Provision, told: dict[str, Any]) -> str:
    """``agent.toml``, from what the technician chose and what central answered (``told``)."""
    return "\n".join(_lines(provision, told)) + "\n"


def _lines(provision: Provision, told: dict[str, Any]) -> Iterator[str]:
    yield f"device = {_text(provision.device)}"
    yield f"data_dir = {_text(STATE)}"
    yield from ("", "[broker]")
    yield f"host = {_text(told['broker']['host'])}"
    yield f"port = {int(told['broker']['port'])}"
    yield f"ca_file = {_text(f'{IDENTITY}/authorities.pem')}"
    yield f"cert_file = {_text(f'{IDENTITY}/device.pem')}"
    yield f"key_file = {_text(f'{IDENTITY}/device.key')}"
    yield from ("", "[central]")
    yield f"url = {_text(provision.server)}"
    yield f"key_file = {_text(f'{IDENTITY}/device.key')}"
    if provision.authority is not None:
        yield f"ca_file = {_text(_AUTHORITY)}"
    yield from ("", "[site]")
    yield f"key_file = {_text(f'{IDENTITY}/site-key')}"
    yield f"token_domain = {_text(told['token_domain'])}"
    yield from ("", "[roster]", f"file = {_text(f'{STATE}/roster.json')}")
    for reader in provision.readers:
        yield from ("", "[[readers]]")
        yield f"name = {_text(reader.name)}"
        yield f"driver = {_text(reader.driver)}"
        yield f"path = {_text(reader.path)}"
        yield f"direction = {_text(provision.direction)}"
    yield from _answers(provision)
    yield from ("", "[updates]")
    yield f"inbox = {_text(f'{STATE}/update')}"
    yield 'record = "/opt/gate/update.json"'
    yield 'sign = "/run/school-gate/alive.json"'


def _answers(provision: Provision) -> Iterator[str]:
    """How people are answered: as wired in docs/gate.md."""
    kinds = json.dumps([*provision.answers, "console"])
    yield from ("", "[feedback]", f"kinds = {kinds}")
    if "lights" in provision.answers:
        yield from ("", "[feedback.lights]", "green_pin = 17", "red_pin = 27", "buzzer_pin = 22")
    if "screen" in provision.answers:
        yield from ("", "[screen]", f"locale = {_text(provision.locale)}")
        yield f"timezone = {_text(provision.timezone)}"
    if provision.evacuation_list:
        yield from ("", "[evacuation]", f"locale = {_text(provision.locale)}")


def _text(value: object) -> str:
    """A JSON string is a TOML basic string too."""
    return json.dumps(str(value))
