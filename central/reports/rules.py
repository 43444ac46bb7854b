"""How attendance over a time is summed up, and from where on absence is chronic. Pure.

A student attended a day on which they were present, late or left early. An absence counts whether
or not it is justified: what a child misses is the same. Days without class or without data count
neither way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ATTENDED: Final = ("present", "late", "left_early")
MISSED: Final = ("absent", "justified")

# From the best down, each with the share in percent from which it holds: the bands in which
# Chile's Agencia de Calidad reports attendance, with chronic absence below 90.
BANDS: Final = (("normal", 97), ("at_risk", 90), ("chronic", 85), ("severe", 0))
BAND_NAMES: Final = tuple(name for name, _ in BANDS)


@dataclass(frozen=True, slots=True)
class Tally:
    """Days of one student, or of many together."""

    attended: int = 0
    late: int = 0  # among those attended
    absent: int = 0
    justified: int = 0

    @property
    def expected(self) -> int:
        return self.attended + self.absent + self.justified

    @property
    def percent(self) -> float | None:
        """Attendance to a tenth; None where nothing was expected."""
        return round(self.attended * 100 / self.expected, 1) if self.expected else None

    @property
    def band(self) -> str | None:
        """The band by the exact share: 96.96 % shows as 97.0 but is below 97."""
        if not self.expected:
            return None
        return next(
            name
            for name, from_percent in BANDS
            if self.attended * 100 >= from_percent * self.expected
        )

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            attended=self.attended + other.attended,
            late=self.late + other.late,
            absent=self.absent + other.absent,
            justified=self.justified + other.justified,
        )


def sum_of(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def bands_of(tallies: Iterable[Tally]) -> dict[str, int]:
    """How many students are in each band, the best first; those without a day in none."""
    found = dict.fromkeys(BAND_NAMES, 0)
    for tally in tallies:
        if tally.band is not None:
            found[tally.band] += 1
    return found
