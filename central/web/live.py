"""Server-sent events for pages that stay open, below ``/app/live/``.

A stream holds a thread of the server for as long as the page is open, so their number is limited;
beyond it the answer is 503 and the page polls instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from central.accounts.queries import roles_by_school, still_signed_in
from central.accounts.rules import may
from central.db import db
from central.settings import Settings
from central.web.access import current_school, current_session, current_viewer, requires
from central.web.board_feed import BoardFeed, update_after
from central.web.board_page import audience_of
from central.web.evacuation_feed import EvacuationAudience, EvacuationFeed
from central.web.live_hub import Audience, Ended, Event, Feed, Hub, NoRoom, Subscription
from central.web.live_listener import Listener
from central.web.messages_feed import MessagesAudience, MessagesFeed

HEARTBEAT_SECONDS = 15.0  # shorter than the idle time-outs of usual proxies
RETRY_MS = 2000  # before a browser connects again
FULL_RETRY_SECONDS = 30  # before a page that found no room asks again
HERE = Event("here", "{}")  # an event and not a comment, so that a page can tell a dead line
BYE = Event("bye", "{}")  # the session ended: reload, which leads to signing in

bp = Blueprint("live", __name__)


def register(app: Flask, settings: Settings) -> None:
    """Add the streams to ``app``. Nothing listens until the first stream opens."""
    url = settings.database_url_for("web").replace("postgresql+psycopg://", "postgresql://", 1)

    def start_listening(hub: Hub) -> Callable[[], None]:
        listener = Listener(url, hub.heard, hub.missed)
        listener.start()
        return listener.stop

    app.extensions["live"] = Hub(start_listening)
    app.register_blueprint(bp)


@bp.get("/app/live/board")
@requires("see_attendance")
def board() -> ResponseReturnValue:
    """The board's changes after ``Last-Event-ID``, or else after the page's own cursor."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # documented by Flask
    audience = audience_of(db.session(), current_viewer())
    after = _cursor()

    def catch_up() -> Event:
        update = update_after(db.session(), audience, after)
        return Event("board", update.to_json(), update.cursor)

    return _stream(
        audience, lambda: BoardFeed(app, audience, after), catch_up, permission="see_attendance"
    )


@bp.get("/app/live/messages")
@requires("see_messages")
def messages() -> ResponseReturnValue:
    """Says when the school's messages changed; the page then asks for them."""
    school = current_school()
    return _stream(
        MessagesAudience(school.id),
        MessagesFeed,
        lambda: MessagesFeed.CHANGED,
        permission="see_messages",
    )


@bp.get("/app/live/evacuation")
@requires("mark_evacuation")
def evacuation() -> ResponseReturnValue:
    """Says when somebody marked; the page then asks how things stand."""
    school = current_school()
    return _stream(
        EvacuationAudience(school.id),
        EvacuationFeed,
        lambda: EvacuationFeed.CHANGED,
        permission="mark_evacuation",
    )


def _stream(
    audience: Audience,
    make_feed: Callable[[], Feed],
    catch_up: Callable[[], Event],
    *,
    permission: str,
) -> Response:
    hub: Hub = current_app.extensions["live"]
    try:
        subscription = hub.join(audience, make_feed)
    except NoRoom:
        return Response(status=503, headers={"Retry-After": str(FULL_RETRY_SECONDS)})
    with ExitStack() as undo:
        undo.callback(hub.leave, audience, subscription)
        # after joining, so that nothing falls between what is caught up and what is sent
        events = _events(subscription, catch_up(), _still_allowed(permission))
        response = Response(events, mimetype="text/event-stream")
        response.call_on_close(undo.pop_all().close)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect events otherwise
    db.session.remove()  # a stream must not keep a database connection for hours
    return response


def _cursor() -> int:
    given = request.headers.get("Last-Event-ID") or request.args.get("after", "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def _still_allowed(permission: str) -> Callable[[], bool]:
    """Asks whether the person may go on watching; for use when the request is over."""
    viewer, session_hash, engine = current_viewer(), current_session().session_hash, db.engine
    school_id = current_school().id
    return lambda: _allowed(engine, session_hash, viewer.user_id, school_id, permission)


def _allowed(
    engine: Engine, session_hash: bytes, user_id: int, school_id: int, permission: str
) -> bool:
    try:
        with Session(engine) as session:
            if not still_signed_in(session, session_hash, now=datetime.now(UTC)):
                return False
            roles = roles_by_school(session, user_id).get(school_id, frozenset())
    except OperationalError:
        return True  # a database that restarts signs nobody out; and nothing is sent meanwhile
    return any(may(role, permission) for role in roles)


def _events(
    subscription: Subscription, first: Event, still_allowed: Callable[[], bool]
) -> Iterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    yield _wire(first)
    checked_at = time.monotonic()
    while True:
        try:
            event = subscription.wait(HEARTBEAT_SECONDS)
        except Ended:
            return
        if time.monotonic() - checked_at >= HEARTBEAT_SECONDS:
            checked_at = time.monotonic()
            if not still_allowed():
                yield _wire(BYE)
                return
        yield _wire(HERE if event is None else event)


def _wire(event: Event) -> str:
    cursor = "" if event.cursor is None else f"id: {event.cursor}\n"
    return f"event: {event.name}\n{cursor}data: {event.data}\n\n"
