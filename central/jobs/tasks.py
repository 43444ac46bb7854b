"""What the workers do, called by name through Redis.

Jobs carry no data: each looks into the database for its work, so a job that is lost, repeated or
forged does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from central.logging import job_context
from central.notifications.delivery import Delivery
from central.queue import Queue


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker process opened once for all its jobs."""

    delivery: Delivery
    queue: Queue
    photos: Callable[[], bool]  # whether it left something for a next run


_equipment: Equipment | None = None


def equip(equipment: Equipment | None) -> None:
    """Give this process's jobs what they work with; the worker does it before its first job."""
    global _equipment  # RQ calls jobs by name and can hand them nothing
    _equipment = equipment


def drain() -> None:
    """Send the messages that are due."""
    equipment = _equipped()
    with job_context("drain"):
        if equipment.delivery.drain():
            equipment.queue.wake_drain()


def photos() -> None:
    """Open the photos that gates sent, and delete those whose time is over."""
    equipment = _equipped()
    with job_context("photos"):
        if equipment.photos():
            equipment.queue.wake_photos()


def _equipped() -> Equipment:
    if _equipment is None:
        raise RuntimeError("start the worker with: python -m central.jobs worker")
    return _equipment
