"""Whom a gate believes: TLS that also works while the gate does not know what day it is.

A Pi that starts with the date of years ago, or of years ahead, would find every certificate not
yet valid or expired, and could then never hear from anybody what time it is. So while the clock is
unsynced the *time* in certificates is not looked at. Who signed them and whose they are is checked
in any case.
"""

from __future__ import annotations

import ssl
from pathlib import Path

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; ssl has no name


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """For connections to whoever ``ca_file`` vouches for; None: the system's authorities."""
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def mind_the_clock(context: ssl.SSLContext, clock: str) -> None:
    """Set for the next connection whether certificates' times count; ``clock`` as in a tap."""
    flags = int(context.verify_flags) & ~_NO_CHECK_TIME
    if clock != "synced":
        flags |= _NO_CHECK_TIME
    context.verify_flags = ssl.VerifyFlags(flags)
