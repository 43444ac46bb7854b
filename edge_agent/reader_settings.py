"""The readers among the agent's settings: the tables ``[[readers]]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts import fields, messages
from edge_agent.readers import DRIVERS
from edge_agent.readers.keys import LAYOUTS
from edge_agent.tables import Table

AUTO = "auto"
DIRECTIONS = messages.DIRECTIONS | {AUTO}

_FILE = r"/[^\x00-\x1f\x7f]{1,200}"
_PATHS = {  # driver → what its path looks like, and an example
    "nfcpy": (
        re.compile(_FILE + r"|[A-Za-z0-9:._+-]{1,200}"),
        "a device path such as tty:AMA0:pn532",
    ),
    "pcsc": (re.compile(r"[^\x00-\x1f\x7f]{1,200}"), 'a part of the name of a reader, or "*"'),
    "hid": (re.compile(_FILE), "a device path such as /dev/input/by-id/usb-scanner-event-kbd"),
}


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """``direction`` is ``in`` or ``out`` where one only goes that way, else ``auto``.

    ``options`` are the driver's own: the ``layout`` of ``hid``.
    """

    name: str
    driver: str
    path: str
    direction: str
    options: Mapping[str, str] = field(default_factory=dict)


def reader_settings(root: Table) -> tuple[ReaderSettings, ...]:
    readers: dict[str, ReaderSettings] = {}
    for table in root.tables("readers"):
        reader = _reader(table)
        table.done()
        if reader.name in readers:
            raise table.wrong("name", "a name that no other reader has")
        readers[reader.name] = reader
    return tuple(readers.values())


def _reader(table: Table) -> ReaderSettings:
    name = table.text("name", fields.NAME, "letters, digits and . _ : + -")
    driver = table.choice("driver", DRIVERS)
    pattern, example = _PATHS[driver]
    return ReaderSettings(
        name=name,
        driver=driver,
        path=table.text("path", pattern, example),
        direction=table.choice("direction", DIRECTIONS, AUTO),
        options=_options(driver, table),
    )


def _options(driver: str, table: Table) -> dict[str, str]:
    return {"layout": table.choice("layout", LAYOUTS, "us")} if driver == "hid" else {}
