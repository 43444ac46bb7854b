"""Builds what speaks with central beside taps: orders, configuration, anchors, the roster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from contracts.control import Answer
from contracts.messages import Anchor
from edge_agent.anchors import Anchors
from edge_agent.central_link import CentralLink
from edge_agent.clock import Clock
from edge_agent.commands import Commands
from edge_agent.correspondence import Desk, Outgoing, anchor_message, answer_message
from edge_agent.debounce import Debounce
from edge_agent.device_key import DeviceKey, DeviceKeyUnusable
from edge_agent.feedback.chosen import ChosenFeedback
from edge_agent.knobs import knobs
from edge_agent.log_memory import LogMemory
from edge_agent.orders import Orders
from edge_agent.roster import RosterFile
from edge_agent.roster_fetch import RosterFetch
from edge_agent.selftest import SelfTest
from edge_agent.settings import Settings, SettingsError
from edge_agent.shadow import Shadow
from edge_agent.wake import Wake


@dataclass(frozen=True)
class Gate:
    """The parts of the agent that central may ask about or change."""

    clock: Clock
    wake: Wake
    debounce: Debounce
    feedback: ChosenFeedback
    roster: RosterFile
    selftest: SelfTest
    logs: LogMemory


@dataclass(frozen=True)
class Office:
    """``fetch`` is None where somebody else replaces the roster's file."""

    desk: Desk
    anchors: Anchors
    commands: Commands
    fetch: RosterFetch | None

    def leave(self) -> None:
        """Let the threads look whether they should stop."""
        self.commands.leave()
        if self.fetch is not None:
            self.fetch.ask()


def open_office(
    settings: Settings, gate: Gate, stop: threading.Event, restart: Callable[[], None]
) -> Office:
    """``restart`` ends this process, to be started again; it returns at once.

    Raises SettingsError for a key that is of no use.
    """
    outgoing = Outgoing(gate.wake.set)

    def tell(anchor: Anchor) -> None:
        outgoing.put(anchor_message(settings.device, anchor))

    anchors = Anchors(settings.data_dir / "anchors.json", gate.clock, tell)
    fetch = _fetch(settings, gate)
    shadow = Shadow(
        settings.data_dir / "desired.json",
        knobs(gate.debounce, settings.repeat_window_s, gate.feedback),
    )
    shadow.restore()
    ask = _nothing if fetch is None else fetch.ask
    orders = Orders(
        gate.clock,
        gate.feedback,
        gate.logs,
        gate.selftest,
        stop,
        restart=restart,
        sync=ask,
        camera=gate.selftest.vitals.camera,
    )

    def answer(said: Answer) -> None:
        outgoing.put(answer_message(settings.device, said))

    commands = Commands(gate.clock, orders.actions(), settings.data_dir / "commands.json", answer)
    noticed = (lambda _: None) if fetch is None else fetch.noticed
    desk = Desk(settings.device, outgoing, anchors, shadow, commands, noticed)
    return Office(desk, anchors, commands, fetch)


def link_to_central(settings: Settings, clock: Clock) -> CentralLink | None:
    """A connection of its own for one part; None where the gate knows no central.

    Raises SettingsError for a key that is of no use.
    """
    if settings.central is None:
        return None
    try:
        key = DeviceKey.from_file(settings.device, settings.central.key_file)
    except DeviceKeyUnusable as error:
        raise SettingsError(f"central.key_file: expected a P-256 key in PEM ({error})") from error
    return CentralLink(settings.central, key, clock)


def _fetch(settings: Settings, gate: Gate) -> RosterFetch | None:
    link = link_to_central(settings, gate.clock)
    return None if link is None else RosterFetch(link, gate.roster)


def _nothing() -> None:
    """Nobody fetches the roster here."""
