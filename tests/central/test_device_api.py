"""What a device gets over HTTPS, and what nobody else gets."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import jwt
import pytest
from apiflask import APIFlask
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import insert
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.devices.roster_queries import known_version, roster_of
from central.devices.steering_service import news_for_gates, schools_with_news, told
from central.devices.tokens import device_of
from central.models import Card, Device, School
from contracts.roster import Roster
from tests.builders import a_course, a_device, a_digest, a_gate, a_school, a_student
from tests.central.api import a_caller_as

ROSTER = "/api/v1/devices/me/roster"
TODAY = date(2026, 6, 3)


class KeyedDevice:
    """A device with the private key that central holds the public half of."""

    def __init__(self, session: Session, school: School) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.row = a_device(session, a_gate(session, school))
        self.row.public_key = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        session.commit()

    def claims(self, **changes: Any) -> dict[str, Any]:
        ends = int(time.time()) + 120
        claims = {"iss": self.row.id, "sub": self.row.id, "aud": "central", "exp": ends}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(self, **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), self.key, "ES256")


def ask(app: APIFlask, token: str, **headers: str) -> TestResponse:
    return app.test_client().get(ROSTER, headers={"Authorization": f"Bearer {token}", **headers})


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def device(session: Session, school: School) -> KeyedDevice:
    return KeyedDevice(session, school)


def test_a_device_gets_the_cards_of_its_own_school(
    app: APIFlask, session: Session, school: School, device: KeyedDevice
) -> None:
    ours = a_student(session, a_course(session, school), card="ours", given="Sofía Belén")
    ours.photo_opt_in = True
    school.photo_key = bytes(32)
    other = a_school(session)
    a_student(session, a_course(session, other), card="theirs")
    session.commit()

    response = ask(app, device.token())

    assert response.status_code == 200
    roster = Roster.from_json(response.data)
    assert list(roster.cards) == [a_digest("ours").hex()]
    entry = roster.cards[a_digest("ours").hex()]
    assert (entry.name, entry.state, entry.photo) == ("Sofía R.", "active", True)
    assert roster.photo_key == bytes(32).hex()


def test_where_the_school_takes_no_photos_nobody_is_photographed(
    app: APIFlask, session: Session, school: School, device: KeyedDevice
) -> None:
    a_student(session, a_course(session, school), card="ours").photo_opt_in = True
    session.commit()

    roster = Roster.from_json(ask(app, device.token()).data)

    assert roster.photo_key is None
    assert [entry.photo for entry in roster.cards.values()] == [False]


def test_a_device_that_has_the_newest_is_told_so(
    app: APIFlask, session: Session, school: School, device: KeyedDevice
) -> None:
    student = a_student(session, a_course(session, school), card="c1")
    session.commit()

    first = ask(app, device.token())
    again = ask(app, device.token(), **{"If-None-Match": first.headers["ETag"]})
    student.given_names = "Emilia"
    session.commit()
    changed = ask(app, device.token(), **{"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert changed.status_code == 200
    assert changed.json["version"] in changed.headers["ETag"]  # type: ignore[index]  # it is JSON
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_who_accepts_it_gets_the_roster_packed(
    app: APIFlask, session: Session, school: School, device: KeyedDevice
) -> None:
    a_student(session, a_course(session, school), card="c1")
    session.commit()

    packed = ask(app, device.token(), **{"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == ask(app, device.token()).data


def test_five_thousand_cards_are_small_and_quick(
    app: APIFlask, session: Session, school: School, device: KeyedDevice
) -> None:
    course = a_course(session, school)
    student = a_student(session, course)
    session.execute(
        insert(Card),
        [
            {
                "school_id": school.id,
                "digest": a_digest(number),
                "kind": "token",
                "student_id": student.id,
            }
            for number in range(5000)
        ],
    )
    session.commit()
    ask(app, device.token())  # connects, and imports

    began = time.monotonic()
    plain = ask(app, device.token())
    took = time.monotonic() - began

    assert len(Roster.from_json(plain.data).cards) == 5000
    assert len(plain.data) < 1_000_000
    assert took < 1


def wrong_key(device: KeyedDevice) -> str:
    return jwt.encode(device.claims(), ec.generate_private_key(ec.SECP256R1()), "ES256")


def no_signature(device: KeyedDevice) -> str:
    return jwt.encode(device.claims(), "", "none")


def signed_with_the_public_half(device: KeyedDevice) -> str:
    """HS256 with what is no secret: a verifier that lets the token choose is fooled by it."""
    header = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = jwt.utils.base64url_encode(json.dumps(device.claims()).encode())
    signed = header + b"." + body
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    public = device.row.public_key
    assert public is not None
    return (signed + b"." + jwt.utils.base64url_encode(algorithm.sign(signed, public))).decode()


@pytest.mark.parametrize(
    "forge",
    [
        wrong_key,
        no_signature,
        signed_with_the_public_half,
        lambda device: device.token(aud="somebody-else"),
        lambda device: device.token(iss="gate-999"),
        lambda device: device.token(sub="gate-999"),
        lambda device: device.token(exp=int(time.time()) - 1),
        lambda device: device.token(exp=int(time.time()) + 900),
        lambda device: device.token(exp=None),
        lambda device: device.token(exp="soon"),
        lambda device: device.token(sub=None),
        lambda device: device.token()[:-3],
        lambda _: "not a token",
        lambda _: "",
    ],
)
def test_who_proves_nothing_gets_nothing(
    app: APIFlask, device: KeyedDevice, forge: Callable[[KeyedDevice], str]
) -> None:
    assert ask(app, device.token()).status_code == 200

    refused = ask(app, forge(device))

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_device_learns_of_it_and_nobody_else_does(
    app: APIFlask, session: Session, device: KeyedDevice
) -> None:
    token = device.token()
    device.row.revoked_at = datetime.now(UTC)
    session.commit()

    refused = ask(app, token)
    forged = ask(app, wrong_key(device))
    unknown = ask(app, jwt.encode(device.claims(iss="gate-x", sub="gate-x"), device.key, "ES256"))

    assert (refused.status_code, refused.json["code"]) == (403, "revoked")  # type: ignore[index]
    assert (forged.status_code, unknown.status_code) == (401, 401)
    assert forged.json["detail"] == unknown.json["detail"]  # type: ignore[index]  # it is JSON


def test_a_device_without_a_key_cannot_prove_anything(
    app: APIFlask, session: Session, device: KeyedDevice
) -> None:
    device.row.public_key = None
    session.commit()

    assert ask(app, device.token()).status_code == 401


def test_a_person_s_token_is_no_device_s_and_the_other_way_round(
    app: APIFlask, session: Session, school: School, device: KeyedDevice
) -> None:
    director = a_caller_as(app, session, school, "director")

    assert ask(app, director.token).status_code == 401
    director.token = device.token()
    assert director.get("/gates").status_code == 401


def test_a_token_counts_from_the_minute_it_was_made_to_its_end(
    session: Session, device: KeyedDevice
) -> None:
    now = datetime.now(UTC)
    token = device.token(exp=int(now.timestamp()) + 300)

    def opens(at: datetime) -> bool:
        return device_of(session, token, now=at) is not None

    assert opens(now)
    assert not opens(now + timedelta(seconds=301))
    assert not opens(now - timedelta(seconds=60))


def test_who_left_and_a_revoked_card_are_not_let_in_and_staff_are(
    session: Session, school: School
) -> None:
    course = a_course(session, school)
    a_student(session, course, card="left").left_on = date(2026, 6, 2)
    a_student(session, course, card="last day").left_on = TODAY
    a_student(session, course, card="stays")
    lost = Card(
        school_id=school.id,
        digest=a_digest("lost"),
        kind="token",
        student_id=a_student(session, course).id,
        revoked_at=datetime.now(UTC),
    )
    session.add(lost)
    session.flush()

    cards = roster_of(session, school.id, TODAY).cards

    states = {name: cards[a_digest(name).hex()].state for name in ("left", "last day", "stays")}
    assert states == {"left": "revoked", "last day": "active", "stays": "active"}
    assert cards[a_digest("lost").hex()].state == "revoked"


SessionAs = Callable[..., Session]


def published(session_as: SessionAs, school_id: int) -> list[str]:
    """What the job would send to the gates of the school now; it is told as sent."""
    now = datetime.now(UTC)
    scheduler = session_as("scheduler", school_id)
    news = news_for_gates(scheduler, school_id, now=now)
    told(scheduler, school_id, news, now=now)
    scheduler.commit()
    return [one.topic.rpartition("/")[2] for one in news]


def test_gates_are_told_of_a_new_roster_once_and_only_when_it_is_another(
    session: Session, session_as: SessionAs, school: School, device: KeyedDevice
) -> None:
    student = a_student(session, a_course(session, school), card="c1")
    session.commit()
    assert schools_with_news(session_as("scheduler")) == [school.id]
    assert published(session_as, school.id) == ["roster"]
    assert schools_with_news(session_as("scheduler")) == []

    student.family_names = "Rojas Pinto"  # shown as R., as before
    session.commit()
    assert schools_with_news(session_as("scheduler")) == [school.id]
    assert published(session_as, school.id) == []

    student.photo_opt_in = True
    session.commit()
    assert published(session_as, school.id) == []  # the school takes no photos

    school.photo_key = bytes(32)
    session.commit()
    assert published(session_as, school.id) == ["roster"]
    assert schools_with_news(session_as("scheduler")) == []


def test_gates_are_told_when_the_school_takes_cards_by_their_number(
    session: Session, session_as: SessionAs, school: School, device: KeyedDevice
) -> None:
    a_student(session, a_course(session, school), card="c1")
    session.commit()
    published(session_as, school.id)

    school.uid_cards = True
    session.commit()

    assert schools_with_news(session_as("scheduler")) == [school.id]
    assert published(session_as, school.id) == ["roster"]
    assert roster_of(session, school.id, TODAY).uid_cards


def test_web_and_scheduler_see_the_same_version(
    session: Session, session_as: SessionAs, school: School, device: KeyedDevice
) -> None:
    a_student(session, a_course(session, school), card="c1")
    session.commit()
    today = datetime.now(UTC).astimezone().date()

    by_web = roster_of(session_as("web", school.id), school.id, today)
    by_scheduler = roster_of(session_as("scheduler", school.id), school.id, today)

    assert by_web == by_scheduler


def test_a_change_that_is_not_committed_yet_is_neither_waited_for_nor_forgotten(
    session: Session, session_as: SessionAs, school: School, device: KeyedDevice
) -> None:
    student = a_student(session, a_course(session, school), card="c1")
    session.commit()
    student.given_names = "Emilia"
    session.flush()

    assert published(session_as, school.id) == []

    session.commit()
    assert known_version(session, school.id, TODAY) is None
    assert published(session_as, school.id) == ["roster"]


def test_a_revoked_device_is_told_nothing(
    session: Session, session_as: SessionAs, school: School
) -> None:
    device = a_device(session, a_gate(session, school))
    a_student(session, a_course(session, school), card="c1")
    device.revoked_at = datetime.now(UTC)
    session.commit()

    assert published(session_as, school.id) == []
    assert isinstance(session.get(Device, (school.id, device.id)), Device)
