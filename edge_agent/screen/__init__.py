"""A screen at the gate: one page on loopback for a kiosk browser on this very Pi."""
