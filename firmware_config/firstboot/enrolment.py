"""placeholder"""

from contracts.provisioning import Provision
from firmware_config.firstboot.machine import Machine


def enrol(machine: Machine, provision: Provision) -> None: ...
