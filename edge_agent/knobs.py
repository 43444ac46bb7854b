"""What central can change of a running agent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from edge_agent.debounce import Debounce
from edge_agent.feedback.chosen import ChosenFeedback, NoSuchFeedback
from edge_agent.settings import MOST_REPEAT_WINDOW_S
from edge_agent.shadow import Knob, Refused

_LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def knobs(debounce: Debounce, repeat_window_s: int, feedback: ChosenFeedback) -> Mapping[str, Knob]:
    """By their names in the configuration; ``repeat_window_s`` is that of the settings file."""

    def set_window(value: Any) -> None:
        if type(value) is not int or not 0 <= value <= MOST_REPEAT_WINDOW_S:
            raise Refused(f"expected a whole number from 0 to {MOST_REPEAT_WINDOW_S}")
        debounce.set_window(value)

    def set_level(value: Any) -> None:
        if not isinstance(value, str) or value not in _LEVELS:
            raise Refused(f"expected one of {', '.join(_LEVELS)}")
        logging.getLogger().setLevel(_LEVELS[value])

    def set_feedback(value: Any) -> None:
        try:
            feedback.choose(value)
        except NoSuchFeedback as error:
            raise Refused(str(error)) from error

    return {
        "repeat_window_s": Knob(set_window, lambda: debounce.set_window(repeat_window_s)),
        "log_level": Knob(set_level, lambda: logging.getLogger().setLevel(logging.INFO)),
        "feedback": Knob(set_feedback, feedback.choose_first),
    }
