"""A camera's process: asked, listened to, killed when it hangs, started again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from devkit.waiting import wait_until
from edge_agent.backoff import Backoff
from edge_agent.cameras.process import CameraProcess
from edge_agent.cameras.signals import ALIVE, MOST_BYTES, PICTURE, Incoming, message
from edge_agent.photos.photographer import Patience, Photographer
from emulators.gates.camera import Camera
from emulators.gates.picture import picture
from tests.edge.gate import PATIENCE

LATE_SECONDS = 1.5


class Studio:
    """A photographer with an emulated camera, in its thread."""

    def __init__(self, path: Path) -> None:
        self.camera = Camera(path, lambda: "somebody")
        self.kept: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.photographer = Photographer(
            partial(CameraProcess, "emulated", str(path)),
            lambda photo, jpeg: self.kept.put((photo, jpeg)),
            Patience(start=PATIENCE, silence=2.5, late=LATE_SECONDS),
            Backoff(0.05, 0.2),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.photographer.run, args=(self._stop,))

    def open(self) -> None:
        self.camera.open()
        self._thread.start()
        self.wait_until_ready()

    def close(self) -> None:
        self._stop.set()
        self.photographer.leave()
        self._thread.join()
        self.camera.close()

    def wait_until_ready(self) -> None:
        assert wait_until(lambda: self.photographer.is_ready, PATIENCE)

    def next(self, seconds: float = PATIENCE) -> tuple[str, bytes] | None:
        try:
            return self.kept.get(timeout=seconds)
        except Empty:
            return None


@pytest.fixture
def studio(short_folder: Path) -> Iterator[Studio]:
    made = Studio(short_folder / "camera")
    made.open()
    yield made
    made.close()


def test_a_photo_is_taken_when_it_is_asked_for(studio: Studio) -> None:
    for photo in ("a", "b"):
        studio.photographer.take(photo)
        assert studio.next() == (photo, picture("somebody"))

    assert studio.photographer.finding().ok
    assert studio.photographer.alarms() == []


def test_a_camera_that_hangs_is_killed_counted_and_started_again(studio: Studio) -> None:
    studio.camera.behave("hangs")
    studio.photographer.take("a")

    assert wait_until(lambda: studio.photographer.resets == 1, PATIENCE)
    studio.camera.behave("works")
    studio.wait_until_ready()
    studio.photographer.take("b")

    assert studio.next() == ("b", picture("somebody"))  # and the first never comes


def test_a_camera_that_goes_away_and_comes_back_is_used_again(studio: Studio) -> None:
    studio.camera.behave("dies")

    assert wait_until(lambda: studio.photographer.resets >= 2, PATIENCE)
    assert not studio.photographer.finding().ok
    studio.camera.behave("works")
    studio.wait_until_ready()
    studio.photographer.take("b")

    photo = studio.next()
    assert photo is not None
    assert photo[0] == "b"


def test_a_photo_that_comes_late_is_thrown_away(studio: Studio) -> None:
    studio.photographer.take("a")
    assert studio.next() is not None
    taken = studio.camera.taken

    studio.camera.behave("slow")  # somebody else stands there by the time it answers
    studio.photographer.take("b")
    assert wait_until(lambda: studio.camera.taken > taken, PATIENCE)
    studio.camera.behave("works")
    studio.wait_until_ready()
    studio.photographer.take("c")

    photo = studio.next()
    assert photo is not None
    assert photo[0] == "c"


def test_a_trial_is_measured_and_not_kept(studio: Studio) -> None:
    tried = studio.photographer.try_one(PATIENCE)

    assert tried is not None
    assert tried.jpeg == picture("somebody")
    assert studio.next(0.1) is None


def test_a_trial_of_a_camera_that_hangs_ends(studio: Studio) -> None:
    studio.camera.behave("hangs")

    assert studio.photographer.try_one(0.2) is None


def test_a_camera_s_process_ends_with_its_socket(short_folder: Path) -> None:
    camera = Camera(short_folder / "camera", lambda: "x")
    camera.open()
    process = CameraProcess("emulated", str(short_folder / "camera"))
    pid = process.pid

    process.kill()

    assert not Path(f"/proc/{pid}").exists()
    camera.close()


def test_messages_are_put_together_from_any_pieces() -> None:
    sent = message(ALIVE) + message(PICTURE, b"jpeg") + message(ALIVE)
    incoming = Incoming()

    heard = [said for byte in sent for said in incoming.add(bytes([byte]))]

    assert heard == [(ALIVE, b""), (PICTURE, b"jpeg"), (ALIVE, b"")]


@pytest.mark.parametrize(
    "nonsense", [b"X\x00\x00\x00\x00", PICTURE + (MOST_BYTES + 1).to_bytes(4, "big")]
)
def test_nonsense_from_a_camera_s_process_is_noticed(nonsense: bytes) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        list(Incoming().add(nonsense))
