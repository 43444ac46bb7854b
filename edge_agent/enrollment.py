"""How a gate gets its identity: a one-time code and a key of its own for a certificate.

The key is made here and never leaves. What central answers is kept only if it is for us, and if
the authority is the one that whoever made the code has named.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256

from contracts import fields
from contracts.fields import ContractError
from contracts.topics import DEVICE_ID
from edge_agent.central_link import CentralLink
from edge_agent.clock import Clock
from edge_agent.identity_files import (
    IdentityFiles,
    IdentityUnusable,
    certificate_for,
    certificates_in,
    keep_private,
    new_key,
    signing_request,
)
from edge_agent.settings import CentralSettings

log = logging.getLogger(__name__)

PATH: Final = "/api/v1/devices/enroll"


@dataclass(frozen=True, slots=True, repr=False)  # repr would show the code
class Order:
    """What a technician brings to a gate.

    ``fingerprint`` is the SHA-256, in hex, of an authority that central must name; None: any.
    """

    central: CentralSettings
    code: str
    fingerprint: str | None = None


def enroll(order: Order, folder: Path, clock: Clock) -> str:
    """Have all that a gate needs in ``folder``; the device's name. What was there is replaced.

    Raises CentralUnavailable (the code may be used up all the same), CentralRefused,
    IdentityUnusable for an answer that is not for us, and OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = IdentityFiles(folder)
    key = new_key(files.key)
    link = CentralLink(order.central, None, clock)
    try:
        request = {"code": order.code, "csr": signing_request(key)}
        answer = link.post(PATH, json.dumps(request).encode())
    finally:
        link.close()
    told = _read(answer.body)
    _expect_authority(told["authorities"], order.fingerprint)
    certificate_for(told["certificate"], key, told["device"])
    _keep(files, told)
    return str(told["device"])


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        told = fields.load(body)
        fields.text(told, "device", DEVICE_ID)
        fields.text(told, "site_key", fields.HEX)
        fields.whole(fields.an_object(told.get("broker"), "broker"), "port", least=1, most=65535)
    except ContractError as error:
        raise IdentityUnusable(f"central's answer: {error}") from error
    for name in ("certificate", "authorities"):
        certificates_in(told.get(name))
    return told


def _expect_authority(pem: str, fingerprint: str | None) -> None:
    if fingerprint is None:
        return
    wanted = fingerprint.replace(":", "").lower()
    found = [certificate.fingerprint(SHA256()).hex() for certificate in certificates_in(pem)]
    if not any(hmac.compare_digest(one, wanted) for one in found):
        raise IdentityUnusable("authority: not the one whose fingerprint was given")


def _keep(files: IdentityFiles, told: Mapping[str, Any]) -> None:
    """The certificate last: with it, everything is there."""
    rest = {key: told.get(key) for key in ("device", "broker", "token_domain", "expires_at")}
    keep_private(files.site_key, str(told["site_key"]))
    keep_private(files.authorities, str(told["authorities"]))
    keep_private(files.told, json.dumps(rest))
    keep_private(files.certificate, str(told["certificate"]))
    files.revoked.unlink(missing_ok=True)
