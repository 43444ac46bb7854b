"""One of several ways to answer, changed while the gate is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge_agent.feedback.base import Feedback, Outcome


class NoSuchFeedback(ValueError):
    """This gate has no such kind; the text names those that it has."""


class ChosenFeedback:
    """Answers by the kind that was chosen last. A kind is made when it is first chosen."""

    def __init__(self, kinds: Mapping[str, Callable[[], Feedback]], first: str) -> None:
        self._kinds = kinds
        self._first = first
        self._made: dict[str, Feedback] = {first: kinds[first]()}
        self._current = self._made[first]

    def show(self, outcome: Outcome) -> None:
        self._current.show(outcome)

    def choose(self, kind: object) -> None:
        """Raises NoSuchFeedback, and the kind stays as it is."""
        if not isinstance(kind, str) or kind not in self._kinds:
            raise NoSuchFeedback(f"expected one of {', '.join(sorted(self._kinds))}")
        if kind not in self._made:
            self._made[kind] = self._kinds[kind]()
        self._current = self._made[kind]

    def choose_first(self) -> None:
        """Back to that of the settings file."""
        self.choose(self._first)
