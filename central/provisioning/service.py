"""Making the files for one device's boot partition. They let one machine in, within the hour."""

from __future__ import annotations

import hashlib
import io
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from central.accounts.service import record
from central.devices.models import Device, Gate
from central.errors import Busy, Conflict
from central.identity import authority_service, enrolment_service
from central.media.store import Store
from central.releases.queries import newest
from central.releases.service import whole_content
from central.schools.models import School
from contracts.fields import ContractError
from contracts.provisioning import Provision, ReaderGiven, Wifi
from firmware_config.render import Software, boot_zip, first_boot_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a gate is told of this installation: where the web is, who vouches for it (PEM; None: a
    public authority), and whose releases to believe (public keys, hex)."""

    server: str
    authority: str | None
    release_keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the technician chooses for this gate, and where the gate is to belong."""

    readers: tuple[ReaderGiven, ...]
    wifi: Wifi | None
    locale: str
    answers: tuple[str, ...]
    evacuation_list: bool
    surroundings: Surroundings


def boot_archive(
    session: Session,
    store: Store,
    device: Device,
    wishes: Wishes,
    *,
    by: int,
    now: datetime,
) -> bytes:
    """A zip for the boot partition, with a new code in it; the last code ends.

    Raises Conflict for a device that cannot be enrolled, for wishes that no gate understands, and
    while no release is published; Busy when the store does not answer, or before there is an
    authority that could let a gate in.
    """
    release = newest(session)
    if release is None:
        raise Conflict("no release of the gates' software is published yet")
    content = whole_content(store, release)
    code = enrolment_service.issue_code(session, device, by=by, now=now).code
    school = session.get_one(School, device.school_id)
    gate = session.get_one(Gate, (device.school_id, device.gate_id))
    provision = Provision(
        device=device.id,
        gate=gate.name,
        direction=device.direction,
        server=wishes.surroundings.server,
        code=code,
        authority=wishes.surroundings.authority,
        fingerprint=_fingerprint(authority_service.trusted(session).pem),
        release_sha256=hashlib.sha256(content).hexdigest(),
        release_keys=tuple(wishes.surroundings.release_keys),
        readers=wishes.readers,
        wifi=wishes.wifi,
        locale=wishes.locale,
        timezone=school.timezone,
        answers=wishes.answers,
        evacuation_list=wishes.evacuation_list,
    )
    try:
        Provision.from_json(provision.to_json())
    except ContractError as error:
        raise Conflict(f"no gate understands this: {error}") from error
    subject = f"device:{device.id}"
    record(session, device.school_id, by, "made_boot_files", subject, {"version": release.version})
    software = Software(content, first_boot_of(io.BytesIO(content)))
    return boot_zip(provision, software, secrets.token_hex(4))


def _fingerprint(pem: str) -> str:
    """SHA-256 of the newest authority that gates trust."""
    if not pem:
        raise Busy("the authority is made when the scheduler has started")
    newest_pem = pem[: pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(newest_pem)).hexdigest()
