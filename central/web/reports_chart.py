"""Attendance day by day as bars: geometry for the template. Every bar stands on zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from central.reports.queries import DayTally

TOP: Final = 8
BOTTOM: Final = 22
RIGHT: Final = 46  # room for the labels at the lines
LINES: Final = (100, 85, 0)  # percent; 85 is where absence becomes severe
TICK_WIDTH: Final = 64  # of a date with air around it


@dataclass(frozen=True, slots=True)
class Size:
    """Text shrinks with a picture, so it is drawn for two widths and the style sheet chooses."""

    name: str
    width: int
    height: int


SIZES: Final = (Size("narrow", 340, 150), Size("wide", 1100, 170))


@dataclass(frozen=True, slots=True)
class Bar:
    on_date: date
    percent: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    percent: int
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    on_date: date
    x: float


@dataclass(frozen=True, slots=True)
class Drawing:
    size: Size
    right: float
    base: float
    bars: Sequence[Bar]
    lines: Sequence[Line]
    ticks: Sequence[Tick]


def draw(days: Sequence[DayTally], size: Size) -> Drawing:
    """One bar a day, as wide as they fit."""
    base, right = float(size.height - BOTTOM), float(size.width - RIGHT)
    step = right / max(len(days), 1)
    bars = [
        _bar(day, position * step, min(step * 0.8, 28.0), base) for position, day in enumerate(days)
    ]
    every = max(round(TICK_WIDTH / step), 1)
    return Drawing(
        size=size,
        right=right,
        base=base,
        bars=bars,
        lines=[Line(percent, _y(percent, base)) for percent in LINES],
        ticks=[Tick(bar.on_date, bar.x) for bar in bars[::every] if bar.x < right - TICK_WIDTH / 2],
    )


def _bar(day: DayTally, x: float, width: float, base: float) -> Bar:
    percent = day.tally.percent or 0.0
    y = _y(percent, base)
    return Bar(day.on_date, percent, round(x, 1), y, round(width, 1), round(base - y, 1))


def _y(percent: float, base: float) -> float:
    return round(base - percent / 100 * (base - TOP), 1)
