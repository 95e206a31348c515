"""Readers: the only code that opens files or talks to the network."""
