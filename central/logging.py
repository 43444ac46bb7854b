"""One JSON object a line from every process, with nothing personal and no secret in it.

Modules log through ``structlog.stdlib.get_logger`` or ``logging.getLogger``; both arrive here.
Log ids, codes and counts. The redaction below is the safety net for what slips through: it
knows how secrets, phone numbers and addresses look, but no pattern finds a child's name in a
sentence.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from types import TracebackType
from typing import Any, Final, TextIO
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, WrappedLogger

from central.settings import DATABASE_ROLES, Settings

HIDDEN: Final = "[redacted]"
# These say nothing at INFO that our own lines do not say better, and say it every two seconds.
_TALKATIVE: Final = ("apscheduler", "rq.worker", "urllib3", "werkzeug")
_PATTERNS: Final = (
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{HIDDEN}@"),  # a password in a URL
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\bwamid\.[\w+/=-]+"), f"wamid.{HIDDEN}"),  # holds the phone number in base64
    (re.compile(r"\bDETAIL: .*"), f"DETAIL: {HIDDEN}"),  # PostgreSQL shows the row's values
    (re.compile(r"\[parameters: .*\]"), f"[parameters: {HIDDEN}]"),  # so does SQLAlchemy
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), HIDDEN),
    (re.compile(r"\+\d(?:[ ().-]?\d){7,14}"), HIDDEN),
    (re.compile(r"(?<![\w.-])\d{9,15}(?![\w-])"), HIDDEN),  # a phone number without its plus
)
_PERSONAL: Final = re.compile(
    r"^(to|recipient(_id)?|phone|body|text|payload|student|guardian|name|names)$"
    r"|(phone|email|given_names?|family_names?|full_name"
    r"|token|secret|password|api_key|secret_key|cookie|authorization|signature)$"
)
_OURS: Final = frozenset({"event", "level", "logger", "process", "timestamp"})
_SECRET_SETTING: Final = re.compile(r"(secret|token|password|key)$")


def configure(settings: Settings, process: str, stream: TextIO = sys.stderr) -> None:
    """Send everything that this process logs to ``stream``; call it once, first.

    ``process`` is its name in every line: ``web``, ``ingest``, ``worker`` or ``scheduler``.
    """
    context: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*context, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                Redaction(secrets_of(settings), process),
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            *context,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


@contextmanager
def job_context(job: str) -> Iterator[None]:
    """Mark every line logged within as part of one run of ``job``."""
    with bound_contextvars(job=job, run=uuid4().hex[:8]):
        yield


def redact(text: str) -> str:
    """``text`` without phone numbers, addresses, credentials and the values of database rows."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class Redaction:
    """The last step before a line is written; also says which process wrote it."""

    def __init__(self, secrets: frozenset[str], process: str) -> None:
        longest_first = sorted(secrets, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if secrets else None
        self._process = process

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        clean = {key: self._clean(key, value) for key, value in event.items()}
        return {**clean, "process": self._process}

    def _clean(self, key: str, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if key not in _OURS and _PERSONAL.search(key.lower()):
            return HIDDEN
        if isinstance(value, Mapping):
            return {str(name): self._clean(str(name), item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(key, item) for item in value]
        return self._clean_text(str(value)) if key not in ("timestamp", "level") else value

    def _clean_text(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        return redact(text)


def secrets_of(settings: Settings) -> frozenset[str]:
    """Every secret value in use; a default is public, and too ordinary a word to hide."""
    values = {settings.role_password(role) for role in DATABASE_ROLES}
    for item in fields(Settings):
        value = getattr(settings, item.name)
        if _SECRET_SETTING.search(item.name) and value != item.metadata["default"]:
            values.add(value)
    for url in (settings.database_url_override, settings.redis_url):
        values.add(urlsplit(url).password or "")
    return frozenset(value for value in values if len(value) >= 6)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A traceback printed by the interpreter would pass by the redaction."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.stdlib.get_logger(__name__).critical("uncaught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)
