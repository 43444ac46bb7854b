"""Contactless cards and the PN532 reader chip that nfcpy drives."""
