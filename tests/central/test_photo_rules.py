"""What is kept of what a gate sends: a small JPEG and nothing beside it."""

from __future__ import annotations

import pytest

from central.media.photo_keys import PhotoKeys, Unreadable
from central.media.photo_rules import NoPicture, plain_jpeg
from tests.central.jpeg import JPEG, with_segment
from tests.central.photos import a_photo_id, sealed

PHOTO = a_photo_id()


def test_a_plain_jpeg_is_kept_as_it_is() -> None:
    assert plain_jpeg(JPEG) == JPEG


@pytest.mark.parametrize("code", [0xE1, 0xE2, 0xEE, 0xFE], ids=hex)
def test_what_a_camera_writes_beside_the_picture_is_left_out(code: int) -> None:
    assert plain_jpeg(with_segment(code, b"33 26 S 70 39 W")) == JPEG


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        b"GIF89a",
        JPEG[:-2],
        JPEG[:100] + b"\xff\xd9",
        JPEG.replace(b"\xff\xc0", b"\xff\xe1"),  # no frame
        JPEG.replace(b"\x01\xe0\x02\x80", b"\x01\xe0\xff\xff"),  # too wide
        JPEG.replace(b"\x01\xe0\x02\x80", b"\x00\x00\x02\x80"),  # no height
        b"\xff\xd8<html><script>alert(1)</script></html>\xff\xd9",
        b"\xff\xd8\xff\xe1\xff\xff\xff\xd9",
    ],
)
def test_what_is_no_small_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NoPicture):
        plain_jpeg(content)


def test_only_the_photo_that_was_sealed_for_it_is_opened() -> None:
    keys = PhotoKeys(["today"])
    letter = sealed(b"a picture", keys.current, "gate-1", PHOTO)

    assert keys.open(letter, "gate-1", PHOTO) == b"a picture"
    for device, photo in (("gate-2", PHOTO), ("gate-1", a_photo_id(2))):
        with pytest.raises(Unreadable):
            keys.open(letter, device, photo)


@pytest.mark.parametrize("at", [0, 1, 9, 41, -1])
def test_a_changed_byte_anywhere_is_noticed(at: int) -> None:
    keys = PhotoKeys(["today"])
    letter = bytearray(sealed(b"a picture", keys.current, "gate-1", PHOTO))
    letter[at] ^= 1

    with pytest.raises(Unreadable):
        keys.open(bytes(letter), "gate-1", PHOTO)


def test_an_earlier_key_still_opens_and_a_removed_one_does_not() -> None:
    before = PhotoKeys(["yesterday"])
    letter = sealed(b"a picture", before.current, "gate-1", PHOTO)

    assert PhotoKeys(["today", "yesterday"]).open(letter, "gate-1", PHOTO) == b"a picture"
    assert PhotoKeys(["today", "yesterday"]).current != before.current
    with pytest.raises(Unreadable):
        PhotoKeys(["today"]).open(letter, "gate-1", PHOTO)
