"""PN532 host frames, taken from what nfcpy sends and expects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.nfc import frames

GET_VERSION = bytes.fromhex("0000ff02fed4022a00")
SAM = bytes.fromhex("0000ff05fbd4140100001700")


def host_frame(body: bytes) -> bytes:
    """The frame a host sends: the same form as the chip's own."""
    return frames.encode(body)


def test_a_frame_is_found_after_a_wake_up_preamble() -> None:
    assert frames.FrameReader().feed(bytes(10) + GET_VERSION) == [b"\xd4\x02"]


def test_the_version_answer_is_the_one_nfcpy_expects() -> None:
    assert frames.encode(bytes.fromhex("d50332010607")).startswith(
        bytes.fromhex("0000ff06fad50332")
    )


def test_acknowledgements_and_refusals_from_the_host_carry_nothing() -> None:
    nack = bytes.fromhex("0000ffff0000")

    assert frames.FrameReader().feed(frames.ACK + nack + SAM) == [SAM[5:-2]]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(GET_VERSION[:4] + b"\x00" + GET_VERSION[5:], id="length checksum"),
        pytest.param(GET_VERSION[:-2] + b"\x00\x00", id="data checksum"),
        pytest.param(bytes.fromhex("0000ffffff010800d4"), id="extended length checksum"),
    ],
)
def test_a_damaged_frame_is_passed_over_and_the_next_one_heard(broken: bytes) -> None:
    assert frames.FrameReader().feed(broken + SAM) == [SAM[5:-2]]


@given(
    bodies=st.lists(
        st.builds(lambda data: b"\xd4" + data, st.binary(max_size=264)), min_size=1, max_size=4
    ),
    cut=st.integers(1, 40),
)
def test_frames_survive_any_division_into_pieces(bodies: list[bytes], cut: int) -> None:
    stream = b"".join(host_frame(body) for body in bodies)
    reader = frames.FrameReader()

    found = [
        body
        for start in range(0, len(stream), cut)
        for body in reader.feed(stream[start : start + cut])
    ]

    assert found == bodies
