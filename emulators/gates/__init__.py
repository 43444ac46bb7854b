"""Gates without hardware: a reader each, cards to hold to it, and the light the child sees."""
