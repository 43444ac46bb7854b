"""What a file is, by its first bytes: its name and what the browser calls it prove nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

LARGEST_DOCUMENT: Final = 10 * 1024 * 1024  # a photo of a certificate at full resolution
LARGEST_SIGNATURE: Final = 256 * 1024  # a drawn line is a few kilobytes
LONGEST_NAME: Final = 120

PDF, JPEG, PNG, WEBP = "application/pdf", "image/jpeg", "image/png", "image/webp"
ENDINGS: Final[Mapping[str, str]] = {PDF: "pdf", JPEG: "jpg", PNG: "png", WEBP: "webp"}
IMAGES: Final = frozenset({JPEG, PNG, WEBP})

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")  # and turned-round text


def media_type(content: bytes) -> str | None:
    """The media type of a PDF, JPEG, PNG or WebP; None for everything else."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    return None


def plain_name(given: str, kind: str) -> str:
    """A file name to show and to save under: no folders, no tricks, the ending of what it is."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    stem = _CONTROL.sub("", name).rpartition(".")[0] or _CONTROL.sub("", name)
    stem = stem.strip(" .")[: LONGEST_NAME - 5].strip(" .") or "document"
    return f"{stem}.{ENDINGS[kind]}"
