"""``python -m emulators.whatsapp``: the Cloud API and the guardians' phones, until SIGTERM."""

from __future__ import annotations

import logging
import sys
import threading

from emulators.processes import WrongConfig, log_to_stderr, serve_until_told_to_stop
from emulators.web import Server, Site
from emulators.whatsapp import settings
from emulators.whatsapp.behaviour import Behaviour
from emulators.whatsapp.cloud import Cloud
from emulators.whatsapp.control import Control
from emulators.whatsapp.deliveries import Deliveries
from emulators.whatsapp.graph import Graph
from emulators.whatsapp.page import Page
from emulators.whatsapp.phones import Phones
from emulators.whatsapp.settings import Settings
from emulators.whatsapp.state import StateFile

log = logging.getLogger("emulators.whatsapp")

SAVE_EVERY = 5.0  # seconds


def main(arguments: list[str] | None = None) -> int:
    log_to_stderr()
    try:
        return run(settings.from_arguments(sys.argv[1:] if arguments is None else arguments))
    except (WrongConfig, OSError) as error:  # OSError: a port in use, a folder that is not there
        log.error("cannot start: %s", error)
        return 2


def run(chosen: Settings) -> int:
    phones, behaviour = Phones(), Behaviour()
    deliveries = Deliveries(
        chosen.webhook_url, chosen.account.app_secret, lambda event: cloud.begins(event)
    )
    cloud = Cloud(chosen.account, phones, behaviour, deliveries)
    control = Control(chosen, cloud, phones, behaviour, deliveries)
    graph = Graph(chosen.account, cloud, control.released)
    page = Page(chosen.account.display_name)
    state = StateFile(chosen.state, phones, deliveries) if chosen.state else None
    if state is not None:
        state.load()
    routes = [*graph.routes(), *control.routes(), *page.routes()]
    server = Server(chosen.host, chosen.port, Site(routes))
    log.info("WhatsApp emulator at http://%s:%d", chosen.host, server.port)
    deliveries.start()
    stopped = threading.Event()
    keeper = threading.Thread(target=_keep, args=(state, stopped), name="keeper")
    keeper.start()
    serve_until_told_to_stop(server)
    deliveries.stop()
    stopped.set()
    keeper.join()
    return 0


def _keep(state: StateFile | None, stopped: threading.Event) -> None:
    """Save now and then, and once more at the end."""
    while state is not None and not stopped.wait(SAVE_EVERY):
        state.save_if_changed()
    if state is not None:
        state.save()


if __name__ == "__main__":
    sys.exit(main())
