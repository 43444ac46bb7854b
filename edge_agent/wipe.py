"""What a gate forgets when it was revoked: everything that says anything about anybody.

Taps that central has not receipted stay. They hold keyed digests and times, which nobody can read
without the key that is wiped here, and reach central if the gate is enrolled again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from edge_agent.identity_files import IdentityFiles
from edge_agent.settings import Settings

log = logging.getLogger(__name__)

KEPT: Final = ("outbox.db",)  # with SQLite's own files beside it


def wipe(settings: Settings) -> None:
    """Forget. Safe to repeat, and repeated at the next start if it was cut short."""
    marker = _marker(settings)
    marker.touch()
    for path in (*_secrets(settings), *_content(settings.data_dir)):
        kept = path.name.startswith(KEPT) or path == marker or path in marker.parents
        if not kept:
            _destroy(path)
    log.warning("this gate was revoked: roster, photos and keys are wiped")


def is_wiped(config: Path) -> bool:
    """Whether the gate of these settings was revoked, and not enrolled again since.

    Asked before the settings are read as a whole: they name files that are gone.
    """
    try:
        told: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
        key_file = config.absolute().parent / str(told["central"]["key_file"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return IdentityFiles(key_file.parent).revoked.exists()


def _marker(settings: Settings) -> Path:
    assert settings.central is not None  # only central revokes
    return IdentityFiles(settings.central.key_file.parent).revoked


def _secrets(settings: Settings) -> Iterator[Path]:
    assert settings.central is not None
    files = IdentityFiles(settings.central.key_file.parent)
    yield settings.central.key_file
    yield from (files.certificate, files.site_key, files.told, settings.roster)
    if settings.site.key_file is not None:
        yield settings.site.key_file
    if settings.broker.tls is not None:
        tls = settings.broker.tls
        yield from (path for path in (tls.cert_file, tls.key_file) if path is not None)


def _content(data_dir: Path) -> Iterable[Path]:
    with contextlib.suppress(OSError):
        yield from list(data_dir.iterdir())


def _destroy(path: Path) -> None:
    """Overwrite and remove; what a flash card keeps of it beyond that, nobody can reach from here.

    A folder goes as a whole. What cannot be removed is logged, and the rest goes on.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
            return
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        log.error("%s could not be wiped: %s", path.name, error)
