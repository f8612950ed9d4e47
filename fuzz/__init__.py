"""Fuzzing of every door through which wheelfix reads what strangers wrote.

``python -m fuzz --seconds 60`` runs all targets for a minute in all; see docs/robustness.md. The package is
no part of the wheel.

``targets/``
    one function per door: bytes in, and nothing but a ``WheelfixError`` may come out of it.
``seeds``
    the corpus, made of real files of this checkout and this machine.
``mutate``
    random changes of a seed; needs nothing but Python.
``worker``
    runs one target in a process of its own, under a watch for time and memory.
``replay``
    runs the inputs that broke something once, kept in ``regressions/``.
"""
