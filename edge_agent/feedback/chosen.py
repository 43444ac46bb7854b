"""Some of several ways to answer, at the same time; changed while the gate is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edge_agent.feedback.base import Feedback, Outcome


class NoSuchFeedback(ValueError):
    """This gate has no such kind; the text names those that it has."""


class ChosenFeedback:
    """Answers by the kinds that were chosen last. A kind is made when it is first chosen."""

    def __init__(self, kinds: Mapping[str, Callable[[], Feedback]], first: Sequence[str]) -> None:
        self._kinds = kinds
        self._first = tuple(first)
        self._made: dict[str, Feedback] = {}
        self._current: tuple[Feedback, ...] = ()
        self.choose_first()

    def show(self, outcome: Outcome) -> None:
        for feedback in self._current:
            feedback.show(outcome)

    def choose(self, chosen: object) -> None:
        """One kind by its name, or a list of them.

        Raises NoSuchFeedback, and the kinds stay as they are.
        """
        names = [chosen] if isinstance(chosen, str) else chosen
        if not isinstance(names, Sequence) or not names or not all(map(self._knows, names)):
            raise NoSuchFeedback(f"expected one of {', '.join(sorted(self._kinds))}, or a list")
        for name in names:
            if name not in self._made:
                self._made[name] = self._kinds[name]()
        self._current = tuple(self._made[name] for name in dict.fromkeys(names))

    def choose_first(self) -> None:
        """Back to those of the settings file."""
        self.choose(self._first)

    def _knows(self, name: object) -> bool:
        return isinstance(name, str) and name in self._kinds
