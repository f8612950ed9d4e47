"""The loader's search over an environment and directories outside of it.

:class:`~wheelfix.scan.search.WheelSearch` looks inside alone; here absolute entries of run paths lead to
libraries that are known. The order of entries is the same, and by run paths alone: what is loaded already is
another question.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from wheelfix.model.elf import ElfObject
from wheelfix.model.repair import Library
from wheelfix.scan.layout import expand_entry, find_install_path
from wheelfix.scan.search import WheelSearch, is_musl, lends

_Routes = tuple[tuple[str, str, bool], ...]


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
        self._expanded: dict[str, _Routes] = {}
        self._libraries = {(lib.machine, lib.directory, lib.name): lib for lib in libraries}

    def find(self, obj: ElfObject, soname: str) -> Hit | None:
        """Find what the run paths that count for ``obj`` lead to, or None."""
        owners = [(obj.path, self._routes(obj.path))]
        if not obj.runpath or is_musl(obj):
            owners += self._inherited.get(obj.path, ())
        for owner, routes in owners:
            for entry, directory, inside in routes:
                if not inside and (obj.machine, directory, soname) in self._libraries:
                    return Hit(member=None, directory=directory, entry=entry, owner=owner)
                if inside and (member := self._members.get((obj.machine, posixpath.join(directory, soname)))):
                    return Hit(member=member, directory=directory, entry=entry, owner=owner)
        return None

    def find_inherited(self, added: Mapping[str, Collection[str]]) -> Mapping[str, frozenset[str]]:
        """Tell which of the directories that run paths get would be inherited, and by whom.

        Args:
            added: new directories by path of the object.

        Returns:
            By path of the heir, what would come before entries it inherits already.
        """
        lent = {p: frozenset(new) for p, new in added.items() if new and lends(self.objects[p])}
        found = self._search.hand_down(lent)
        return {
            path: frozenset[str]().union(*(new for _, new in inherited))
            for path, inherited in found.items()
            if not self.objects[path].runpath or is_musl(self.objects[path])
        }

    @cached_property
    def _inherited(self) -> Mapping[str, list[tuple[str, _Routes]]]:
        lent = {p: self._routes(p) for p, obj in self.objects.items() if lends(obj)}
        return self._search.hand_down({path: routes for path, routes in lent.items() if routes})

    def _routes(self, path: str) -> _Routes:
        """Where the run path of an object leads: entry, directory, and whether that is inside."""
        if path not in self._expanded:
            owner = self.objects[path]
            origin = posixpath.dirname(find_install_path(path))
            self._expanded[path] = tuple(
                (entry, directory, not entry.startswith("/"))
                for entry in owner.runpath or owner.rpath
                for directory in (
                    (entry,)
                    if entry.startswith("/")
                    else expand_entry(entry, origin=origin, machine=owner.machine)
                )
            )
        return self._expanded[path]
