"""From the facts about a soname to an answer for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wheelfix.model.locate import Located
from wheelfix.model.scan import NeedClass, SonameFacts
from wheelfix.scan.decide import apply_preference


def locate_one(facts: SonameFacts, *, prefer: Sequence[str] = ()) -> Located:
    """Class a soname without a wheel around it.

    Args:
        facts: all that is known about it.
        prefer: attributes that win among providers, strongest first.
    """
    lookup = apply_preference(facts.lookup, prefer)
    answer = Located(
        soname=facts.soname,
        need_class=NeedClass.UNKNOWN,
        providers=lookup.providers,
        nearest=lookup.nearest,
        note=lookup.note,
    )
    if facts.driver:
        return replace(answer, need_class=NeedClass.DRIVER, providers=(), note=facts.driver)
    if facts.libc:
        return replace(answer, need_class=NeedClass.LIBC, note=answer.note or f"part of {facts.libc}")
    if lookup.rivals:
        return replace(answer, need_class=NeedClass.AMBIGUOUS, note="choose with --prefer ATTR")
    if lookup.providers:
        return replace(answer, need_class=NeedClass.PROVIDED)
    note = "another ABI of it is there" if lookup.nearest else "nobody in this index has it"
    return replace(answer, note=note)
