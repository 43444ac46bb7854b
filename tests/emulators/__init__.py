"""The emulators, driven by the libraries and services they stand in for."""
