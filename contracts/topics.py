"""Topic names. The only place where a topic is spelled out.

A device id is also its certificate's common name and its broker user name, so the broker's
access list can tie a topic to the identity that published on it.
"""

from __future__ import annotations

import re

ROOT = "gate/v1"
DEVICE_ID = re.compile(r"[a-z0-9-]{3,40}")

# Filters that central subscribes to.
ALL_TAPS = f"{ROOT}/+/up/taps"
ALL_ANCHORS = f"{ROOT}/+/up/anchor"
ALL_STATUS = f"{ROOT}/+/up/status"
ALL_HEALTH = f"{ROOT}/+/up/health"
ALL_REPORTED = f"{ROOT}/+/up/reported"
ALL_ANSWERS = f"{ROOT}/+/up/answer"


def shared(group: str, topic_filter: str) -> str:
    """``topic_filter`` as an MQTT v5 shared subscription: each message goes to one of ``group``."""
    return f"$share/{group}/{topic_filter}"


def taps(device_id: str) -> str:
    return f"{ROOT}/{device_id}/up/taps"


def anchor(device_id: str) -> str:
    return f"{ROOT}/{device_id}/up/anchor"


def status(device_id: str) -> str:
    return f"{ROOT}/{device_id}/up/status"


def health(device_id: str) -> str:
    return f"{ROOT}/{device_id}/up/health"


def reported(device_id: str) -> str:
    return f"{ROOT}/{device_id}/up/reported"


def answer(device_id: str) -> str:
    return f"{ROOT}/{device_id}/up/answer"


def receipt(device_id: str) -> str:
    return f"{ROOT}/{device_id}/down/receipt"


def desired(device_id: str) -> str:
    return f"{ROOT}/{device_id}/down/desired"


def command(device_id: str) -> str:
    return f"{ROOT}/{device_id}/down/command"


def roster(device_id: str) -> str:
    return f"{ROOT}/{device_id}/down/roster"


def device_of(topic: str) -> str:
    """The device a topic belongs to. Raises ValueError for a topic that is not one of ours."""
    parts = topic.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != ROOT or not DEVICE_ID.fullmatch(parts[2]):
        raise ValueError(f"topic: {topic!r} is not {ROOT}/<device>/<up|down>/<name>")
    return parts[2]
