"""``python -m edge_agent enroll``: makes a gate of this machine, once, with a one-time code.

Ends with 0 when all is in the folder, with 1 when central could not be reached (a later attempt may
work with the same code), and with 3 when somebody has to act: a new code, or another address.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Final

from edge_agent.central_link import CentralRefused, CentralUnavailable
from edge_agent.clock import CLOCKS
from edge_agent.enrollment import Order, enroll
from edge_agent.identity_files import IdentityFiles, IdentityUnusable
from edge_agent.settings import SettingsError, central_at

log = logging.getLogger(__name__)

LATER: Final = 1
SOMEBODY_MUST_ACT: Final = 3


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--central", required=True, metavar="URL", help="https://host")
    command.add_argument(
        "--code-file", type=Path, required=True, metavar="FILE", help="with the one-time code"
    )
    command.add_argument(
        "--folder", type=Path, required=True, help="for key, certificate and site key"
    )
    command.add_argument(
        "--fingerprint", metavar="HEX", help="SHA-256 of an authority that central has to name"
    )
    command.add_argument(
        "--ca-file", type=Path, metavar="PEM", help="whom to trust for https; else the system's"
    )
    command.add_argument("--clock", choices=sorted(CLOCKS), default="system", help="who sets it")


def run(chosen: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        key_file = IdentityFiles(chosen.folder).key
        central = central_at(chosen.central, key_file, chosen.ca_file)
        code = chosen.code_file.read_text(encoding="ascii").strip()
        order = Order(central, code, chosen.fingerprint)
        device = enroll(order, chosen.folder, CLOCKS[chosen.clock])
    except CentralUnavailable as error:
        sys.stderr.write(f"central cannot be reached: {error}\n")
        return LATER
    except CentralRefused as error:
        sys.stderr.write(f"{error}: have a new code made; one is good once, for an hour\n")
        return SOMEBODY_MUST_ACT
    except (IdentityUnusable, SettingsError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return SOMEBODY_MUST_ACT
    sys.stdout.write(f"{device}\n")
    return 0
