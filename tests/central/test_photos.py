"""A photo from a gate's offer to a private JPEG beside its tap, and to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask
from redis import Redis as Client
from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.orm import Session, sessionmaker

from central.attendance.service import SentTaps, record_taps
from central.errors import NotFound
from central.jobs.photos import PhotoWatch
from central.media import photo_service as service
from central.media.photo_desk import PhotoDesk
from central.media.photo_keys import PhotoKeys
from central.media.photo_queries import photos_on
from central.media.store import FolderStore, StoreUnavailable
from central.models import AuditEntry, Photo, School, Stream, Student, Tap
from central.queue import QUEUE, Queue
from central.settings import Settings
from contracts.messages import TapBatch
from contracts.photos import LARGEST_SEALED
from devkit.servers import Redis
from tests.builders import a_course, a_school, a_student, a_tap, a_user
from tests.central.jpeg import JPEG
from tests.central.photos import PhotoSender, a_photo_id, sealed
from tests.central.test_device_api import KeyedDevice

KEYS = PhotoKeys(["a-secret-for-tests", "one-before"])
MONTH = timedelta(days=30)
PHOTO = a_photo_id()


@dataclass
class MoodyStore(FolderStore):
    """A folder whose connection can be cut."""

    folder: Path
    down: bool = False
    deleted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.folder)

    def get(self, key: str) -> bytes:
        self._answer()
        return super().get(key)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self._answer()
        super().put(key, content, content_type)

    def delete(self, key: str) -> None:
        self._answer()
        self.deleted.append(key)
        super().delete(key)

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailable("cut")

    def held(self) -> list[str]:
        """The keys of what lies there."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.folder)) for path in files)


@dataclass
class Line:
    """A school with a consenting student, its gate, and the worker's desk."""

    session: Session
    school: School
    student: Student
    device: KeyedDevice
    sender: PhotoSender
    store: MoodyStore
    sessions: sessionmaker[Session]

    @property
    def desk(self) -> PhotoDesk:
        return self.desk_in(timedelta(0))

    def desk_in(self, time: timedelta) -> PhotoDesk:
        """The worker's desk so much later."""
        return PhotoDesk(
            self.sessions, self.store, KEYS, MONTH, clock=lambda: datetime.now(UTC) + time
        )

    def send(self, photo: str = PHOTO, jpeg: bytes = JPEG) -> None:
        """All that a gate does."""
        letter = sealed(jpeg, KEYS.current, self.device.row.id, photo)
        ticket = self.sender.offer(photo, len(letter)).json
        assert ticket is not None
        assert self.sender.put(ticket["put"], letter).status_code == 204
        assert self.sender.sent(photo).status_code == 204

    def tap(self, photo: str | None = PHOTO, *, at: datetime | None = None, seq: int = 1) -> None:
        """The tap as ingest records it."""
        now = datetime.now(UTC)
        tap = a_tap(seq, at=at or now, photo=photo)
        record_taps(self.session, [SentTaps(self.device.row.id, TapBatch("s1", (tap,)))], now=now)
        self.session.commit()

    def row(self, photo: str = PHOTO) -> Photo | None:
        self.session.expire_all()
        return self.session.get(Photo, (self.school.id, self.device.row.id, photo))

    def state(self, photo: str = PHOTO) -> tuple[str, str | None] | None:
        row = self.row(photo)
        return None if row is None else (row.state, row.reason)

    def shown(self) -> list[str]:
        """The keys of the photos that the student's day shows."""
        dates = self.session.scalars(select(Tap.on_date).where(Tap.photo.is_not(None)))
        days = [photos_on(self.session, self.school.id, self.student.id, day) for day in set(dates)]
        return sorted(key for day in days for key in day.values())


@pytest.fixture
def sessions(database: Engine, settings: Settings) -> Iterator[sessionmaker[Session]]:
    """The worker's, with its own rights."""
    engine = create_engine(settings.database_url_for("worker"))
    yield sessionmaker(engine)
    engine.dispose()


@pytest.fixture
def line(app: APIFlask, session: Session, sessions: sessionmaker[Session], tmp_path: Path) -> Line:
    school = a_school(session)
    student = a_student(session, a_course(session, school), card="c1")
    student.photo_opt_in = True
    school.photo_key = KEYS.current
    device = KeyedDevice(session, school)
    store = MoodyStore(tmp_path)
    app.extensions["documents"] = store
    sender = PhotoSender(app, device.token())
    return Line(session, school, student, device, sender, store, sessions)


def jpeg_key(line: Line, photo: str = PHOTO) -> str:
    return f"schools/{line.school.id}/photos/{line.device.row.id}/{photo}.jpg"


def test_a_photo_is_kept_beside_its_tap_and_its_sealed_form_is_deleted(line: Line) -> None:
    line.tap()
    line.send()

    line.desk.work()

    assert line.state() == ("kept", None)
    assert line.store.held() == [jpeg_key(line)]
    assert line.store.get(jpeg_key(line)) == JPEG
    assert line.shown() == [jpeg_key(line)]


def test_a_photo_that_comes_before_its_tap_waits_sealed(line: Line) -> None:
    line.send()
    line.desk.work()
    assert line.state() == ("sent", None)
    assert [key.split("/")[0] for key in line.store.held()] == ["sealed"]

    line.tap()
    line.desk_in(timedelta(minutes=2)).work()

    assert line.state() == ("kept", None)
    assert line.shown() == [jpeg_key(line)]


def test_a_tap_that_names_another_device_s_photo_does_not_get_it(
    line: Line, session: Session
) -> None:
    other = KeyedDevice(session, line.school)
    stream = Stream(school_id=line.school.id, device_id=other.row.id, key="s2")
    session.add(stream)
    session.commit()
    line.send()
    record_taps(
        session,
        [SentTaps(other.row.id, TapBatch("s2", (a_tap(at=datetime.now(UTC), photo=PHOTO),)))],
        now=datetime.now(UTC),
    )
    session.commit()

    line.desk.work()

    assert line.state() == ("sent", None)
    assert line.shown() == []


def test_without_consent_nothing_is_opened(line: Line) -> None:
    line.student.photo_opt_in = False
    line.session.commit()
    line.tap()
    line.send()

    line.desk.work()

    assert line.state() == ("refused", "no_consent")
    assert line.store.held() == []


def test_consent_taken_back_hides_at_once_and_deletes(line: Line) -> None:
    line.tap()
    line.send()
    line.desk.work()

    service.note_consent(
        line.session, line.school.id, a_user(line.session).id, line.student.id, given=False
    )
    line.session.commit()

    assert line.shown() == []
    line.desk.work()
    assert (line.row(), line.store.held()) == (None, [])
    actions = line.session.scalars(select(AuditEntry.action)).all()
    assert actions == ["photo_consent_withdrawn"]


def test_consent_given_again_brings_no_photo_back(line: Line) -> None:
    line.tap()
    line.send()
    line.desk.work()

    for given in (False, True):
        line.student.photo_opt_in = given
        line.session.commit()

    assert line.shown() == []
    line.desk.work()
    assert line.store.held() == []


def test_switched_off_takes_none_and_deletes_all(line: Line) -> None:
    line.tap()
    line.send()
    line.desk.work()

    service.let_take(line.session, line.school.id, a_user(line.session).id, None)
    line.session.commit()
    line.desk.work()

    assert (line.row(), line.store.held()) == (None, [])
    refused = line.sender.offer(a_photo_id(2))
    assert (refused.status_code, refused.json["detail"]) == (409, "photos_are_off")  # type: ignore[index]


@pytest.mark.parametrize("age", [timedelta(days=29), timedelta(days=31)])
def test_a_photo_is_deleted_when_its_time_is_over(line: Line, age: timedelta) -> None:
    line.tap()
    line.send()
    line.desk.work()

    line.desk_in(age).work()

    assert (line.row() is None) == (age > MONTH)
    assert (line.store.held() == []) == (age > MONTH)


def test_a_clock_that_ran_ahead_does_not_make_a_photo_live_longer(line: Line) -> None:
    line.tap(at=datetime.now(UTC) + timedelta(days=3650))
    line.send()
    line.desk.work()

    line.desk_in(timedelta(days=31)).work()

    assert line.row() is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xd8 no picture \xff\xd9", "no_picture"),
        (JPEG.replace(b"\x01\xe0\x02\x80", b"\x01\xe0\xff\xff"), "no_picture"),
    ],
)
def test_what_is_no_picture_is_not_kept(line: Line, content: bytes, reason: str) -> None:
    line.tap()
    line.send(jpeg=content)

    line.desk.work()

    assert line.state() == ("refused", reason)
    assert line.store.held() == []


def test_what_was_sealed_to_nobody_s_key_is_not_kept(line: Line) -> None:
    line.tap()
    letter = sealed(JPEG, PhotoKeys(["another"]).current, line.device.row.id, PHOTO)
    ticket = line.sender.offer(PHOTO, len(letter)).json
    line.sender.put(ticket["put"], letter)  # type: ignore[index]
    line.sender.sent(PHOTO)

    line.desk.work()

    assert line.state() == ("refused", "unreadable")
    assert line.store.held() == []


def test_what_was_never_put_is_not_kept(line: Line) -> None:
    line.tap()
    line.sender.offer(PHOTO)
    line.sender.sent(PHOTO)

    line.desk.work()

    assert line.state() == ("refused", "not_there")


def test_a_store_that_does_not_answer_loses_nothing(line: Line) -> None:
    line.tap()
    line.send()
    line.store.down = True

    line.desk.work()
    assert line.state() == ("sent", None)

    line.store.down = False
    line.desk.work()
    assert line.state() == ("sent", None)  # not asked again at once
    line.desk_in(timedelta(minutes=2)).work()
    assert line.state() == ("kept", None)


def test_a_store_that_does_not_delete_is_asked_again(line: Line) -> None:
    line.tap()
    line.send()
    line.desk.work()
    line.store.down = True
    line.student.photo_opt_in = False
    line.session.commit()

    line.desk.work()
    assert line.row() is not None

    line.store.down = False
    line.desk.work()
    assert (line.row(), line.store.held()) == (None, [])


def test_what_was_offered_and_never_came_is_forgotten(line: Line) -> None:
    line.sender.offer(PHOTO)

    line.desk_in(timedelta(hours=25)).work()

    assert line.row() is None


def test_a_device_may_repeat_every_step(line: Line) -> None:
    line.tap()
    line.sender.offer(PHOTO)
    line.send()
    assert line.sender.offer(PHOTO).json == {"held": True, "put": None}

    line.desk.work()

    assert line.sender.offer(PHOTO).json == {"held": True, "put": None}
    assert line.sender.sent(PHOTO).status_code == 204
    assert line.state() == ("kept", None)


@pytest.fixture
def watch(settings: Settings, redis_server: Redis) -> Iterator[PhotoWatch]:
    """The scheduler's, with its own rights, in a Redis that holds nothing."""
    engine = create_engine(settings.database_url_for("scheduler"))
    with Client.from_url(redis_server.url(6)) as client:
        client.flushdb()
    queue = Queue(redis_server.url(6))
    yield PhotoWatch(sessionmaker(engine), queue, b"n" * 32, MONTH)
    queue.close()
    engine.dispose()


def test_only_work_wakes_a_worker(line: Line, watch: PhotoWatch, redis_server: Redis) -> None:
    with Client.from_url(redis_server.url(6)) as client:

        def woken() -> int:
            watch.look()
            found = client.llen(f"rq:queue:{QUEUE}")
            client.flushdb()
            return int(found)

        line.tap()
        line.sender.offer(PHOTO)
        assert woken() == 0

        line.sender.sent(PHOTO)
        assert woken() == 1

        line.desk.work()
        assert woken() == 0


def test_a_new_key_reaches_the_schools_that_take_photos(
    line: Line, session: Session, watch: PhotoWatch
) -> None:
    off = a_school(session)
    session.commit()

    watch.renew()

    session.expire_all()
    assert (line.school.photo_key, off.photo_key) == (b"n" * 32, None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"id": "no id"}, 422),
        ({"size": LARGEST_SEALED + 1}, 422),
        ({"size": "1"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_an_offer_that_cannot_be_one_is_refused(
    line: Line, changes: dict[str, object], status: int
) -> None:
    assert line.sender.offer(PHOTO, **changes).status_code == status  # type: ignore[arg-type]


def test_content_that_was_not_offered_or_is_no_content_is_refused(line: Line) -> None:
    path = f"/api/v1/devices/me/photos/{PHOTO}/content"
    assert line.sender.put(path, b"x").status_code == 404
    line.sender.offer(PHOTO)

    assert line.sender.put(path, bytes(LARGEST_SEALED + 1)).status_code == 413
    assert line.sender.put(path, b"{}", **{"Content-Type": "application/json"}).status_code == 415
    line.store.down = True
    assert line.sender.put(path, b"x").status_code == 503
    assert line.sender.sent(a_photo_id(9)).status_code == 404


def test_a_device_cannot_fill_the_store(line: Line, session: Session) -> None:
    now = datetime.now(UTC)
    here = {"school_id": line.school.id, "device_id": line.device.row.id, "size": 1}
    times = {"offered_at": now, "taken_at": now, "try_at": now}
    rows = [here | times | {"id": a_photo_id(number)} for number in range(service.MOST_UNOPENED)]
    session.execute(insert(Photo), rows)
    session.commit()

    assert line.sender.offer(a_photo_id(10_000)).status_code == 503
    assert line.sender.offer(a_photo_id(1)).status_code == 200


def test_the_consent_of_another_school_s_student_cannot_be_changed(
    line: Line, session_as: Callable[..., Session], session: Session
) -> None:
    theirs = a_student(session, a_course(session, a_school(session)))
    theirs.photo_opt_in = True
    user = a_user(session).id
    session.commit()
    web = session_as("web", line.school.id)

    with pytest.raises(NotFound):
        service.note_consent(web, line.school.id, user, theirs.id, given=False)
