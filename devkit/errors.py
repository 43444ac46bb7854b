"""The one error of this package: something a person has to know, said in a sentence."""


class DevError(Exception):
    """Printed without a traceback; its text says what is wrong and what to do about it."""
