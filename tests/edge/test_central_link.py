"""Requests to central: who we say we are, what we believe, and what we do when it goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from devkit.servers import free_port
from edge_agent.central_link import CentralLink, CentralRefused, CentralUnavailable
from edge_agent.clock import Clock, host_clock
from edge_agent.device_key import DeviceKey, DeviceKeyUnusable
from edge_agent.settings import CentralSettings
from tests.edge.tls import Authority
from tests.edge.values import SetClock
from tests.edge.website import Asked, Reply, Website, a_key_file, public_half

DEVICE = "gate-001"
YEARS = timedelta(days=365 * 9)


@contextmanager
def link_to(
    port: int, folder: Path, *, authority: Path | None = None, clock: Clock = host_clock
) -> Iterator[CentralLink]:
    key_file = folder / "device.key"
    if not key_file.exists():
        a_key_file(folder)
    host = "127.0.0.1" if authority is None else "localhost"
    settings = CentralSettings(host, port, authority is not None, key_file, authority)
    with closing(CentralLink(settings, DeviceKey.from_file(DEVICE, key_file), clock)) as link:
        yield link


def claims(token: str, key_file: Path) -> dict[str, object]:
    """As central reads them, at whatever time."""
    key = serialization.load_der_public_key(public_half(key_file))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return jwt.decode(
        token, key, algorithms=["ES256"], audience="central", options={"verify_exp": False}
    )


def test_a_request_proves_the_device_for_two_minutes(tmp_path: Path) -> None:
    with Website(lambda _: Reply(body=b"{}")) as site, link_to(site.port, tmp_path) as link:
        before = int(datetime.now(UTC).timestamp())
        link.get("/x")

    said = claims(site.asked[0].token, tmp_path / "device.key")
    assert (said["iss"], said["sub"]) == (DEVICE, DEVICE)
    assert 119 <= int(str(said["exp"])) - before <= 122


def test_a_connection_is_kept_and_an_answer_known_is_not_sent_again(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.etag == '"v1"':
            return Reply(304, headers={"ETag": '"v1"'})
        return Reply(body=b"all of it", headers={"ETag": '"v1"', "Content-Encoding": "gzip"})

    with Website(answer) as site, link_to(site.port, tmp_path) as link:
        first = link.get("/x")
        second = link.get("/x", first.etag)

    assert (first.status, first.body, first.etag) == (200, b"all of it", '"v1"')
    assert (second.status, second.body) == (304, b"")
    assert len({asked.connection for asked in site.asked}) == 1


def test_a_connection_that_central_closed_meanwhile_is_made_anew(tmp_path: Path) -> None:
    with (
        Website(lambda _: Reply(body=b"{}", hang_up=True)) as site,
        link_to(site.port, tmp_path) as link,
    ):
        answers = [link.get("/x").status, link.post("/y", b"{}").status]

    assert answers == [200, 200]
    assert len({asked.connection for asked in site.asked}) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_central_in_trouble_means_later(tmp_path: Path, status: int) -> None:
    with (
        Website(lambda _: Reply(status)) as site,
        link_to(site.port, tmp_path) as link,
        pytest.raises(CentralUnavailable, match=str(status)),
    ):
        link.get("/x")


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_refusal_is_told_apart(tmp_path: Path, status: int) -> None:
    with (
        Website(lambda _: Reply(status)) as site,
        link_to(site.port, tmp_path) as link,
        pytest.raises(CentralRefused) as refusal,
    ):
        link.get("/x")

    assert refusal.value.status == status
    assert len(site.asked) == 1  # central's clock agrees with ours: asking again would be no use


def test_nobody_there_means_later(tmp_path: Path) -> None:
    with link_to(free_port(), tmp_path) as link, pytest.raises(CentralUnavailable):
        link.get("/x")


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["plain", "packed"])
def test_an_answer_without_end_is_not_taken(tmp_path: Path, headers: dict[str, str]) -> None:
    with (
        Website(lambda _: Reply(body=b"x" * 9_000_000, headers=headers)) as site,
        link_to(site.port, tmp_path) as link,
        pytest.raises(CentralUnavailable, match="too long"),
    ):
        link.get("/x")


@pytest.mark.parametrize("year", [2020, 2035])
def test_a_device_with_a_wrong_clock_signs_by_central_s_time(tmp_path: Path, year: int) -> None:
    key_file = a_key_file(tmp_path)
    clock = SetClock(datetime(year, 1, 1, tzinfo=UTC), "unsynced")

    def answer(asked: Asked) -> Reply:
        left = int(str(claims(asked.token, key_file)["exp"])) - datetime.now(UTC).timestamp()
        return Reply(200 if 0 < left < 300 else 401)

    with Website(answer) as site, link_to(site.port, tmp_path, clock=clock) as link:
        statuses = [link.get("/x").status, link.get("/x").status]

    assert statuses == [200, 200]
    assert len(site.asked) == 3  # it learnt once, and remembers


@pytest.mark.parametrize("valid", [(-2 * YEARS, -YEARS), (YEARS, 2 * YEARS)], ids=["past", "next"])
def test_the_time_in_a_certificate_counts_only_for_who_knows_the_time(
    tmp_path: Path, valid: tuple[timedelta, timedelta]
) -> None:
    authority = Authority(tmp_path / "ca", "our authority")
    certificate = authority.issue("localhost", valid=valid)
    clock = SetClock(clock="unsynced")

    with (
        Website(lambda _: Reply(), certificate) as site,
        link_to(site.port, tmp_path, authority=authority.ca_file, clock=clock) as link,
    ):
        assert link.get("/x").status == 200

        link.close()
        clock.clock = "synced"
        with pytest.raises(CentralUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            link.get("/x")


@pytest.mark.parametrize("clock", ["synced", "unsynced"])
def test_a_stranger_s_certificate_is_never_believed(tmp_path: Path, clock: str) -> None:
    ours = Authority(tmp_path / "ours", "our authority")
    stranger = Authority(tmp_path / "theirs", "their authority")

    with (
        Website(lambda _: Reply(), stranger.issue("localhost")) as site,
        link_to(site.port, tmp_path, authority=ours.ca_file, clock=SetClock(clock=clock)) as link,
        pytest.raises(CentralUnavailable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        link.get("/x")

    assert site.asked == []


@pytest.mark.parametrize("clock", ["synced", "unsynced"])
def test_another_host_s_certificate_is_never_believed(tmp_path: Path, clock: str) -> None:
    authority = Authority(tmp_path / "ca", "our authority")
    key_file = a_key_file(tmp_path)

    with Website(lambda _: Reply(), authority.issue("localhost")) as site:
        settings = CentralSettings("127.0.0.1", site.port, True, key_file, authority.ca_file)
        key = DeviceKey.from_file(DEVICE, key_file)
        with (
            closing(CentralLink(settings, key, SetClock(clock=clock))) as link,
            pytest.raises(CentralUnavailable, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            link.get("/x")


def _rsa(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize(
    "write", [lambda path: path.write_text("nothing"), _rsa], ids=["no key", "another kind"]
)
def test_a_key_of_no_use_is_named(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "device.key"
    write(path)

    with pytest.raises(DeviceKeyUnusable):
        DeviceKey.from_file(DEVICE, path)
