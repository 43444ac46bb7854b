"""``from app.core.config import settings``, which the deployment's instructions use."""

import os

from central.settings import Settings

settings = Settings.from_env(os.environ)
