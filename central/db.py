"""The declarative base, and the one way in which a transaction names whose rows it may touch.

Row-level security in PostgreSQL compares every row's school with ``app.schools``. The setting is
local to a transaction, so a pooled connection cannot carry one request's school into the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

# Of the web's connections. Nobody waits longer for a page, and a statement that goes on for nobody
# would keep locks that the gates' taps wait for. Values of rows never reach an error's text.
WEB_ENGINE: Final = {
    "hide_parameters": True,
    "connect_args": {
        "connect_timeout": 5,
        "application_name": "attendance-web",
        "options": "-c statement_timeout=20s -c idle_in_transaction_session_timeout=60s",
    },
}

_NAME_SCHOOLS = text("SELECT set_config('app.schools', :schools, true)")


def enter_schools(session: Session, school_ids: Iterable[int]) -> None:
    """Let ``session`` see the rows of these schools and no others, now and after each commit."""
    schools = "{" + ",".join(str(int(school)) for school in sorted(set(school_ids))) + "}"
    session.info["schools"] = schools
    if session.in_transaction():
        session.execute(_NAME_SCHOOLS, {"schools": schools})


def leave_schools(session: Session) -> None:
    """Forget the schools: what follows sees no school's rows."""
    enter_schools(session, ())


@event.listens_for(Session, "after_begin")
def _name_schools(session: Session, _: SessionTransaction, connection: Connection) -> None:
    schools = session.info.get("schools")
    if schools is not None:
        connection.execute(_NAME_SCHOOLS, {"schools": schools})
