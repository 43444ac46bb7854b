"""The school year of the demo school. Demo data: a real school enters its own.

Pure: the same date gives the same calendar. Terms and winter break follow what schools in Santiago
usually have; the year is stretched where needed, so that the demo is in session whenever it is
made. Holidays are those of Chile's laws, without the days of elections.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from central.calendar.rules import Span

_DAY = timedelta(days=1)
# Ley 21.357: the day of the indigenous peoples is the winter solstice, on Chile's clocks.
_SOLSTICE_ON_20_JUNE: Final = frozenset({2024, 2025, 2028, 2029})


@dataclass(frozen=True, slots=True)
class DemoYear:
    """A school year in session on some date, and its terms."""

    year: int
    span: Span
    terms: tuple[Span, ...]


def demo_year(on: date) -> DemoYear:
    """The school year around ``on``, with eight weeks before and four after it."""
    first = min(date(on.year, 3, 4), on - timedelta(weeks=8))
    last = max(date(on.year, 12, 18), on + timedelta(weeks=4))
    monday = date(on.year, 6, 22) - timedelta(days=date(on.year, 6, 22).weekday())
    winter_break = Span(monday, monday + timedelta(days=11))
    around = Span(winter_break.starts_on - _DAY, winter_break.ends_on + timedelta(weeks=2))
    if around.holds(on):  # a demo made in a vacation would show nothing
        terms = (Span(first, winter_break.ends_on), Span(winter_break.ends_on + _DAY, last))
    else:
        terms = (
            Span(first, winter_break.starts_on - _DAY),
            Span(winter_break.ends_on + _DAY, last),
        )
    return DemoYear(on.year, Span(first, last), terms)


def holidays(year: int) -> list[tuple[date, str]]:
    """Chile's holidays of a year, in order, by their Spanish names."""
    easter = _easter_sunday(year)
    indigenous = 20 if year in _SOLSTICE_ON_20_JUNE else 21
    found = [
        (date(year, 1, 1), "Año Nuevo"),
        (easter - 2 * _DAY, "Viernes Santo"),
        (easter - _DAY, "Sábado Santo"),
        (date(year, 5, 1), "Día del Trabajo"),
        (date(year, 5, 21), "Día de las Glorias Navales"),
        (date(year, 6, indigenous), "Día Nacional de los Pueblos Indígenas"),
        (_moved_to_monday(date(year, 6, 29)), "San Pedro y San Pablo"),
        (date(year, 7, 16), "Virgen del Carmen"),
        (date(year, 8, 15), "Asunción de la Virgen"),
        (date(year, 9, 18), "Independencia Nacional"),
        (date(year, 9, 19), "Glorias del Ejército"),
        (_moved_to_monday(date(year, 10, 12)), "Encuentro de Dos Mundos"),
        (_reformation_day(year), "Día de las Iglesias Evangélicas"),
        (date(year, 11, 1), "Todos los Santos"),
        (date(year, 12, 8), "Inmaculada Concepción"),
        (date(year, 12, 25), "Navidad"),
        *((day, "Fiestas Patrias") for day in _between_weekend_and_september_18(year)),
    ]
    return sorted(found)


def _moved_to_monday(day: date) -> date:
    """Ley 19.668: from Tuesday to Thursday to the Monday before, from Friday to the one after."""
    weekday = day.isoweekday()
    if 2 <= weekday <= 4:
        return day - timedelta(days=weekday - 1)
    return day + timedelta(days=3) if weekday == 5 else day


def _reformation_day(year: int) -> date:
    """Ley 20.299: from a Tuesday to the Friday before, from a Wednesday to the Friday after."""
    day = date(year, 10, 31)
    return day + timedelta(days={2: -4, 3: 2}.get(day.isoweekday(), 0))


def _between_weekend_and_september_18(year: int) -> Iterator[date]:
    """Leyes 20.215 and 20.983: a 17th on Monday or Friday, a 20th on Friday."""
    if date(year, 9, 17).isoweekday() in (1, 5):
        yield date(year, 9, 17)
    if date(year, 9, 20).isoweekday() == 5:
        yield date(year, 9, 20)


def _easter_sunday(year: int) -> date:
    """By the Gregorian computus, in the form of Meeus, Astronomical Algorithms, chapter 8."""
    golden = year % 19
    century, in_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * rest + 2 * (in_century // 4) - moon - in_century % 4) % 7
    shift = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
