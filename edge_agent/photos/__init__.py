"""Photos of who taps, with consent: taken after the answer, sealed, sent when no tap waits."""
