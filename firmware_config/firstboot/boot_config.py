"""What the firmware and the kernel of a Raspberry Pi are told, as text in and text out."""

from __future__ import annotations

from typing import Final

# The PL011 port for the reader: the mini-UART is too slow for a child's patience. On a Pi 5 it is a
# port of its own, on earlier ones Bluetooth has to leave it.
_BEGIN: Final = "# school gate: begin"
_END: Final = "# school gate: end"
_SERIAL_PORT: Final = f"""{_BEGIN}
[pi5]
dtparam=uart0=on
[pi4]
dtoverlay=disable-bt
[pi3]
dtoverlay=disable-bt
[pi02]
dtoverlay=disable-bt
[all]
enable_uart=1
{_END}
"""
_SERIAL_CONSOLES: Final = ("console=serial0", "console=ttyAMA0", "console=ttyS0")


def with_serial_port(config_txt: str) -> str:
    """``config.txt`` with the serial port for the reader; once, however often it is done."""
    kept, ours = [], False
    for line in config_txt.splitlines():
        if line == _BEGIN:
            ours = True
        if not ours:
            kept.append(line)
        if line == _END:
            ours = False
    return "".join(f"{line}\n" for line in kept) + _SERIAL_PORT


def without_serial_console(cmdline_txt: str) -> str:
    """``cmdline.txt`` without a console on the reader's port; it must stay one line."""
    words = [word for word in cmdline_txt.split() if not word.startswith(_SERIAL_CONSOLES)]
    return " ".join(words) + "\n"


def wants_serial_port(reader_path: str) -> bool:
    return reader_path.startswith(("tty:AMA", "/dev/ttyAMA", "/dev/serial"))
