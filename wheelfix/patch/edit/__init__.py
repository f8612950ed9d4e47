"""Edits run paths, needed sonames and the interpreter of one ELF file, in place.

:mod:`~wheelfix.patch.edit.apply` reads a file (:mod:`~wheelfix.patch.edit.image`), plans
(:mod:`~wheelfix.patch.edit.plan`, :mod:`~wheelfix.patch.edit.strings`, :mod:`~wheelfix.patch.edit.draft`) and
writes. An edit takes the first of these ways that works; the later ones are in
:mod:`~wheelfix.patch.edit.space`:

``overwrite``
    the new string fits in place of the old one and nothing else uses those bytes, or it is in the table
    already.
``grow``, ``extend``, ``spare``, ``displace``, ``steal``, ``rehome``
    the string table is copied to the end of the file with the new strings, and the old ones are wiped.
"""
