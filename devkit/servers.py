"""The private servers under one roof: what tests, benches and ``./dev up`` import."""

from devkit.mosquitto import CENTRAL_USERS, Door, Mosquitto
from devkit.ports import free_port
from devkit.postgres import OWNER, Postgres
from devkit.redis import Redis

__all__ = ["CENTRAL_USERS", "OWNER", "Door", "Mosquitto", "Postgres", "Redis", "free_port"]
