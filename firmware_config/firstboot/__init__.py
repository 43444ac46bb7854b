"""The first boot of a gate, as a program that needs nothing but the Python of the system."""
