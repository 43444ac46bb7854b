"""The gate: reads cards, answers people, keeps every tap until central has it."""

VERSION = "0.1.0"
