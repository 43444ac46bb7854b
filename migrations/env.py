"""Runs migrations as the owner of the database, whether called by Flask-Migrate or by alembic.

After each upgrade the processes' login roles get their passwords, so that one command makes a
database ready for all of them.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from central import models  # noqa: F401  (registers the tables)
from central.db import Base
from central.db_roles import give_roles_their_passwords
from central.settings import Settings


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    settings = context.config.attributes.get("settings") or Settings.from_env(os.environ)
    engine = create_engine(settings.database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        migrate(connection)
    with engine.begin() as connection:
        give_roles_their_passwords(connection, settings)
    engine.dispose()


main()
