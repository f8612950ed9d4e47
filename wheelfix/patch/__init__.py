"""Plans run paths, changes them in place, and verifies that nothing else changed.

:mod:`~wheelfix.patch.runpaths` plans, :mod:`~wheelfix.patch.wheel` and :mod:`~wheelfix.patch.environment`
apply it to archives and to installed files, :mod:`~wheelfix.patch.edit` changes one ELF file, and
:mod:`~wheelfix.patch.verify`, which shares no code with that, checks the result.
"""
