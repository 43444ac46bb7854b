"""Taking the file that the agent left, without being led astray by whoever owns its folder.

The agent may have been taken over: its folder can hold links to other places, pipes, or a file
that changes while it is read. So links are not followed and what is looked at is a copy.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from contracts.releases import MOST_BYTES, ReleaseRefused

NAME: Final = "release.zip"


def take(folder: Path) -> IO[bytes] | None:
    """A private copy of what lies in the inbox, which is then empty; None if nothing does.

    Raises ReleaseRefused for something that cannot be a release; the inbox is empty then too.
    """
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return _copy_of(place)
    finally:
        with suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(NAME, dir_fd=place)
        os.close(place)


def _copy_of(place: int) -> IO[bytes] | None:
    try:
        handle = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except FileNotFoundError:
        return None
    except OSError as error:  # a link
        raise ReleaseRefused("no_release", "not a file") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise ReleaseRefused("no_release", "no file, or too large")
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(file, copy)
    copy.seek(0)
    return copy
