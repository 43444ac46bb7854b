"""A migrated database for the run, emptied after each test that used it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.config import Config
from apiflask import APIFlask
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from central.app import create_app
from central.db import db, enter_schools
from central.settings import Settings
from devkit.servers import Postgres
from tests.emptying import empty_and_renumber

SECRET = "a-secret-for-tests-that-is-long-enough-to-use"


def migrated(settings: Settings) -> None:
    """Bring the database of ``settings`` to the newest migration."""
    config = Config("migrations/alembic.ini")
    config.attributes["settings"] = settings
    command.upgrade(config, "head")


@pytest.fixture(scope="session")
def settings(postgres_server: Postgres) -> Settings:
    postgres_server.create_database("tests")
    settings = Settings.from_env(
        {
            "APP_ENV": "development",
            "DATABASE_URL": postgres_server.url("tests"),
            "REDIS_URL": "redis://127.0.0.1:1/0",  # a test that needs Redis sets its own
            "SECRET_KEY": SECRET,
            "WHATSAPP_APP_SECRET": "app-secret",
            "WHATSAPP_VERIFY_TOKEN": "verify-token",
        }
    )
    migrated(settings)
    return settings


@pytest.fixture(scope="session")
def owner(settings: Settings) -> Iterator[Engine]:
    engine = create_engine(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(owner: Engine) -> Iterator[Engine]:
    """The database as its owner, who sees every school; emptied afterwards."""
    yield owner
    empty_and_renumber(owner)


@pytest.fixture
def session(database: Engine) -> Iterator[Session]:
    """A session of the owner, for arranging and for looking; commit what others must see."""
    with Session(database, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def session_as(database: Engine, settings: Settings) -> Iterator[Callable[..., Session]]:
    """Open sessions as a process's own role: ``session_as("ingest", school.id)``."""
    opened: list[tuple[Engine, Session]] = []

    def open_session(role: str, *school_ids: int) -> Session:
        engine = create_engine(settings.database_url_for(role))
        session = Session(engine, expire_on_commit=False)
        enter_schools(session, school_ids)
        opened.append((engine, session))
        return session

    yield open_session
    for engine, session in opened:
        session.close()
        engine.dispose()


@pytest.fixture
def app(settings: Settings, database: Engine) -> Iterator[APIFlask]:
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()
