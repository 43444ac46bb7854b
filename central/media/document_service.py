"""Keeping files about people: private, under the school's own part of the store."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from central.errors import Busy, Conflict
from central.media.document_rules import ENDINGS, media_type, plain_name
from central.media.store import Store, StoreUnavailable


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A file in the store: where, what it is called, its media type and its size in bytes."""

    key: str
    name: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """What files are taken: their media types, and the largest size in bytes."""

    kinds: frozenset[str]
    largest: int


def keep_document(
    store: Store, school_id: int, purpose: str, upload: tuple[str, bytes], accepted: Accepted
) -> KeptDocument:
    """Keep a file (name and content) for the school under a key that nobody can guess.

    Do it before the transaction that names the key: should that one fail, the file is an orphan
    that nothing refers to. Raises Conflict for a file that is empty, too large or of another type,
    Busy when the store does not answer.
    """
    name, content = upload
    if len(content) > accepted.largest:
        raise Conflict("document_too_large")
    kind = media_type(content)
    if kind is None or kind not in accepted.kinds:
        raise Conflict("document_type_unknown")
    key = f"schools/{school_id}/{purpose}/{uuid4().hex}.{ENDINGS[kind]}"
    try:
        store.put(key, content, kind)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error
    return KeptDocument(key, plain_name(name, kind), kind, len(content))


def fetch_document(store: Store, school_id: int, key: str) -> bytes:
    """The content under one of the school's keys. Raises NotFound, and Busy as above."""
    if not key.startswith(f"schools/{school_id}/"):
        raise Conflict("document_of_another_school")
    try:
        return store.get(key)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error
