"""Reads wheels, source distributions and installed environments: archives, metadata, members as streams."""
