"""Opens the photos that gates sent, and deletes those whose time or consent is over.

Run by a job, as often as wanted and many at once: the rows say what there is to do, and a row that
somebody works on is passed over. A store that does not answer postpones and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session, sessionmaker

from central.db import enter_schools
from central.errors import NotFound
from central.media import photo_service as service
from central.media.document_rules import JPEG
from central.media.photo_keys import PhotoKeys, Unreadable
from central.media.photo_queries import schools_with_photo_work
from central.media.photo_rules import (
    NO_CONSENT,
    NO_PICTURE,
    NOT_THERE,
    UNREADABLE,
    NoPicture,
    plain_jpeg,
)
from central.media.store import Store, StoreUnavailable

# Messages to families wait behind it, so a run is short and wakes the next.
LONGEST_RUN: Final = timedelta(seconds=2)
STORE_RETRY: Final = timedelta(minutes=1)
MOST_REMAINS: Final = 100

log = structlog.stdlib.get_logger(__name__)


class Refused(Exception):
    """This photo will never be one that we keep; ``reason`` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def utc_now() -> datetime:
    return datetime.now(UTC)


class PhotoDesk:
    """Keeps photos for ``kept``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        store: Store,
        keys: PhotoKeys,
        kept: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._keys = keys
        self._kept = kept
        self._clock = clock

    def work(self) -> bool:
        """Do what waits, for a moment; returns whether it left something for a next run."""
        began = self._clock()
        with self._sessions.begin() as session:
            schools = schools_with_photo_work(session, now=began, kept=self._kept)
        for school_id in schools:
            try:
                self._delete(school_id)
                with self._in(school_id) as session:
                    service.tie_to_taps(session, school_id, now=self._clock())
                while self._open_one(school_id):
                    if self._clock() - began > LONGEST_RUN:
                        return True
                self._clear(school_id)
            except StoreUnavailable as error:
                log.warning("photos_wait", school=school_id, reason=str(error))
        return False

    def _open_one(self, school_id: int) -> bool:
        """Whether there was one."""
        with self._in(school_id) as session:
            found = service.next_to_open(session, school_id, now=self._clock())
            if found is None:
                return False
            try:
                self._store.put(found.jpeg_key, self._opened(found), JPEG)
            except Refused as refusal:
                service.refuse(session, found, refusal.reason)
                log.info("photo_refused", device=found.device_id, reason=refusal.reason)
            except StoreUnavailable as error:
                service.try_later(session, found, at=self._clock() + STORE_RETRY)
                log.warning("photo_waits", device=found.device_id, reason=str(error))
            else:
                service.keep(session, found)
        return True

    def _opened(self, found: service.ToOpen) -> bytes:
        """The picture. Raises Refused and StoreUnavailable."""
        if not found.consent:
            raise Refused(NO_CONSENT)
        try:
            sealed = self._store.get(found.sealed_key)
            return plain_jpeg(self._keys.open(sealed, found.device_id, found.photo))
        except NotFound as error:
            raise Refused(NOT_THERE) from error
        except Unreadable as error:
            raise Refused(UNREADABLE) from error
        except NoPicture as error:
            raise Refused(NO_PICTURE) from error

    def _clear(self, school_id: int) -> None:
        """Delete the sealed form of what was opened or refused."""
        with self._in(school_id) as session:
            for photo in service.sealed_remains(session, school_id, MOST_REMAINS):
                assert photo.sealed_key is not None
                self._store.delete(photo.sealed_key)
                photo.sealed_key = None

    def _delete(self, school_id: int) -> None:
        """Delete what is over, the files first: a row without a file is found again."""
        now = self._clock()
        with self._in(school_id) as session:
            ended = service.over(session, school_id, now - self._kept, now=now)
            for photo in ended:
                for key in (photo.sealed_key, photo.jpeg_key):
                    if key is not None:
                        self._store.delete(key)
                session.delete(photo)
        if ended:
            log.info("photos_deleted", school=school_id, photos=len(ended))

    @contextmanager
    def _in(self, school_id: int) -> Iterator[Session]:
        with self._sessions.begin() as session:
            enter_schools(session, [school_id])
            yield session
