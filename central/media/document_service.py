"""Keeping files about people: private, under the school's own part of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from central.errors import Busy, Conflict
from central.media.document_rules import (
    ENDINGS,
    IMAGES,
    LARGEST_DOCUMENT,
    LARGEST_SIGNATURE,
    PDF,
    PNG,
    media_type,
    plain_name,
)
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


# What families hand in, and what is drawn on the screen.
DOCUMENTS: Final = Accepted(frozenset({PDF, *IMAGES}), LARGEST_DOCUMENT)
SIGNATURES: Final = Accepted(frozenset({PNG}), LARGEST_SIGNATURE)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that may be kept, with its place in the store."""

    document: KeptDocument
    content: bytes


def checked(school_id: int, purpose: str, given: tuple[str, bytes], accepted: Accepted) -> Upload:
    """A file (name and content) with a key of the school's that nobody can guess.

    Raises Conflict for a file that is empty, too large or of another type.
    """
    name, content = given
    if len(content) > accepted.largest:
        raise Conflict("document_too_large")
    kind = media_type(content)
    if kind is None or kind not in accepted.kinds:
        raise Conflict("document_type_unknown")
    key = f"schools/{school_id}/{purpose}/{uuid4().hex}.{ENDINGS[kind]}"
    return Upload(KeptDocument(key, plain_name(name, kind), kind, len(content)), content)


def keep(store: Store, upload: Upload) -> None:
    """Keep the file. Do it last before the commit of what names its key, so that a change which
    is refused leaves no file behind. Raises Busy when the store does not answer.
    """
    try:
        store.put(upload.document.key, upload.content, upload.document.kind)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error


def fetch_document(store: Store, school_id: int, key: str) -> bytes:
    """The content under one of the school's keys. Raises NotFound, and Busy as above."""
    if not key.startswith(f"schools/{school_id}/"):
        raise Conflict("document_of_another_school")
    try:
        return store.get(key)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error
