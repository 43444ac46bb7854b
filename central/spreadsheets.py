"""Files for spreadsheets that open well and do nothing by themselves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

# A cell that begins with one of these is a formula to Excel and LibreOffice, whoever typed it:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BOM: Final = "\ufeff"  # or Excel reads UTF-8 as something else


def csv_file(rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with a mark, semicolons as Spanish spreadsheets expect them, no cell a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    for row in rows:
        writer.writerow([plain_cell(cell) for cell in row])
    return (_BOM + text.getvalue()).encode()


def plain_cell(cell: object) -> object:
    """``cell``, with an apostrophe before text that a spreadsheet would calculate."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell
