"""From the school's PIN and cards to the list that a gate fetches and a person opens there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.accounts.models import User
from central.cards.models import Card
from central.errors import NotFound
from central.evacuation.sealed_service import let_card_open, replace_pin, sealable
from central.evacuation.sealing import seal
from contracts.evacuation import SealedList
from edge_agent.evacuation.opening import OpenerKey, WrongKey
from tests.builders import a_digest, a_guardian
from tests.central.evacuations import FullHouse, a_full_house
from tests.central.pages import a_member, signed_in

TOKEN = bytes(range(16))
DEVICE = "gate-001"
SECRET = "a secret"


@pytest.fixture
def house(session: Session) -> FullHouse:
    return a_full_house(session)


@pytest.fixture
def director(session: Session, house: FullHouse) -> User:
    return a_member(session, house.school)


@pytest.fixture
def web(session_as: Callable[..., Session], house: FullHouse) -> Session:
    return session_as("web", house.school.id)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def fetched(web: Session, house: FullHouse, now: datetime) -> SealedList:
    found = sealable(web, house.school.id, now=now)
    assert found is not None
    return seal(found.content, DEVICE, found.openers)


def a_staff_card(session: Session, house: FullHouse, holder: User) -> Card:
    card = Card(
        school_id=house.school.id, digest=a_digest("staff"), kind="token", user_id=holder.id
    )
    session.add(card)
    session.commit()
    return card


def test_without_a_pin_or_a_card_nothing_is_sealed(
    web: Session, house: FullHouse, now: datetime
) -> None:
    assert sealable(web, house.school.id, now=now) is None


def test_the_pin_opens_everybody_inside_with_whom_to_call(
    web: Session, session: Session, house: FullHouse, director: User, now: datetime
) -> None:
    guardian = a_guardian(session, house.inside[0])
    session.commit()
    pin = replace_pin(web, house.school.id, director.id, now=now)

    sealed = fetched(web, house, now)
    content = OpenerKey.of_pin(pin, sealed).open(sealed)

    assert content.school == house.school.name
    assert [len(course.students) for course in content.courses] == [2, 1]
    assert content.courses[0].students[0].contacts[0].phone == guardian.phone
    assert [person.sure for person in content.courses[1].students] == [False]


def test_the_pin_before_opens_nothing_that_is_sealed_from_now_on(
    web: Session, house: FullHouse, director: User, now: datetime
) -> None:
    old = replace_pin(web, house.school.id, director.id, now=now)
    replace_pin(web, house.school.id, director.id, now=now)
    sealed = fetched(web, house, now)

    with pytest.raises(WrongKey):
        OpenerKey.of_pin(old, sealed).open(sealed)


def test_a_staff_card_opens_until_it_is_revoked(
    web: Session, session: Session, house: FullHouse, director: User, now: datetime
) -> None:
    card = a_staff_card(session, house, director)
    replace_pin(web, house.school.id, director.id, now=now)
    let_card_open(web, house.school.id, card.id, TOKEN, director.id, now=now)
    web.commit()

    before = fetched(web, house, now)
    card.revoked_at = now
    session.commit()
    after = fetched(web, house, now)

    assert OpenerKey.of_card(TOKEN).open(before).total == 3
    with pytest.raises(WrongKey):
        OpenerKey.of_card(TOKEN).open(after)


def test_a_students_card_can_not_be_registered(
    web: Session, session: Session, house: FullHouse, director: User, now: datetime
) -> None:
    card = Card(
        school_id=house.school.id,
        digest=a_digest("child"),
        kind="token",
        student_id=house.inside[0].id,
    )
    session.add(card)
    session.commit()

    with pytest.raises(NotFound):
        let_card_open(web, house.school.id, card.id, TOKEN, director.id, now=now)


def test_a_gate_fetches_again_when_somebody_comes_or_a_key_changes_or_time_has_passed(
    web: Session, session: Session, house: FullHouse, director: User
) -> None:
    now = datetime.now(UTC).replace(minute=30, second=0)
    replace_pin(web, house.school.id, director.id, now=now)

    def version(at: datetime) -> str:
        found = sealable(web, house.school.id, now=at)
        assert found is not None
        return found.version(SECRET)

    first = version(now)
    same = version(now + timedelta(seconds=60))
    later = version(now + timedelta(seconds=310))
    replace_pin(web, house.school.id, director.id, now=now)
    other_key = version(now)

    assert same == first
    assert len({first, later, other_key}) == 3


def test_the_page_shows_a_new_pin_once(
    app: APIFlask, session: Session, house: FullHouse, director: User, web: Session, now: datetime
) -> None:
    person = signed_in(app, director)
    assert "Aún no hay PIN" in person.get("/app/evacuations").text

    shown = person.post("/app/evacuations/pin").text
    pin = shown.partition('<p class="pin-digits">')[2].partition("</p>")[0]

    sealed = fetched(web, house, now)
    assert OpenerKey.of_pin(pin, sealed).open(sealed).total == 3
    assert pin not in person.get("/app/evacuations").text
    assert "Hay un PIN" in person.get("/app/evacuations").text


def test_a_teacher_makes_no_pin(app: APIFlask, session: Session, house: FullHouse) -> None:
    teacher = signed_in(app, a_member(session, house.school, role="teacher"))

    assert teacher.post("/app/evacuations/pin").status_code == 403
