"""Answers to the person at the reader: one module a kind."""

from edge_agent.feedback.base import Feedback, Outcome, pattern_of
from edge_agent.feedback.console import ConsoleFeedback
from edge_agent.feedback.emulated import EmulatedFeedback

__all__ = ["ConsoleFeedback", "EmulatedFeedback", "Feedback", "Outcome", "pattern_of"]
