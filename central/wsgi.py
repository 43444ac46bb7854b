"""The web application for a WSGI server, configured by the environment."""

import os

from central.app import create_app
from central.settings import Settings

app = create_app(Settings.from_env(os.environ))
