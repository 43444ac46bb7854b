"""Who signs for gates, and how a device gets what it signs with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.errors import Conflict, NotAllowed, WrongCredentials
from central.identity import authority_service, enrolment_service, queries, revocation_service
from central.identity.rules import LIFETIME, list_time, to_renew
from central.identity.sealing import Safe, WrongSecret
from central.identity.signing import Signer, fingerprint
from central.models import AuditEntry, Authority, Certificate, Device, EnrolmentCode, SiteKey
from tests.builders import a_device, a_gate, a_school, a_user
from tests.central.keys import Keyed, named, request_of

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
SAFE = Safe("a-secret-that-is-random-and-long-enough")

SessionAs = Callable[..., Session]


@pytest.fixture
def device(session: Session) -> Device:
    school = a_school(session)
    device = a_device(session, a_gate(session, school))
    if session.get(SiteKey, school.id) is None:
        session.add(SiteKey(school_id=school.id, key=bytes(32)))
    authority_service.establish(session, SAFE, now=NOW)
    session.commit()
    return device


def a_code(session: Session, device: Device, *, now: datetime = NOW) -> str:
    code = enrolment_service.issue_code(session, device, by=None, now=now).code
    session.commit()
    return code


def enrolled(session: Session, device: Device, key: Keyed, *, now: datetime = NOW) -> str:
    """The PEM of its certificate."""
    redeemed = enrolment_service.redeem(
        session, a_code(session, device, now=now), kind="gate", now=now
    )
    issued = enrolment_service.enrol(session, redeemed, key.request(), SAFE, now=now)
    session.commit()
    return issued.pem


# --- certificates


def test_a_gate_s_certificate_is_for_speaking_to_the_broker_and_for_nothing_else() -> None:
    signer, key = Signer.new(now=NOW), ec.generate_private_key(ec.SECP256R1())

    issued = signer.sign_device("gate-1", key.public_key(), now=NOW)

    certificate = x509.load_pem_x509_certificate(issued.pem.encode())
    certificate.verify_directly_issued_by(signer.certificate)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not limits.ca
    assert certificate.not_valid_after_utc - NOW == LIFETIME == timedelta(days=397)
    assert certificate.not_valid_before_utc.year == 2020  # the year of a Pi without the time


def test_two_authorities_of_one_day_have_different_names() -> None:
    first, second = Signer.new(now=NOW), Signer.new(now=NOW)

    assert first.certificate.subject != second.certificate.subject


@pytest.mark.parametrize(
    ("days_left", "renewed"), [(397, False), (133, False), (132, True), (1, True), (-5, True)]
)
def test_a_certificate_is_renewed_at_two_thirds_of_its_life(days_left: int, renewed: bool) -> None:
    assert to_renew(NOW + timedelta(days=days_left), NOW) is renewed


def test_each_list_is_newer_than_the_last_and_none_begins_in_the_future() -> None:
    times = [list_time(None, NOW)]
    for _ in range(50):  # in one second, as a person clicks through a list
        times.append(list_time(times[-1], NOW))

    assert sorted(set(times)) == times
    assert times[-1] < NOW


def test_a_list_names_what_is_revoked() -> None:
    signer = Signer.new(now=NOW)

    pem = signer.list_revoked(["0a", "ff"], at=NOW)

    revoked = x509.load_pem_x509_crl(pem.encode())
    assert {entry.serial_number for entry in revoked} == {10, 255}
    assert revoked.next_update_utc == NOW + timedelta(days=30)
    assert revoked.is_signature_valid(signer.certificate.public_key())  # type: ignore[arg-type]


# --- the authority's key


def test_the_private_key_cannot_be_read_from_the_database(session: Session, device: Device) -> None:
    authority = session.scalars(select(Authority)).one()
    key = authority_service.signing(session, SAFE)[1].key_der()

    assert key not in authority.sealed_key
    assert key[40:60] not in authority.sealed_key
    with pytest.raises(WrongSecret):
        authority_service.signing(session, Safe("another-secret-that-is-long-enough"))


def test_the_key_is_sealed_anew_when_the_secret_changes(session: Session, device: Device) -> None:
    authority_service.begin_rotation(session, SAFE, now=NOW)
    before = authority_service.signing(session, SAFE)[1].key_der()
    other = Safe("another-secret-that-is-long-enough")

    with pytest.raises(WrongSecret):
        authority_service.reseal(session, other, SAFE)
    assert authority_service.reseal(session, SAFE, other) == 2

    assert authority_service.signing(session, other)[1].key_der() == before


def test_there_is_one_authority_however_often_it_is_asked_for(
    session: Session, device: Device
) -> None:
    authority_service.establish(session, SAFE, now=NOW)

    (only,) = session.scalars(select(Authority)).all()
    assert only.state == "current"
    assert len(fingerprint(only.certificate)) == 64


# --- codes


def test_a_code_is_random_kept_hashed_and_good_for_an_hour(
    session: Session, device: Device
) -> None:
    codes = {a_code(session, device) for _ in range(3)}

    assert len(codes) == 3
    assert all(len(code) == 32 for code in codes)  # 24 bytes
    stored = session.scalars(select(EnrolmentCode).order_by(EnrolmentCode.id)).all()
    assert not any(code.encode() in row.digest for code in codes for row in stored)
    assert [row.used_at is None for row in stored] == [False, False, True]
    assert {row.expires_at - row.created_at for row in stored} == {timedelta(hours=1)}


def redeem(session: Session, code: str, *, now: datetime = NOW, kind: str = "gate") -> None:
    try:
        enrolment_service.redeem(session, code, kind=kind, now=now)
    finally:
        session.commit()


def test_a_code_opens_once_and_tells_the_school_s_key(
    session: Session, session_as: SessionAs, device: Device
) -> None:
    code = a_code(session, device)
    web = session_as("web")

    redeemed = enrolment_service.redeem(web, code, kind="gate", now=NOW)
    web.commit()

    assert (redeemed.device_id, redeemed.school_id) == (device.id, device.school_id)
    assert len(redeemed.site_key) == 32
    with pytest.raises(WrongCredentials):
        redeem(web, code)


def test_a_code_is_used_up_by_an_attempt_that_fails(
    session: Session, session_as: SessionAs, device: Device
) -> None:
    code, late = a_code(session, device), NOW + timedelta(hours=1)
    web = session_as("web")

    with pytest.raises(WrongCredentials):
        redeem(web, code, now=late)
    with pytest.raises(WrongCredentials):
        redeem(web, code, now=NOW)  # nobody turns the clock back

    other = a_code(session, device)
    with pytest.raises(WrongCredentials):
        redeem(web, other, kind="kiosk")
    with pytest.raises(WrongCredentials):
        redeem(web, other)


def test_a_new_code_and_a_revocation_end_the_one_before(
    session: Session, session_as: SessionAs, device: Device
) -> None:
    web = session_as("web")
    first, second = a_code(session, device), a_code(session, device)

    with pytest.raises(WrongCredentials):
        redeem(web, first)
    revocation_service.revoke(session, device, by=None, reason="stolen", now=NOW)
    session.commit()
    with pytest.raises(WrongCredentials):
        redeem(web, second)
    session.refresh(device)
    with pytest.raises(Conflict, match="revoked"):
        enrolment_service.issue_code(session, device, by=None, now=NOW)


def test_the_staff_desk_needs_no_code(session: Session, device: Device) -> None:
    device.kind = "staff"

    with pytest.raises(Conflict):
        enrolment_service.issue_code(session, device, by=None, now=NOW)


# --- enrolment and renewal


def test_the_name_comes_from_the_code_and_not_from_the_request(
    session: Session, device: Device
) -> None:
    redeemed = enrolment_service.redeem(session, a_code(session, device), kind="gate", now=NOW)

    issued = enrolment_service.enrol(
        session, redeemed, Keyed().request("central-ingest"), SAFE, now=NOW
    )

    assert named(issued.pem) == device.id


@pytest.mark.parametrize(
    "request_pem",
    [
        "",
        "nonsense",
        request_of(ec.generate_private_key(ec.SECP384R1())),
        Keyed().request().replace("MI", "MJ", 1),
    ],
)
def test_a_request_that_proves_nothing_gets_nothing(
    session: Session, device: Device, request_pem: str
) -> None:
    redeemed = enrolment_service.redeem(session, a_code(session, device), kind="gate", now=NOW)

    with pytest.raises(Conflict, match="csr"):
        enrolment_service.enrol(session, redeemed, request_pem, SAFE, now=NOW)


def test_enrolling_again_ends_what_the_device_had_before(session: Session, device: Device) -> None:
    first, second = Keyed(), Keyed()
    enrolled(session, device, first)
    before = session.scalars(select(Certificate)).one()

    enrolled(session, device, second, now=NOW + timedelta(days=1))

    session.refresh(before)
    assert before.revoked_at is not None
    assert queries.refused(session, now=NOW).serials == {before.authority_id: [before.serial]}
    assert queries.refused(session, now=NOW).devices == []


def test_a_renewal_is_for_the_same_key_and_leaves_the_last_certificate_good(
    session: Session, device: Device
) -> None:
    key, later = Keyed(), NOW + timedelta(days=265)
    enrolled(session, device, key)
    asked = (device.school_id, device.id)

    assert not queries.to_be_renewed(session, *asked, now=NOW)
    assert queries.to_be_renewed(session, *asked, now=later)
    with pytest.raises(NotAllowed):
        enrolment_service.renew(session, *asked, Keyed().request(), SAFE, now=later)
    issued = enrolment_service.renew(session, *asked, key.request(), SAFE, now=later)

    assert issued.expires_at == later + LIFETIME
    assert not queries.to_be_renewed(session, *asked, now=later)
    assert queries.refused(session, now=later).serials == {}


def test_what_the_device_was_given_and_lost_is_on_record(session: Session, device: Device) -> None:
    person = a_user(session)
    enrolled(session, device, Keyed())
    revocation_service.revoke(session, device, by=person.id, reason="stolen", now=NOW)
    revocation_service.revoke(session, device, by=person.id, reason="stolen", now=NOW)
    revocation_service.restore(session, device, by=person.id)

    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.subject) for entry in entries] == [
        (action, f"device:{device.id}")
        for action in (
            "issued_enrolment_code",
            "enrolled_device",
            "revoked_device",
            "restored_device",
        )
    ]
    assert entries[2].detail == {"reason": "stolen"}


# --- revocation, as the broker is told


def test_a_revoked_device_is_mute_until_that_is_undone(
    session: Session, session_as: SessionAs, device: Device
) -> None:
    enrolled(session, device, Keyed())
    serial = session.scalars(select(Certificate.serial)).one()
    scheduler = session_as("scheduler")

    revocation_service.revoke(session, device, by=None, reason="stolen", now=NOW)
    session.commit()
    refused = queries.refused(scheduler, now=NOW)
    scheduler.commit()
    revocation_service.restore(session, device, by=None)
    session.commit()

    assert list(refused.devices) == [device.id]
    assert [list(found) for found in refused.serials.values()] == [[serial]]
    assert queries.refused(scheduler, now=NOW) == queries.Refused([], {})


def test_a_certificate_that_has_expired_needs_no_place_on_the_list(
    session: Session, device: Device
) -> None:
    enrolled(session, device, Keyed())
    enrolled(session, device, Keyed())

    assert queries.refused(session, now=NOW + LIFETIME).serials == {}


# --- replacing the authority


def test_an_authority_is_replaced_in_three_steps(session: Session, device: Device) -> None:
    key = Keyed()
    enrolled(session, device, key)
    old = authority_service.signing(session, SAFE)[0]
    alone = authority_service.trusted(session).version

    authority_service.begin_rotation(session, SAFE, now=NOW)
    both = authority_service.trusted(session)
    assert authority_service.signing(session, SAFE)[0] == old
    assert both.pem.count("BEGIN CERTIFICATE") == 2
    assert not queries.to_be_renewed(session, device.school_id, device.id, now=NOW)

    authority_service.switch_rotation(session)
    assert authority_service.signing(session, SAFE)[0] != old
    assert authority_service.trusted(session) == both
    assert queries.to_be_renewed(session, device.school_id, device.id, now=NOW)
    enrolment_service.renew(
        session, device.school_id, device.id, key.request(), SAFE, now=NOW + timedelta(1)
    )
    assert not queries.to_be_renewed(session, device.school_id, device.id, now=NOW)

    authority_service.finish_rotation(session)
    assert authority_service.trusted(session).pem.count("BEGIN CERTIFICATE") == 1
    assert authority_service.trusted(session).version not in (alone, both.version)


def test_the_steps_cannot_be_taken_in_another_order(session: Session, device: Device) -> None:
    with pytest.raises(Conflict):
        authority_service.switch_rotation(session)
    with pytest.raises(Conflict):
        authority_service.finish_rotation(session)
    authority_service.begin_rotation(session, SAFE, now=NOW)
    with pytest.raises(Conflict):
        authority_service.begin_rotation(session, SAFE, now=NOW)


def test_it_is_counted_how_many_gates_have_followed(session: Session, device: Device) -> None:
    enrolled(session, device, Keyed())
    assert (queries.rotation(session).devices, queries.rotation(session).trusting) == (1, 0)

    version = authority_service.trusted(session).version
    enrolment_service.note_trust(session, device.school_id, device.id, version)
    assert queries.rotation(session).trusting == 1

    authority_service.begin_rotation(session, SAFE, now=NOW)
    assert queries.rotation(session).trusting == 0
    assert queries.rotation(session).renewed == 1
