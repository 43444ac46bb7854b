"""Where a gate keeps who it is: its key, its certificate, whom it trusts, the school's key.

One folder, which the agent must be able to write: certificates are renewed, and all of it is wiped
when the gate is revoked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from edge_agent.kept_file import replace_file


class IdentityUnusable(Exception):
    """What was given is no certificate, or not for us; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """The files in ``folder``, by the names that ``example.toml`` uses."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "device.key"

    @property
    def certificate(self) -> Path:
        return self.folder / "device.pem"

    @property
    def authorities(self) -> Path:
        return self.folder / "authorities.pem"

    @property
    def site_key(self) -> Path:
        return self.folder / "site-key"

    @property
    def told(self) -> Path:
        """What enrolment was answered beside keys and certificates: names and addresses, JSON."""
        return self.folder / "enrolment.json"

    @property
    def revoked(self) -> Path:
        """There if this gate was revoked and wiped, until it is enrolled again."""
        return self.folder / "revoked"


def keep_private(path: Path, content: str) -> None:
    """Replace ``path`` whole, readable by its owner only. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    replace_file(path, content.encode())  # writes into the draft that is there


def new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key and keep it, before anybody hears of it. Raises OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    keep_private(path, pem.decode())
    return key


def key_in(path: Path) -> ec.EllipticCurvePrivateKey:
    """Raises IdentityUnusable."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IdentityUnusable(f"{path.name}: {type(error).__name__}: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityUnusable(f"{path.name}: not a P-256 key")
    return key


def signing_request(key: ec.EllipticCurvePrivateKey) -> str:
    """PKCS #10 in PEM. It names nobody: central knows whose it is."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def certificate_for(pem: object, key: ec.EllipticCurvePrivateKey, device: str) -> x509.Certificate:
    """The certificate in ``pem``, if it is for ``device`` and its key. Raises IdentityUnusable."""
    certificates = certificates_in(pem)
    if len(certificates) != 1:
        raise IdentityUnusable("certificate: expected one")
    (certificate,) = certificates
    if certificate.public_key() != key.public_key():
        raise IdentityUnusable("certificate: for another key")
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [name.value for name in names] != [device]:
        raise IdentityUnusable(f"certificate: not for {device}")
    return certificate


def certificates_in(pem: object) -> list[x509.Certificate]:
    """All in ``pem``. Raises IdentityUnusable if there is none."""
    if not isinstance(pem, str):
        raise IdentityUnusable("certificates: expected text")
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise IdentityUnusable(f"certificates: {error}") from error
