"""The loader's search over an environment and directories outside of it.

:class:`~wheelfix.resolve.search.WheelSearch` looks inside alone; here absolute entries of run paths lead to
libraries that are known. The order of entries is the same, and by run paths alone: what is loaded already is
another question.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from wheelfix.model.elf import ElfObject
from wheelfix.model.repair import Library
from wheelfix.resolve.layout import expand_entry, find_install_path
from wheelfix.resolve.search import WheelSearch, is_musl


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What a search by run paths ends at.

    Attributes:
        member: path of the object inside, or None for a library outside.
        directory: of the library outside, as the entry names it; of the member, relative to the prefix.
        entry: the entry as written.
        owner: path of the object whose run path it is.
    """

    member: str | None
    directory: str
    entry: str
    owner: str


class Loader:
    """Answers needs from members of an environment and from libraries outside."""

    def __init__(self, objects: Iterable[ElfObject], libraries: Iterable[Library]) -> None:
        self.objects = {obj.path: obj for obj in objects}
        self._search = WheelSearch(self.objects.values())
        self._members = {
            (o.machine, find_install_path(o.path)): o.path for o in self.objects.values() if o.dynamic
        }
        self._libraries = {(lib.machine, lib.directory, lib.name): lib for lib in libraries}

    def find(self, obj: ElfObject, soname: str) -> Hit | None:
        """Find what the run paths that count for ``obj`` lead to, or None."""
        for owner in (obj.path, *self.lenders(obj)):
            if hit := self._find_through(self.objects[owner], obj, soname):
                return hit
        return None

    def lenders(self, obj: ElfObject) -> list[str]:
        """The objects whose run paths ``obj`` inherits, nearest first."""
        if obj.runpath and not is_musl(obj):
            return []
        loaders = self._search.ancestors(obj.path)
        return [p for p in loaders if not self.objects[p].runpath or is_musl(self.objects[p])]

    def _find_through(self, owner: ElfObject, obj: ElfObject, soname: str) -> Hit | None:
        origin = posixpath.dirname(find_install_path(owner.path))
        for entry in owner.runpath or owner.rpath:
            if entry.startswith("/"):
                if (obj.machine, entry, soname) in self._libraries:
                    return Hit(member=None, directory=entry, entry=entry, owner=owner.path)
                continue
            for directory in expand_entry(entry, origin=origin, machine=owner.machine):
                if member := self._members.get((obj.machine, posixpath.join(directory, soname))):
                    return Hit(member=member, directory=directory, entry=entry, owner=owner.path)
        return None
