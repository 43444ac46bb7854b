"""The part of the Graph API that the school calls: ``/messages`` and ``/message_templates``."""

from __future__ import annotations

import functools
import hmac
import threading
from collections.abc import Callable

from emulators.web import HangUp, Refused, Request, Response, Route, as_json
from emulators.whatsapp.cloud import Cloud, NoReply
from emulators.whatsapp.errors import INVALID_PARAMETER, GraphError, TokenRefused, UnknownObject
from emulators.whatsapp.settings import Account
from emulators.whatsapp.templates import APPROVED


def _graph_errors(view: Callable[..., Response]) -> Callable[..., Response]:
    @functools.wraps(view)
    def wrapped(*arguments: object) -> Response:
        try:
            return view(*arguments)
        except GraphError as error:
            return _as_response(error)

    return wrapped


def _as_response(error: GraphError) -> Response:
    response = as_json(error.body, error.status)
    if not isinstance(error, TokenRefused):
        return response
    challenge = f'OAuth "Facebook Platform" "invalid_token" "{error}"'
    return Response(response.body, response.status, headers={"WWW-Authenticate": challenge})


class Graph:
    """``released`` ends the waiting of senders who are kept hanging."""

    def __init__(self, account: Account, cloud: Cloud, released: threading.Event) -> None:
        self._account = account
        self._cloud = cloud
        self._released = released

    def routes(self) -> list[Route]:
        return [
            Route("POST", r"/v(\d+)\.\d+/([^/]+)/messages", self.send),
            Route("GET", r"/v\d+\.\d+/([^/]+)/message_templates", self.list_templates),
            Route("GET", r"/v\d+\.\d+/([^/]+)", self.show_phone_number),
        ]

    @_graph_errors
    def send(self, request: Request, version: str, phone_number_id: str) -> Response:
        self._check_token(request)
        if phone_number_id != self._account.phone_number_id:
            raise UnknownObject(phone_number_id)
        try:
            body = request.json()
        except Refused as refused:
            raise GraphError(INVALID_PARAMETER, str(refused)) from refused
        try:
            return as_json(self._cloud.send(body, version=int(version)))
        except NoReply as no_reply:
            self._released.wait(no_reply.seconds)
            raise HangUp from no_reply

    @_graph_errors
    def show_phone_number(self, request: Request, phone_number_id: str) -> Response:
        """The number that the school sends from."""
        self._check_token(request)
        if phone_number_id != self._account.phone_number_id:
            raise UnknownObject(phone_number_id)
        number = f"+{self._account.display_phone_number}"
        name = self._account.display_name
        return as_json(
            {"id": phone_number_id, "display_phone_number": number, "verified_name": name}
        )

    @_graph_errors
    def list_templates(self, request: Request, business_account_id: str) -> Response:
        """The approved templates, filtered by ``name`` and ``language``."""
        self._check_token(request)
        if business_account_id != self._account.business_account_id:
            raise UnknownObject(business_account_id)
        wanted = {key: request.query[key] for key in ("name", "language") if key in request.query}
        found = [
            wire
            for wire in (template.wire() for template in APPROVED.values())
            if all(wire[key] == value for key, value in wanted.items())
        ]
        cursors = {"before": "MAZDZD", "after": "MjQZD"}
        return as_json({"data": found, "paging": {"cursors": cursors}})

    def _check_token(self, request: Request) -> None:
        presented = request.headers.get("authorization", "")
        expected = f"Bearer {self._account.token}"
        if not hmac.compare_digest(presented.encode(), expected.encode()):
            raise TokenRefused
