"""How gunicorn runs the web: ``gunicorn -c python:central.web.gunicorn central.wsgi:app``.

Every name below is a setting of gunicorn's, so the command line can override it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from central.web.live_hub import STREAMS

bind = "127.0.0.1:8080"
workers = 2
worker_class = "gthread"
# A stream holds a thread for hours, so pages need threads that streams can never take. They are
# made when first needed: an idle worker has few.
threads = STREAMS + 32
worker_connections = 1000
keepalive = 20  # longer than the pause between two clicks, so a page reuses its connection
timeout = 30
# Streams end by themselves when the worker stops; what is left is a request that hangs.
graceful_timeout = 5
max_requests = 0  # recycling workers would cut every stream for nothing
# The worker's heartbeat is a file; on a slow disk writing it can look like a hung worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (private file)
control_socket_disable = True  # nobody steers the server from inside; containers restart it
accesslog = None  # the application logs requests itself, without query strings
errorlog = "-"


def post_worker_init(worker: Any) -> None:
    """Let the streams see when this worker is told to stop."""
    worker.wsgi.extensions["live"].stop_when(lambda: not worker.alive)
