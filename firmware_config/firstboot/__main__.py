"""Makes a gate of this machine, as ``gate.json`` on the boot partition says.

Ends with 0 when it is one, with 1 when trying again may help (no network yet), and with 3 when a
person has to act; ``gate-status.txt`` beside ``gate.json`` says what.
"""

from __future__ import annotations

import logging
import sys

from contracts.fields import ContractError
from contracts.provisioning import Provision
from firmware_config.firstboot import enrolment, steps
from firmware_config.firstboot.machine import Machine, SomebodyMustAct, StepFailed, wipe

log = logging.getLogger("gate-firstboot")


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    machine = Machine()
    try:
        make_gate(machine)
    except StepFailed as failed:
        log.warning("%s; trying again soon", failed)
        machine.say(f"Working on it. Last trouble: {failed}")
        return 1
    except SomebodyMustAct as told:
        log.error("%s", told)
        machine.say(f"NOT READY. {told}")
        return 3
    return 0


def make_gate(machine: Machine) -> None:
    """Raises StepFailed and SomebodyMustAct."""
    source = machine.boot / "gate.json"
    provision = _provision(machine)
    machine.say("Working on it.")
    steps.put_system_files(machine)
    steps.name_machine(machine, provision)
    restart = steps.free_serial_port(machine, provision)
    steps.join_network(machine, provision)
    steps.install_agent(machine, provision)
    try:
        enrolment.enrol(machine, provision)
    except SomebodyMustAct:
        wipe(source)  # what is in it lets nobody in any more
        raise
    wipe(source)
    steps.start_agent(machine)
    upgrades = "" if steps.keep_system_current(machine) else " Security upgrades are NOT arranged."
    machine.say(f"READY. This is {provision.device} at {provision.gate}.{upgrades}")
    if restart or machine.path("/run/reboot-required").exists():
        machine.run("systemctl", "reboot", "--no-block")


def _provision(machine: Machine) -> Provision:
    try:
        return Provision.from_json((machine.boot / "gate.json").read_bytes())
    except (OSError, ContractError) as error:
        raise SomebodyMustAct(f"gate.json cannot be used ({error}). Make new files.") from error


if __name__ == "__main__":
    sys.exit(main())
