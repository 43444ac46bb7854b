"""Migrations run both ways, leave nothing behind, and make exactly what the models declare."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from central import models as models  # registers the tables
from central.db import Base
from central.settings import Settings
from devkit.servers import Postgres
from tests.central.catalog import guards_of, schema_of

MakeSettings = Callable[[str], Settings]


@pytest.fixture
def scratch(postgres_server: Postgres) -> Iterator[MakeSettings]:
    """Settings of an empty database of this name, dropped afterwards."""
    made: list[str] = []

    def make(name: str) -> Settings:
        postgres_server.create_database(name)
        made.append(name)
        return Settings.from_env({"DATABASE_URL": postgres_server.url(name)})

    yield make
    for name in made:
        postgres_server.query(f"DROP DATABASE {name}")


def config_for(settings: Settings) -> Config:
    config = Config("migrations/alembic.ini")
    config.attributes["settings"] = settings
    return config


def everything(settings: Settings) -> dict[str, set[str]]:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        found = schema_of(connection) | guards_of(connection)
    engine.dispose()
    return found


def test_the_migrations_form_one_line() -> None:
    assert len(ScriptDirectory("migrations").get_heads()) == 1


def test_up_and_down_leaves_nothing_and_up_again_makes_the_same(scratch: MakeSettings) -> None:
    settings = scratch("up_and_down")
    untouched = everything(settings)

    command.upgrade(config_for(settings), "head")
    first = everything(settings)
    command.downgrade(config_for(settings), "base")
    emptied = everything(settings)
    command.upgrade(config_for(settings), "head")
    second = everything(settings)

    assert emptied == untouched
    assert first == second
    assert all(first.values())


def test_one_step_down_and_up_again_makes_the_same(scratch: MakeSettings) -> None:
    settings = scratch("one_step")
    command.upgrade(config_for(settings), "head")
    before = everything(settings)

    command.downgrade(config_for(settings), "-1")
    command.upgrade(config_for(settings), "+1")

    assert everything(settings) == before


def test_alembic_finds_no_change_to_make(settings: Settings) -> None:
    command.check(config_for(settings))


def test_migrations_make_exactly_what_the_models_declare(
    owner: Engine, scratch: MakeSettings
) -> None:
    """Alembic's own check overlooks CHECK constraints, partial indexes and storage options."""
    declared_in = create_engine(scratch("declared").database_url)
    Base.metadata.create_all(declared_in)

    with owner.connect() as migrated, declared_in.connect() as declared:
        assert schema_of(migrated) == schema_of(declared)
    declared_in.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE taps DROP CONSTRAINT ck_taps_seq_from_one",
        "DROP INDEX ix_notifications_due",
        "ALTER TABLE streams DROP CONSTRAINT fk_streams_school_id",
        "ALTER TABLE devices ALTER COLUMN direction SET DEFAULT 'in'",
        "ALTER TABLE attendance_days RESET (fillfactor)",
        "ALTER TABLE guardians ALTER COLUMN full_name DROP NOT NULL",
    ],
)
def test_the_comparison_notices(owner: Engine, change: str) -> None:
    with owner.connect() as connection:
        before = schema_of(connection)

        connection.execute(text(change))

        assert schema_of(connection) != before
        connection.rollback()
