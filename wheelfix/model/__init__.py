"""Frozen facts. Nothing in this package reads, writes or decides."""
