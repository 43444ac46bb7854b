"""Builds what keeps a gate's certificate fresh, from the settings."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.clock import Clock
from edge_agent.identity import IdentityKeeper
from edge_agent.office import link_to_central
from edge_agent.settings import Settings
from edge_agent.threads import Threads


def keep_identity(
    settings: Settings, clock: Clock, threads: Threads, reconnect: Callable[[], None]
) -> IdentityKeeper | None:
    """None where the gate has no certificate, or no central that could renew it.

    Raises SettingsError.
    """
    link = link_to_central(settings, clock)
    tls = settings.broker.tls
    if link is None or settings.central is None or tls is None or tls.cert_file is None:
        return None
    # Whoever speaks HTTPS has read whom to trust when it started.
    shared = settings.central.ca_file == tls.ca_file
    return IdentityKeeper(
        link,
        settings.device,
        tls,
        clock,
        renewed=threads.start_again if shared else reconnect,
        revoked=threads.put_out,
    )
