"""The people of the demo school, drawn from a fixed seed so that every installation has the same.

Pure: no database, no clock. 450 families with two guardians each and one to three children.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from central.demo.names import BOYS, GIRLS, MEN, SURNAMES, WOMEN

LEVELS = (*(f"{grade}° Básico" for grade in range(1, 9)), "1° Medio")
COURSES = tuple(f"{level} {section}" for level in LEVELS for section in "AB")
CHILDREN_OF_FAMILIES = (1,) * 320 + (2,) * 110 + (3,) * 20  # 600 students, 450 families


@dataclass(frozen=True, slots=True)
class DemoStudent:
    given_names: str
    family_names: str
    course: int  # index in COURSES
    photo_opt_in: bool


@dataclass(frozen=True, slots=True)
class DemoGuardian:
    full_name: str
    phone: str
    relationship: str
    told: bool


@dataclass(frozen=True, slots=True)
class Family:
    children: tuple[DemoStudent, ...]
    guardians: tuple[DemoGuardian, DemoGuardian]


def families() -> Iterator[Family]:
    """Every family of the demo school, always the same and in the same order."""
    draw = random.Random(2026)  # noqa: S311  (made-up people, not a secret)
    sizes = list(CHILDREN_OF_FAMILIES)
    draw.shuffle(sizes)
    seats = _seats(sum(sizes))
    draw.shuffle(seats)
    for number, size in enumerate(sizes):
        courses = [seats.pop() for _ in range(size)]
        yield _family(draw, number, courses)


def _seats(students: int) -> list[int]:
    """Course indexes, as many as students and as even as can be."""
    return [seat % len(COURSES) for seat in range(students)]


def _family(draw: random.Random, number: int, courses: list[int]) -> Family:
    father_name, mother_name = draw.sample(SURNAMES, 2)
    surnames = f"{father_name} {mother_name}"
    names = draw.sample(GIRLS + BOYS, len(courses))
    children = tuple(
        DemoStudent(name, surnames, course, photo_opt_in=draw.random() < 0.8)
        for name, course in zip(names, courses, strict=True)
    )
    mother = DemoGuardian(
        f"{draw.choice(WOMEN)} {mother_name} {draw.choice(SURNAMES)}",
        _phone(2 * number),
        "mother",
        told=True,
    )
    father = DemoGuardian(
        f"{draw.choice(MEN)} {father_name} {draw.choice(SURNAMES)}",
        _phone(2 * number + 1),
        "father",
        told=draw.random() < 0.2,
    )
    return Family(children, (mother, father))


def _phone(number: int) -> str:
    """A number in Chile's mobile form whose block (+56 9 0…) is assigned to nobody."""
    return f"+5690{1_000_000 + number * 37:07}"
