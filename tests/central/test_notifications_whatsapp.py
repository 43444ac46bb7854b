"""How a send can end, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from central.notifications import whatsapp
from central.notifications.channel import Accepted, Outcome, Refused, Unanswered, Unreachable
from central.notifications.whatsapp import WhatsApp, outcome_of
from devkit.servers import free_port
from tests.central.messages import a_message
from tests.central.provider import Answer, Provider, refusal


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


def send(url: str) -> Outcome:
    return WhatsApp(url, "1000", "token-1", read_timeout=timedelta(seconds=0.3)).send(a_message())


def test_a_message_is_posted_once_to_the_senders_number_with_the_token(provider: Provider) -> None:
    outcome = send(provider.url)

    assert outcome == Accepted("wamid.1:2")
    assert len(provider.requests) == 1
    assert provider.headers[0]["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (refusal(131026), Refused(131026, 400, "what Meta says")),
        (refusal(190, 401), Refused(190, 401, "what Meta says")),
        (Answer(502, b"<html>bad gateway</html>"), Refused(None, 502, "HTTP 502")),
        (Answer(302, b""), Refused(None, 302, "HTTP 302")),
        (Answer(400, b'{"error": "text"}'), Refused(None, 400, "HTTP 400")),
        (Answer(400, b'{"error": {"code": "131026"}}'), Refused(None, 400, "HTTP 400")),
        (Answer(200, b"not json"), Unanswered("unreadable_answer")),
        (Answer(200, b'{"messages": []}'), Unanswered("unreadable_answer")),
        (Answer(200, b'{"messages": [{"id": 5}]}'), Unanswered("unreadable_answer")),
        (Answer(hang=True), Unanswered("ReadTimeout")),
        (Answer(cut=True), Unanswered("ConnectionError")),
    ],
)
def test_every_answer_is_told_apart(provider: Provider, answer: Answer, outcome: Outcome) -> None:
    provider.decide = lambda _: answer

    assert send(provider.url) == outcome
    assert len(provider.requests) == 1  # never repeated by itself


def test_a_closed_port_means_that_nothing_was_sent() -> None:
    outcome = send(f"http://127.0.0.1:{free_port()}")

    assert isinstance(outcome, Unreachable)


def test_an_unknown_host_means_that_nothing_was_sent() -> None:
    assert isinstance(send("http://no-such-host.invalid"), Unreachable)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1", "http://"])
def test_an_address_that_cannot_be_used_means_that_nothing_was_sent(url: str) -> None:
    assert isinstance(send(url), Unreachable)


def test_a_server_that_speaks_no_tls_may_still_have_got_something(provider: Provider) -> None:
    outcome = send(provider.url.replace("http:", "https:"))

    assert isinstance(outcome, Unanswered)


def test_a_connection_reset_after_the_request_leaves_it_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_reset_after_request, args=(server,))
        thread.start()

        outcome = send(f"http://127.0.0.1:{server.getsockname()[1]}")

        thread.join()
    assert outcome == Unanswered("ConnectionError")


def _reset_after_request(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.recv(65536)
    # zero linger: closing sends a reset
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def test_a_thread_keeps_its_connection_until_it_has_idled_too_long(provider: Provider) -> None:
    clock = iter([0.0, 5.0, 5.0 + whatsapp.IDLE_LIMIT.total_seconds() + 1])
    channel = WhatsApp(provider.url, "1000", "token-1", monotonic=lambda: next(clock))

    for _ in range(3):
        channel.send(a_message())

    first, second, third = provider.connections
    assert first == second
    assert second != third


def test_a_wrong_number_of_the_sender_is_not_blamed_on_the_message() -> None:
    error = {"code": 100, "type": "GraphMethodException", "message": "Unsupported request."}

    outcome = outcome_of(400, json.dumps({"error": error}).encode())

    assert outcome == Refused(whatsapp.UNKNOWN_NUMBER, 400, "Unsupported request.")


def test_what_meta_says_is_kept_without_phone_numbers_and_not_at_any_length() -> None:
    error = {"code": 131030, "message": "Recipient +56940000001 (56940000001) " + "x" * 1000}

    outcome = outcome_of(400, json.dumps({"error": error}).encode())

    assert isinstance(outcome, Refused)
    assert "56940000001" not in outcome.text
    assert len(outcome.text) <= 300
