"""Small files that a power cut leaves either as they were or as they should be."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

log = logging.getLogger(__name__)

_ASIDE: Final = ".damaged-"


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
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names of files durable too, not only their content. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> Path:
    """Rename a database and its companions together, so that a person can still recover it."""
    aside = path.with_name(f"{path.name}{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
    for suffix in ("", "-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    return aside


def was_set_aside(path: Path) -> bool:
    """Whether somebody has yet to look at a database that was once at ``path``."""
    return any(path.parent.glob(f"{path.name}{_ASIDE}*"))


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
