"""What the path of a reader in the settings names."""

from __future__ import annotations

import re

# nfcpy's notation for one port: a short name of a known kind, or any file name below /dev.
_NFCPY_PORT = re.compile(r"tty:(?:(?P<short>(?:S|ACM|AMA|USB)\d+)|(?P<name>[^:]+)):pn532")
_NFCPY_USB = re.compile(r"usb:(?P<vendor>[0-9a-fA-F]{4}):(?P<product>[0-9a-fA-F]{4})")


def serial_port(path: str) -> str | None:
    """The serial port of a PN532 that ``path`` names, if it names exactly one."""
    if path.startswith("/"):
        return path
    named = _NFCPY_PORT.fullmatch(path)
    if named is None:
        return None
    return f"/dev/tty{named['short']}" if named["short"] else f"/dev/{named['name']}"


def usb_product(path: str) -> tuple[str, str] | None:
    """Vendor and product, in lower-case hex, if ``path`` names a USB reader by them."""
    named = _NFCPY_USB.fullmatch(path)
    return None if named is None else (named["vendor"].lower(), named["product"].lower())
