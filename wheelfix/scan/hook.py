"""What nixpkgs' auto-patchelf finds in a wheel, misses, and takes away, by the rules of its own source.

It looks for a needed library by the name of its file, never by DT_SONAME: among all files ``*.so*`` of the
package itself, then in ``lib`` of each input and in the directories that ``addAutoPatchelfSearchPath`` names.
What the C library has needs no entry. A file for which something was found gets a new DT_RUNPATH, which holds
the directories of what was found; its former entries are lost, except, with ``--preserve-origin``, those with
``$ORIGIN``. A file for which nothing was found keeps its run path.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence, Set

from wheelfix.model.classes import Brought, NeedClass, OfInterpreter, Reached, Unreached
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import DlopenNote, ElfHints
from wheelfix.model.hook import LostOpening, Missed, MissReason
from wheelfix.model.scan import Need
from wheelfix.scan.layout import find_install_path
from wheelfix.scan.loader import Found, Loader

_FOUND = frozenset({NeedClass.BUNDLED, NeedClass.LIBC})
"""Classes whose libraries the hook finds, or does not look for."""


def spell_note(note: DlopenNote) -> str:
    """Write an entry of ``.note.dlopen`` as auto-patchelf does, which looks for each of them."""
    return note.sonames[0] if len(note.sonames) == 1 else f"any({', '.join(note.sonames)})"


def find_missed(
    needs: Iterable[Need], objects: Iterable[ElfObject], machine: str | None
) -> tuple[Missed, ...]:
    """Find the sonames that auto-patchelf does not find, though somebody has them, or nobody wants them.

    Args:
        needs: of the wheel.
        objects: its ELF files.
        machine: the machine that the package is built for; files for others are passed over.

    Returns:
        Sorted by soname. What nobody is known to have is not among them.
    """
    files = {obj.name for obj in objects if obj.machine == machine and _is_looked_at(obj.name)}
    found = {
        need.soname: missed
        for need in needs
        if need.machine == machine and (missed := _find_miss(need, files))
    }
    return tuple(found[soname] for soname in sorted(found))


def find_lost_openings(
    objects: Sequence[ElfObject], hints: Iterable[ElfHints], needs: Iterable[Need], machine: str | None
) -> tuple[LostOpening, ...]:
    """Find the libraries that ELF files open by name through ``$ORIGIN`` entries that auto-patchelf drops.

    An entry of another file, which is inherited as DT_RPATH, counts for nothing: auto-patchelf writes
    DT_RUNPATH, and no option keeps such an entry for those that inherit it.

    Args:
        objects: the wheel's ELF files.
        hints: what they open by name.
        needs: of the wheel.
        machine: as for :func:`find_missed`.

    Returns:
        Sorted by file, then name.
    """
    mine = {obj.path: obj for obj in objects if obj.machine == machine}
    loader = Loader(mine.values())
    places: dict[str, set[str]] = {}
    for obj in mine.values():
        if _is_looked_at(obj.name):
            places.setdefault(obj.name, set()).add(_find_directory(obj))
    outside = {
        n.soname
        for n in needs
        if n.machine == machine
        and (n.need_class is NeedClass.PROVIDED or (n.need_class is NeedClass.SIBLING and not _is_renamed(n)))
    }
    found = []
    for hint in hints:
        if (user := mine.get(hint.path)) is None:
            continue
        names = {*hint.strings, *(name for note in hint.notes for name in note.sonames)}
        names -= {*user.needed, user.soname, user.name}
        if outside.isdisjoint(user.needed) and places.keys().isdisjoint(user.needed):
            continue  # its run path stays as it is
        given = _find_given(user, places)
        for name in sorted(names):
            hit = loader.follow(user, name) if "/" not in name else None
            if hit and _is_kept(hit) and hit.directory not in given:
                found.append(LostOpening(file=user.path, name=name, entry=hit.via or "", path=hit.path))
    return tuple(sorted(found, key=lambda one: (one.file, one.name)))


def _find_miss(need: Need, files: Set[str]) -> Missed | None:
    cause = need.cause
    if need.unused and need.need_class not in _FOUND:
        return Missed(soname=need.soname, reason=MissReason.UNUSED, why=need.unused)
    if need.refused:
        return Missed(soname=need.soname, reason=MissReason.REFUSED, why=need.refused)
    if need.need_class is NeedClass.DRIVER:
        return Missed(soname=need.soname, reason=MissReason.DRIVER)
    if isinstance(cause, OfInterpreter) and cause.fits is not True and cause.version:
        reason = MissReason.SOME_PYTHON if cause.fits is None else MissReason.OTHER_PYTHON
        return Missed(soname=need.soname, reason=reason, python=cause.version)
    if isinstance(cause, Reached | Unreached) and need.soname not in files:
        file = posixpath.basename(cause.path)
        return Missed(soname=need.soname, reason=MissReason.FILE_NAME, file=file)
    if isinstance(cause, Brought) and cause.check and _is_renamed(need):
        return Missed(
            soname=need.soname,
            reason=MissReason.FILE_NAME,
            file=posixpath.basename(cause.check.path),
            distribution=cause.distribution,
        )
    return None


def _is_kept(hit: Found) -> bool:
    """Whether ``--preserve-origin`` keeps the entry that leads to a library; not ``${ORIGIN}``."""
    return "$ORIGIN" in (hit.via or "") and hit.inherited_from is None


def _is_renamed(need: Need) -> bool:
    """Whether the distribution that brings it was read, and has it as DT_SONAME alone."""
    cause = need.cause
    return isinstance(cause, Brought) and cause.check is not None and cause.check.by_soname


def _is_looked_at(name: str) -> bool:
    return ".so" in name


def _find_directory(obj: ElfObject) -> str:
    return posixpath.dirname(find_install_path(obj.path))


def _find_given(obj: ElfObject, places: Mapping[str, set[str]]) -> set[str]:
    """Return the directories of the package itself that a file's new run path is certain to hold.

    Of several files of one name the first that a directory lists is taken, which cannot be told here.
    """
    return {
        directory for soname in obj.needed if len(places.get(soname, ())) == 1 for directory in places[soname]
    }
