"""A certificate authority and a TLS door in front of a broker that has none."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devkit.mosquitto import CENTRAL_USERS, Mosquitto
from devkit.ports import free_port

VALID = (-timedelta(days=1), timedelta(days=1))


class Authority:
    """Signs certificates; ``ca_file`` is what the other side has to trust."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._certify(self._name, self._key, authority=True))

    def issue(
        self, common_name: str, *, valid: tuple[timedelta, timedelta] = VALID
    ) -> tuple[Path, Path]:
        """Certificate and key for ``common_name``, also for localhost; ``valid`` counts from now.

        One that is valid some other time looks to a right clock as a good one does to a wrong one.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate_file = self._folder / f"{common_name}.pem"
        key_file = self._folder / f"{common_name}.key"
        certificate_file.write_bytes(
            self._certify(_name(common_name), key, authority=False, valid=valid)
        )
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate_file, key_file

    def revoke(self, certificate_file: Path) -> Path:
        """The list of revoked certificates, with this one in it."""
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        now = datetime.now(UTC)
        revoked = x509.RevokedCertificateBuilder(certificate.serial_number, now)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now + VALID[0])
            .next_update(now + VALID[1])
            .add_revoked_certificate(revoked.build())
        )
        crl_file = self._folder / "crl.pem"
        signed = builder.sign(self._key, hashes.SHA256())
        crl_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return crl_file

    def _certify(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool,
        valid: tuple[timedelta, timedelta] = VALID,
    ) -> bytes:
        now = datetime.now(UTC)
        loopback = x509.DNSName("localhost")
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + valid[0])
            .not_valid_after(now + valid[1])
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class TlsMosquitto(Mosquitto):
    """A broker with a second listener: only for who shows a certificate of ``authority``."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder, free_port(), {name: name for name in CENTRAL_USERS})
        self.tls_port = free_port()
        certificate, key = authority.issue("localhost")
        self.lines = {
            "listener": f"{self.tls_port} {self.host}",
            "cafile": str(authority.ca_file),
            "certfile": str(certificate),
            "keyfile": str(key),
            "require_certificate": "true",
        }

    def _configuration(self) -> str:
        lines = "".join(f"{name} {value}\n" for name, value in self.lines.items())
        return super()._configuration() + lines


class TlsDoor:
    """Lets in who shows a certificate of ``authority``, and passes the bytes on to ``port``."""

    def __init__(
        self, authority: Authority, port: int, *, valid: tuple[timedelta, timedelta] = VALID
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*authority.issue("localhost", valid=valid))
        self._context.load_verify_locations(authority.ca_file)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.names: list[str] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._welcome)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads[0].join()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for connection in self._open:
            connection.close()

    def _welcome(self) -> None:
        while True:
            try:
                raw, _ = self._listening.accept()
            except OSError:
                return
            try:
                guest = self._context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError):
                raw.close()
                continue
            certificate = x509.load_der_x509_certificate(guest.getpeercert(binary_form=True) or b"")
            self.names += [str(it.value) for it in certificate.subject]
            inner = socket.create_connection(("127.0.0.1", self._target))
            self._open += [guest, inner]
            for source, sink in ((guest, inner), (inner, guest)):
                thread = threading.Thread(target=_pass_on, args=(source, sink))
                self._threads.append(thread)
                thread.start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)
