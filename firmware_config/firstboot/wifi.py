"""A network connection as NetworkManager keeps it."""

from __future__ import annotations

import uuid

from contracts.provisioning import Wifi


def connection(wifi: Wifi) -> str:
    """A keyfile (nm-settings-keyfile(5)); of the same network always the same."""
    lines = [
        "[connection]",
        "id=school-gate",
        f"uuid={uuid.uuid5(uuid.NAMESPACE_DNS, wifi.ssid + '.wifi.school-gate')}",
        "type=wifi",
        "autoconnect-retries=0",  # for ever: a school's access point may be off all summer
        "",
        "[wifi]",
        f"ssid={_ssid(wifi.ssid)}",
        "mode=infrastructure",
        "",
    ]
    if wifi.password is not None:
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={_escaped(wifi.password)}", ""]
    lines += ["[ipv4]", "method=auto", "", "[ipv6]", "method=auto", ""]
    return "\n".join(lines)


def _ssid(ssid: str) -> str:
    """As bytes, which every name survives."""
    return "".join(f"{byte};" for byte in ssid.encode())


def _escaped(value: str) -> str:
    """GKeyFile strips spaces at the beginning and takes a backslash for an escape."""
    escaped = value.replace("\\", "\\\\")
    return "\\s" + escaped[1:] if escaped.startswith(" ") else escaped
