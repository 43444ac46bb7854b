"""Files in requests and answers: in base64 in a body, as they are in an answer."""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final

from flask import current_app

from central.media.document_rules import IMAGES, PDF, PNG
from central.media.document_service import Accepted, Upload, checked
from central.media.store import Store

_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
# What an operation says that answers with one.
A_DOCUMENT: Final[dict[Any, Any]] = {
    200: {"description": "The file", "content": dict.fromkeys((PDF, *sorted(IMAGES)), _FILE)}
}
A_SIGNATURE: Final[dict[Any, Any]] = {200: {"description": "The picture", "content": {PNG: _FILE}}}
A_TABLE: Final[dict[Any, Any]] = {
    200: {"description": "A table", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


def documents() -> Store:
    store: Store = current_app.extensions["documents"]
    return store


def upload(school_id: int, purpose: str, name: str, base64: str, accepted: Accepted) -> Upload:
    """A file that came in base64. Raises Conflict for one that is not taken."""
    return checked(school_id, purpose, (name, b64decode(base64)), accepted)
