"""Builds the ways in which a gate answers from its settings."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

from edge_agent.answer_settings import FeedbackSettings, LightsSettings
from edge_agent.feedback.base import Feedback
from edge_agent.feedback.chosen import ChosenFeedback
from edge_agent.feedback.console import ConsoleFeedback
from edge_agent.feedback.emulated import EmulatedFeedback
from edge_agent.tables import SettingsError


def build_feedback(settings: FeedbackSettings, screen: Feedback | None) -> ChosenFeedback:
    """``screen`` is None at a gate that has none. Raises SettingsError."""
    kinds: dict[str, Callable[[], Feedback]] = {"console": ConsoleFeedback}
    if settings.socket is not None:
        kinds["emulated"] = partial(EmulatedFeedback, settings.socket)
    if settings.lights is not None:
        kinds["lights"] = partial(_lights, settings.lights)
    if screen is not None:
        kinds["screen"] = lambda: screen
    return ChosenFeedback(kinds, settings.kinds)


def _lights(settings: LightsSettings) -> Feedback:
    """Imported only where they are: a gate without lights has no need of the library."""
    try:
        lights: Feedback = importlib.import_module("edge_agent.feedback.lights").make(settings)
    except ImportError as error:
        raise SettingsError(
            f'feedback: "lights" need a library that is not installed ({error})'
        ) from error
    return lights
