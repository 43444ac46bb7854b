"""The private authority's certificates (RFC 5280): its own, gates', the broker's, and its lists.

The name in a certificate is what the caller says, never what a request asks for.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from central.errors import Conflict
from central.identity.rules import AUTHORITY_LIFETIME, LIFETIME, LIST_LIFETIME, VALID_FROM

LONGEST_REQUEST: Final = 2048  # characters; one for a P-256 key has some 400


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate in PEM, its serial in hex, and its end."""

    pem: str
    serial: str
    expires_at: datetime


class Signer:
    """An authority with its private key in hand."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def new(cls, *, now: datetime) -> Signer:
        """A new authority with a key of its own, good for ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        # no two of one name: who looks for the list of an authority goes by that
        name = _name(f"School Attendance gates {now:%Y-%m-%d} {secrets.token_hex(3)}")
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _certificate(name, name, key.public_key(), now + AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(own, critical=False)
            .sign(key, SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, certificate: bytes, key: bytes) -> Signer:
        """From DER, as ``der`` and ``key_der`` give them."""
        private = load_der_private_key(key, None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return cls(x509.load_der_x509_certificate(certificate), private)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def key_der(self) -> bytes:
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def sign_device(self, name: str, key: ec.EllipticCurvePublicKey, *, now: datetime) -> Issued:
        """For a client of the broker, under ``name``."""
        return self._sign(name, key, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), now)

    def sign_server(self, host: str, key: ec.EllipticCurvePublicKey, *, now: datetime) -> Issued:
        """For the broker, which gates reach as ``host``: a name or an address."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return self._sign(host, key, usage, now, x509.SubjectAlternativeName([_host(host)]))

    def list_revoked(self, serials: Iterable[str], *, at: datetime) -> str:
        """The revocation list in PEM, with ``at`` as its beginning; see ``rules.list_time``."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + LIST_LIFETIME)
            .add_extension(self._identifier(), critical=False)
        )
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16))
            builder = builder.add_revoked_certificate(entry.revocation_date(at).build())
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        usage: x509.ExtendedKeyUsage,
        now: datetime,
        names: x509.SubjectAlternativeName | None = None,
    ) -> Issued:
        expires_at = (now + LIFETIME).replace(microsecond=0)
        builder = (
            _certificate(_name(name), self.certificate.subject, key, expires_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(self._identifier(), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, SHA256())
        return Issued(pem_of(signed), f"{signed.serial_number:x}", expires_at)

    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def requested_key(request: str) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a signing request in PEM, whose private half its maker holds.

    Nothing else of it counts. Raises Conflict.
    """
    try:
        csr = x509.load_pem_x509_csr(request[:LONGEST_REQUEST].encode())
        key, proven = csr.public_key(), csr.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Conflict("csr: not a certificate signing request in PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Conflict("csr: the key must be of the curve P-256")
    if not proven:
        raise Conflict("csr: it was not signed with its own key")
    return key


def public_der(key: ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo, as ``devices.public_key`` holds it."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def new_key() -> tuple[ec.EllipticCurvePublicKey, str]:
    """The public half of a new key, and the private one in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key.public_key(), pem.decode()


def pem_of(certificate: x509.Certificate | bytes) -> str:
    """A certificate, also one in DER, in PEM."""
    if isinstance(certificate, bytes):
        certificate = x509.load_der_x509_certificate(certificate)
    return certificate.public_bytes(Encoding.PEM).decode()


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of one in DER, in hex: how people and boot files name an authority."""
    return x509.load_der_x509_certificate(certificate).fingerprint(SHA256()).hex()


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(until)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
