"""The web application for a WSGI server, configured by the environment."""

import os

from central import logging
from central.app import create_app
from central.settings import Settings

settings = Settings.from_env(os.environ)
logging.configure(settings, "web")
app = create_app(settings)
