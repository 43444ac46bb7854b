"""What the workers do, called by name through Redis.

Jobs carry no data: each looks into the database for its work, so a job that is lost, repeated or
forged does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

from central.logging import job_context
from central.notifications.delivery import Delivery
from central.queue import Queue


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker process opened once for all its jobs."""

    delivery: Delivery
    queue: Queue


_equipment: Equipment | None = None


def equip(equipment: Equipment | None) -> None:
    """Give this process's jobs what they work with; the worker does it before its first job."""
    global _equipment  # RQ calls jobs by name and can hand them nothing
    _equipment = equipment


def drain() -> None:
    """Send the messages that are due."""
    if _equipment is None:
        raise RuntimeError("start the worker with: python -m central.jobs worker")
    with job_context("drain"):
        if _equipment.delivery.drain():
            _equipment.queue.wake_drain()
