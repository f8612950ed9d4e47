"""Scans targets: reads what a target contains, and decides who provides each of its needs.

A target is what the user named (:mod:`~wheelfix.scan.target`), a reading is everything that was read of one
distribution (:mod:`~wheelfix.scan.read`), and a scan is what follows from it
(:mod:`~wheelfix.scan.conclude`). :mod:`wheelfix.scan.scan` is the entry point for all commands: from targets
to readings to scans.
"""
