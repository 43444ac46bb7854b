"""Answers on standard output, for a gate without lights: a laptop, a first try."""

from __future__ import annotations

import sys

from edge_agent.feedback.base import Outcome


class ConsoleFeedback:
    """One line an answer, without the name: a supervisor may keep what is printed."""

    def show(self, outcome: Outcome) -> None:
        number = "-" if outcome.seq is None else outcome.seq
        sys.stdout.write(f"{outcome.pattern} verdict={outcome.verdict} seq={number}\n")
        sys.stdout.flush()
