"""Builds the parts of an agent from its settings, and says what of them runs.

A new part gets a builder of its own here, or a module beside it if it takes more than a few lines,
and puts what it has to do into ``Duties``. Nothing runs before all is built: a wrong setting stops
the start, not the first tap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from edge_agent import readers
from edge_agent.capture import Capture, Desk
from edge_agent.cards import CardNames
from edge_agent.clock import CLOCKS, Clock
from edge_agent.debounce import Debounce
from edge_agent.doctor_desk import DoctorDesk
from edge_agent.evacuation.part import EvacuationPart
from edge_agent.feedback.build import build_feedback
from edge_agent.feedback.chosen import ChosenFeedback
from edge_agent.health import Vitals
from edge_agent.identity import IdentityKeeper
from edge_agent.identity_part import keep_identity
from edge_agent.log_memory import LogMemory
from edge_agent.office import Gate, Office, link_to_central, open_office
from edge_agent.outbox import Outbox
from edge_agent.photos.desk import NoPhotos
from edge_agent.photos.part import PhotosPart
from edge_agent.reader_settings import AUTO, ReaderSettings
from edge_agent.readers.reset import reset
from edge_agent.readers.watch import Watch
from edge_agent.roster import RosterFile
from edge_agent.screen.hub import Screen
from edge_agent.screen.server import ScreenPage
from edge_agent.selftest import SelfTest
from edge_agent.service_card import ServiceCard
from edge_agent.settings import Settings, SettingsError
from edge_agent.staff_taps import StaffTaps
from edge_agent.threads import Threads
from edge_agent.updates.part import UpdatesPart
from edge_agent.uplink import Identity, Uplink
from edge_agent.wake import Wake
from edge_agent.watchdog import (
    DISK_SECONDS,
    READER_SECONDS,
    UPLINK_SECONDS,
    Beat,
    DiskBeat,
    Pulse,
)

Take = Callable[[str, readers.Sighting], None]


@dataclass(frozen=True)
class Duties:
    """What the parts do while the agent runs.

    ``threads`` by name, each ending soon after the event is set; ``looks`` are taken once a second
    on the main thread and must be quick; ``goodbyes`` wake whoever waits, so that it sees the stop.
    """

    threads: list[tuple[str, Callable[[threading.Event], None]]] = field(default_factory=list)
    looks: list[Callable[[], None]] = field(default_factory=list)
    goodbyes: list[Callable[[], None]] = field(default_factory=list)


@dataclass(frozen=True)
class Agent:
    """All parts, ready to run."""

    outbox: Outbox
    duties: Duties
    pulse: Pulse


@dataclass(frozen=True)
class Core:
    """What nearly every part needs."""

    settings: Settings
    clock: Clock
    wake: Wake
    outbox: Outbox
    roster: RosterFile
    debounce: Debounce
    feedback: ChosenFeedback
    logs: LogMemory


def build(settings: Settings, logs: LogMemory, threads: Threads) -> Agent:
    """Raises SettingsError and OutboxUnavailable."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    devices = [(reader, _device(reader)) for reader in settings.readers]
    duties = Duties()
    screen = _screen(settings, duties)
    core = _core(settings, logs, screen)
    duties.looks.append(core.roster.refresh)
    staff = StaffTaps(_evacuation(core, duties), lambda: service_card.tapped())
    photos = _photos(core, duties)
    watches = _watches(devices, _take(core, staff, photos), duties)
    keeper = _identity(core, threads, duties, lambda: uplink.reconnect())
    days = keeper.days_left if keeper else lambda: None
    camera = photos.camera if photos else None
    vitals = Vitals(settings.data_dir, core.outbox, core.roster, watches, core.clock, days, camera)
    more = [camera.finding] if camera else []
    selftest = SelfTest(vitals, settings.broker, lambda: uplink.is_connected, more)
    service_card = _service_card(core, selftest, duties)
    duties.threads.append(("doctor", DoctorDesk(settings.data_dir, selftest).run))
    office = _office(core, selftest, threads, duties)
    doubt = keeper.doubt if keeper else lambda: None
    identity = Identity(settings.device, settings.broker, core.clock, office.desk, doubt)
    uplink = Uplink(identity, core.outbox, core.wake, vitals.take)
    if photos is not None:
        photos.watch_connection(lambda: uplink.is_connected)
    duties.threads.append(("uplink", uplink.run))
    duties.goodbyes.append(core.wake.set)
    _updates(core, watches, uplink, duties)
    if screen is not None:
        duties.looks.append(
            lambda: screen.note(online=uplink.is_connected, clock=core.clock().clock)
        )
    return Agent(core.outbox, duties, _pulse(settings, watches, uplink, duties))


def _pulse(settings: Settings, watches: Sequence[Watch], uplink: Uplink, duties: Duties) -> Pulse:
    disk = DiskBeat(settings.data_dir)
    duties.threads.append(("disk", disk.run))
    beats = [
        *(
            Beat(watch.name, partial(getattr, watch, "beat_at"), READER_SECONDS)
            for watch in watches
        ),
        Beat("uplink", lambda: uplink.beat_at, UPLINK_SECONDS),
        Beat("disk", lambda: disk.beat_at, DISK_SECONDS),
    ]

    def status() -> str:
        ready = sum(watch.is_ready for watch in watches)
        link = "online" if uplink.is_connected else "offline"
        return f"{link}, {ready} of {len(watches)} readers ready"

    return Pulse(beats, status)


def _identity(
    core: Core, threads: Threads, duties: Duties, reconnect: Callable[[], None]
) -> IdentityKeeper | None:
    keeper = keep_identity(core.settings, core.clock, threads, reconnect)
    if keeper is not None:
        duties.threads.append(("identity", keeper.run))
        duties.goodbyes.append(keeper.leave)
    return keeper


def _core(settings: Settings, logs: LogMemory, screen: Screen | None) -> Core:
    roster = RosterFile(settings.roster, settings.data_dir / "roster.last-good.json")
    outbox = Outbox.open(settings.data_dir / "outbox.db")
    roster.load()
    return Core(
        settings=settings,
        clock=CLOCKS[settings.clock],
        wake=Wake(),
        outbox=outbox,
        roster=roster,
        debounce=Debounce(settings.repeat_window_s),
        feedback=build_feedback(settings.feedback, screen),
        logs=logs,
    )


def _take(core: Core, staff: StaffTaps, photos: PhotosPart | None) -> Take:
    """What happens with each card. Whoever else wants to know of it comes after the answer."""
    site = core.settings.site
    names = CardNames(site.key, site.token_domain)
    directions = _directions(core.settings.readers)
    desk = Desk(
        names,
        core.roster,
        core.clock,
        core.feedback,
        staff,
        NoPhotos() if photos is None else photos.desk,
        directions,
    )
    return Capture(desk, core.outbox, core.debounce, core.wake.set).take


def _directions(settings: Sequence[ReaderSettings]) -> Mapping[str, str]:
    return {reader.name: reader.direction for reader in settings if reader.direction != AUTO}


def _updates(core: Core, watches: Sequence[Watch], uplink: Uplink, duties: Duties) -> None:
    settings, link = core.settings.updates, link_to_central(core.settings, core.clock)
    if settings is None or link is None:
        return
    part = UpdatesPart(settings, link, watches, lambda: uplink.is_connected)
    duties.threads.append(("updates", part.fetch.run))
    duties.looks.append(part.look)
    duties.goodbyes.append(part.fetch.ask)


def _evacuation(core: Core, duties: Duties) -> Callable[[bytes], None]:
    """What hears of staff cards."""
    settings = core.settings
    link = link_to_central(settings, core.clock)
    if settings.evacuation is None or link is None:
        return lambda _: None
    part = EvacuationPart(settings.evacuation, settings.device, settings.data_dir, link, core.clock)
    duties.threads.append(("evacuation list", part.refresh))
    duties.threads.append(("evacuation page", part.serve))
    return part.card_tapped


def _photos(core: Core, duties: Duties) -> PhotosPart | None:
    """None at a gate without a camera."""
    settings = core.settings
    link = link_to_central(settings, core.clock)
    if settings.camera is None or link is None:
        return None
    part = PhotosPart(settings, core.outbox, core.roster, link, core.clock)
    duties.threads.append(("camera", part.run_camera))
    duties.threads.append(("photos", part.send))
    duties.looks.append(part.look)
    duties.goodbyes.append(part.leave)
    return part


def _watches(
    devices: Sequence[tuple[ReaderSettings, readers.Reader]], take: Take, duties: Duties
) -> list[Watch]:
    watches = [
        Watch(reader.name, device, take, partial(reset, reader.path)) for reader, device in devices
    ]
    duties.threads.extend((f"reader {watch.name}", watch.run) for watch in watches)
    return watches


def _service_card(core: Core, selftest: SelfTest, duties: Duties) -> ServiceCard:
    part = ServiceCard(core.clock, core.feedback, selftest)
    duties.threads.append(("service card", part.run))
    duties.goodbyes.append(part.leave)
    return part


def _office(core: Core, selftest: SelfTest, threads: Threads, duties: Duties) -> Office:
    gate = Gate(
        clock=core.clock,
        wake=core.wake,
        debounce=core.debounce,
        feedback=core.feedback,
        roster=core.roster,
        selftest=selftest,
        logs=core.logs,
    )
    office = open_office(core.settings, gate, threads.stop, threads.start_again)
    duties.threads.append(("orders", office.commands.run))
    if office.fetch is not None:
        duties.threads.append(("roster", office.fetch.run))
    duties.looks.append(office.anchors.look)
    duties.goodbyes.append(office.leave)
    return office


def _device(reader: ReaderSettings) -> readers.Reader:
    try:
        return readers.make(reader.driver, reader.path, reader.options)
    except ImportError as error:
        raise SettingsError(
            f'readers: driver "{reader.driver}" needs a library that is not installed ({error})'
        ) from error


def _screen(settings: Settings, duties: Duties) -> Screen | None:
    if settings.screen is None:
        return None
    screen = Screen(settings.screen, settings.device)
    duties.threads.append(("screen", ScreenPage(settings.screen, screen).serve))
    return screen
