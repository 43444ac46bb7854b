"""Small files that a power cut leaves either as they were or as they should be."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``, whole and on the disk when this returns. Raises OSError.

    Only our own user can read it: there are names and keys in what we keep.
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)  # of a power cut, perhaps with other permissions
    with open(draft, "xb", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def keep_json(path: Path, value: Any) -> None:
    """As ``replace_file``; a disk that refuses is logged, because the agent works on without."""
    try:
        replace_file(path, json.dumps(value).encode())
    except OSError as error:
        log.warning("%s could not be kept: %s", path.name, error)


def kept_json(path: Path) -> Any:
    """What ``keep_json`` wrote; None if there is nothing of use."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s is of no use: %s", path.name, error)
        return None
