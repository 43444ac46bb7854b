"""Hardware and services that are not here: for development, tests and benches, never production."""
