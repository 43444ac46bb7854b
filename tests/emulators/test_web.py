"""The HTTP server under all emulators."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from emulators.web import BIGGEST_BODY, HangUp, Request, Response, Route, Server, Site, as_json


def echo(request: Request, *groups: str) -> Response:
    return as_json({"path": request.path, "groups": groups, "query": dict(request.query)})


def hang_up(_request: Request) -> Response:
    raise HangUp


@pytest.fixture
def server() -> Iterator[Server]:
    site = Site(
        [
            Route("GET", r"/echo/(\w+)", echo),
            Route("POST", "/echo", echo),
            Route("GET", "/gone", hang_up),
        ]
    )
    server = Server("127.0.0.1", 0, site)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    yield connection
    connection.close()


def test_one_connection_serves_many_requests(client: http.client.HTTPConnection) -> None:
    client.connect()
    socket = client.sock

    for _ in range(3):
        client.request("GET", "/echo/caf%C3%A9?a=1&b=%20")
        answer = client.getresponse()
        body = answer.read().decode()

    assert client.sock is socket
    assert answer.status == 200
    assert body == '{"path": "/echo/café", "groups": ["café"], "query": {"a": "1", "b": " "}}'


def test_a_view_may_leave_the_caller_without_an_answer(client: http.client.HTTPConnection) -> None:
    client.request("GET", "/gone")

    with pytest.raises(http.client.RemoteDisconnected):
        client.getresponse()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": str(BIGGEST_BODY + 1)}, 413),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "many"}, 411),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_a_body_that_cannot_be_read_ends_the_connection(
    client: http.client.HTTPConnection, headers: dict[str, str], status: int
) -> None:
    client.putrequest("POST", "/echo")
    for name, value in headers.items():
        client.putheader(name, value)
    client.endheaders()

    answer = client.getresponse()

    assert answer.status == status
    assert answer.getheader("Connection") == "close"
    assert answer.read()


def test_an_unknown_method_is_refused(client: http.client.HTTPConnection) -> None:
    client.request("PATCH", "/echo")

    assert client.getresponse().status == 501
