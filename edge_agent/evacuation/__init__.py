"""The list of who is inside, kept sealed at the gate and shown on the school's own network."""
