"""Lock files: bytes in, models out (:mod:`wheelfix.model.lock`, :mod:`wheelfix.model.cargo`)."""
