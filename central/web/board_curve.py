"""The arrivals curve as geometry: what the template draws, in units of the picture.

Text in an SVG shrinks with it, so the curve is drawn for three widths and the style sheet shows
the one that fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from central.attendance.board_rules import ArrivalCurve

LEFT, RIGHT, TOP, BOTTOM = 4, 44, 22, 24  # space around the plot for its labels
TICKS = (15, 30, 60, 120, 180)  # minutes between two labels of the time axis
TICK_WIDTH = 56  # of a label with air around it


@dataclass(frozen=True, slots=True)
class Size:
    name: str
    width: int
    height: int


SIZES = (Size("narrow", 340, 160), Size("medium", 700, 160), Size("wide", 1180, 160))


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """One curve at one size. Paths are SVG path data; empty ones are not drawn.

    ``end`` is the present point of today's line, ``label_x`` where its label begins and
    ``label_anchor`` towards which side it runs.
    """

    size: Size
    base: float
    plot_right: float
    band: str
    usual: str
    usual_end: float | None
    today: str
    area: str
    end: tuple[float, float] | None
    label_x: float
    label_anchor: str
    ticks: Sequence[Tick]
    bells: Sequence[Tick]
    top_label_y: float


def draw(curve: ArrivalCurve, expected: int, bells: Sequence[int], size: Size) -> Drawing:
    """Lay the curve out on ``size``; ``expected`` students are the top line."""
    scale = _Scale(curve, expected, size)
    today = [scale.point(second, count) for second, count in curve.today]
    usual = [scale.point(*at) for at in zip(curve.seconds, _each(curve, "middle"), strict=False)]
    low = [scale.point(*at) for at in zip(curve.seconds, _each(curve, "low"), strict=False)]
    high = [scale.point(*at) for at in zip(curve.seconds, _each(curve, "high"), strict=False)]
    end = today[-1] if today else None
    near_right = end is not None and end[0] > scale.right - 60
    return Drawing(
        size=size,
        base=scale.base,
        plot_right=scale.right,
        band=_closed([*high, *reversed(low)]),
        usual=_open(usual),
        usual_end=usual[-1][1] if usual else None,
        today=_open(today),
        area=_closed([*today, (end[0], scale.base), (today[0][0], scale.base)]) if end else "",
        end=end,
        label_x=(end[0] + (-8 if near_right else 8)) if end else 0,
        label_anchor="end" if near_right else "start",
        ticks=_ticks(curve.seconds, scale),
        bells=[Tick(scale.x(bell), clock(bell)) for bell in sorted(set(bells))],
        top_label_y=TOP - 6,
    )


def clock(second: int) -> str:
    """A second of the day as a wall clock shows it: ``8:05``."""
    return f"{second // 3600 % 24}:{second // 60 % 60:02}"


class _Scale:
    def __init__(self, curve: ArrivalCurve, expected: int, size: Size) -> None:
        self.first, self.last = curve.seconds[0], curve.seconds[-1]
        self.base = float(size.height - BOTTOM)
        self.right = float(size.width - RIGHT)
        counts = [count for _, count in curve.today] + list(_each(curve, "high"))
        self._most = max([expected, 1, *counts])

    def x(self, second: int) -> float:
        share = (second - self.first) / max(self.last - self.first, 1)
        return round(LEFT + share * (self.right - LEFT), 1)

    def point(self, second: int, count: int) -> tuple[float, float]:
        return self.x(second), round(self.base - count / self._most * (self.base - TOP), 1)


def _each(curve: ArrivalCurve, name: str) -> Iterable[int]:
    return (getattr(usual, name) for usual in curve.usual)


def _ticks(seconds: Sequence[int], scale: _Scale) -> list[Tick]:
    fits = max((scale.right - LEFT) / TICK_WIDTH, 1)
    span = (scale.last - scale.first) / 60
    minutes = next((step for step in TICKS if span / step <= fits), TICKS[-1])
    return [
        Tick(scale.x(second), clock(second))
        for second in seconds
        if second % (minutes * 60) == 0 and second < scale.last
    ]


def _open(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def _closed(points: Sequence[tuple[float, float]]) -> str:
    return f"{_open(points)}Z" if points else ""
