"""Column types shared by the models."""

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

UTCDateTime = DateTime(timezone=True)  # always aware; a naive time would mean the server's zone
Json: TypeEngine[object] = JSONB()
