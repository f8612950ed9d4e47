"""What a target needs, and who provides each: the one way that every command goes.

A target is what the user named (:mod:`~wheelfix.scan.target`), a reading is all that was read of one
distribution (:mod:`~wheelfix.scan.read`), and a scan what follows from it (:mod:`~wheelfix.scan.conclude`).
:mod:`wheelfix.scan.scan` is the entrance: it goes from targets over readings to scans.
"""
