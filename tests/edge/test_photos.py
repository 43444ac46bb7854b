"""An agent with a camera, as a process: photos of who consented, and taps that never notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.roster import Roster, RosterEntry
from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from emulators.gates.camera import Camera
from emulators.gates.picture import picture
from tests.edge.central import Central
from tests.edge.gate import PATIENCE, Gate, card, digest
from tests.edge.photos import PUBLIC, PhotoCentral, opened
from tests.edge.website import Website, a_key_file

JPEG = picture("a child")
ANSWER_SECONDS = 1.0  # 150 ms are promised; the rest is for a busy machine


def consenting(*numbers: int, key: str | None = PUBLIC.hex()) -> Roster:
    """Nine students, of whom these agreed to a photo."""
    entries = {
        digest(number): RosterEntry(f"Student {number}", "active", number in numbers)
        for number in range(1, 10)
    }
    return Roster("r1", entries, photo_key=key)


@dataclass
class Studio:
    """A gate with a camera, and a central that takes photos."""

    gate: Gate
    camera: Camera
    site: Website
    broker_port: int
    photos: PhotoCentral = field(default_factory=PhotoCentral)

    def configure(self, broker_port: int) -> None:
        self.gate.write_config(
            broker_port,
            f'[central]\nurl = "http://127.0.0.1:{self.site.port}"\nkey_file = "device.key"\n'
            '[camera]\ndriver = "emulated"\nsocket = "camera"\n',
        )

    def start(self) -> None:
        self.gate.start()
        self.wait_for_log("the camera works")
        spool = self.gate.data / "photos"
        assert wait_until(spool.exists, PATIENCE)

    def wait_for_log(self, text: str, times: int = 1) -> None:
        assert wait_until(lambda: self.gate.logged().count(text) >= times, PATIENCE), text

    def spooled(self) -> list[Path]:
        return sorted((self.gate.data / "photos").glob("*.sealed"))

    def photo_of(self, number: int) -> str | None:
        """The photo that the tap of this student names, as stored."""
        taps = [
            tap for tap in self.gate.stored().values() if tap["card"]["digest"] == digest(number)
        ]
        name = taps[-1].get("photo")
        return None if name is None else str(name)


@contextmanager
def a_studio(gate: Gate, broker_port: int) -> Iterator[Studio]:
    camera = Camera(gate.folder / "camera", lambda: "a child")
    photos = PhotoCentral()
    a_key_file(gate.folder)
    gate.write_roster(consenting(1, 2, 3))
    camera.open()
    with Website(photos) as site:
        studio = Studio(gate, camera, site, broker_port, photos)
        studio.configure(broker_port)
        try:
            yield studio
        finally:
            gate.kill()
            camera.close()


@pytest.fixture
def studio(gate: Gate, mosquitto: Mosquitto) -> Iterator[Studio]:
    with a_studio(gate, mosquitto.port) as made:
        yield made


@pytest.fixture
def cut_off(gate: Gate) -> Iterator[Studio]:
    """Without a broker, so that nothing leaves the gate."""
    with a_studio(gate, free_port()) as made:
        yield made


def test_who_agreed_is_photographed_and_central_alone_can_see_it(
    studio: Studio, prompt_central: Central
) -> None:
    studio.start()

    studio.gate.tap(card(1))
    prompt_central.wait_for(lambda: prompt_central.taps)
    photo = prompt_central.taps[0].photo
    assert photo is not None
    assert wait_until(lambda: photo in studio.photos.sent, PATIENCE)

    assert opened(studio.photos.put[photo], studio.gate.device, photo) == JPEG
    assert wait_until(lambda: not studio.spooled(), PATIENCE)


def test_who_did_not_agree_is_not_photographed(studio: Studio, prompt_central: Central) -> None:
    studio.start()

    studio.gate.tap(card(5))
    studio.gate.tap(card(99))  # of nobody
    studio.gate.tap(card(1))
    prompt_central.wait_for(lambda: len(prompt_central.taps) == 3)

    assert [tap.photo is not None for tap in prompt_central.taps] == [False, False, True]
    assert studio.camera.taken == 1


def test_a_school_that_takes_no_photos_gets_none(cut_off: Studio) -> None:
    cut_off.gate.write_roster(consenting(1, key=None))
    cut_off.start()

    cut_off.gate.tap(card(1))

    assert cut_off.photo_of(1) is None
    assert cut_off.camera.taken == 0


def test_the_same_card_again_is_not_photographed_again(cut_off: Studio) -> None:
    cut_off.start()

    first, second = cut_off.gate.tap(card(1)), cut_off.gate.tap(card(1))

    assert first["seq"] == second["seq"]
    assert wait_until(lambda: len(cut_off.spooled()) == 1, PATIENCE)
    assert cut_off.camera.taken == 1


def test_without_a_network_photos_wait_sealed_and_leave_after_the_taps(
    cut_off: Studio, mosquitto: Mosquitto, prompt_central: Central
) -> None:
    cut_off.start()
    for number in (1, 2):
        cut_off.gate.tap(card(number))
        assert wait_until(lambda: len(cut_off.spooled()) == number, PATIENCE)  # noqa: B023
    assert cut_off.photos.put == {}
    assert all(JPEG[:40] not in path.read_bytes() for path in cut_off.spooled())

    cut_off.gate.kill()
    cut_off.configure(mosquitto.port)
    cut_off.gate.start()

    assert wait_until(lambda: len(cut_off.photos.sent) == 2, PATIENCE)
    named = [tap.photo for tap in prompt_central.taps]
    assert set(cut_off.photos.sent) == set(named)


def test_no_tap_notices_a_camera_that_hangs(studio: Studio, prompt_central: Central) -> None:
    studio.start()
    studio.camera.behave("hangs")

    for number in (1, 2, 3, 4):
        assert studio.gate.tap(card(number), ANSWER_SECONDS)["pattern"] == "accept"
    studio.wait_for_log("gives no sign of life")
    assert studio.gate.tap(card(5), ANSWER_SECONDS)["pattern"] == "accept"

    studio.camera.behave("works")
    studio.wait_for_log("the camera works", times=2)
    prompt_central.wait_for(lambda: len(prompt_central.taps) == 5)
    assert "Traceback" not in studio.gate.logged()


def test_without_its_camera_a_gate_names_no_photo_and_says_so(
    cut_off: Studio,
) -> None:
    cut_off.camera.behave("dies")
    cut_off.gate.start()
    cut_off.wait_for_log("camera: hung up")

    assert cut_off.gate.tap(card(1), ANSWER_SECONDS)["pattern"] == "accept"

    assert cut_off.photo_of(1) is None


def test_a_technician_tries_the_camera_from_afar(studio: Studio, central: Central) -> None:
    studio.start()
    central.wait_for_statuses(1)

    tried = central.order("photo-test")
    tested = central.order("selftest", 2)

    assert tried.ok
    assert tried.result["bytes"] == len(JPEG)
    assert 0 <= tried.result["took_ms"] < 5000
    checks = {check["part"]: check["ok"] for check in tested.result["checks"]}
    assert checks["camera"] is True
    assert studio.spooled() == []


def test_a_gate_without_a_camera_says_so(gate: Gate, central: Central) -> None:
    gate.start()
    central.wait_for_statuses(1)

    assert central.order("photo-test").error == "no_camera"


def test_a_camera_does_not_outlive_its_agent(studio: Studio) -> None:
    studio.start()
    children = Path(f"/proc/{studio.gate.pid}/task").glob("*/children")
    pids = [pid for file in children for pid in file.read_text().split()]
    assert pids

    studio.gate.kill()

    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), PATIENCE)
