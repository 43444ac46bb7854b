"""What a person is told when everything runs, and by ``./dev status``."""

from __future__ import annotations

from typing import Any

from devkit.stack import WEB_PORT


def overview(run: dict[str, Any]) -> str:
    """One screen: where to go, whom to be, what runs, where the logs are."""
    urls = _rows({URL_TITLES.get(name, name): url for name, url in run["urls"].items()})
    accounts = [f"{account['role']:<12} {account['email']}" for account in run["accounts"]]
    password = run["accounts"][0]["password"] if run["accounts"] else "—"
    processes = [
        f"{process['name']:<18} {process['state']:<9} pid {process['pid'] or '—'}"
        + (f"   started again {process['restarts']} times" if process["restarts"] else "")
        for process in run["processes"]
    ]
    port = run["web_port"]
    taken = "" if port == WEB_PORT else f" (port {WEB_PORT} is taken; the web is on {port})"
    sections = {
        f"Open{taken}": urls,
        f"Accounts (password of each: {password})": accounts,
        "Running": processes,
        "Files": _rows({"logs": run["logs"], "demo": run["demo"]}),
    }
    return "\n".join(_section(title, lines) for title, lines in sections.items())


URL_TITLES = {
    "app": "the school",
    "board": "live board",
    "gates": "tap a card",
    "phones": "guardians' phones",
    "screen": "screen of the gate",
    "evacuation": "list at the gate",
    "api_docs": "API",
}


def _rows(values: dict[str, str]) -> list[str]:
    return [f"{name:<18} {value}" for name, value in values.items()]


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([f"\n{title}", *(f"  {line}" for line in lines)])
