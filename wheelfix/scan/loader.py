"""The loader's search: which library answers a DT_NEEDED, in a wheel, an environment, or outside it.

glibc's order (``elf/dl-load.c``, ``_dl_map_object``): the needs of an object without DT_RUNPATH are searched
in its own DT_RPATH and that of everything that loaded it; DT_RUNPATH counts for the object's own needs only,
and
switches every DT_RPATH off. Before any of it, a soname that is already loaded is taken as it is. For musl
(``ldso/dynlink.c``, ``load_library``) both tags are the same, and both are inherited.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from wheelfix.model.base import Struct
from wheelfix.scan.layout import expand_entry, find_install_path

if TYPE_CHECKING:
    from wheelfix.model.elf import ElfObject, Library

_Lent = TypeVar("_Lent", bound=Hashable)
_Routes = tuple[tuple[str, str], ...]
"""Entries of a run path as written, each with the directory that it leads to."""


class Found(Struct):
    """A library that answers a need.

    Attributes:
        path: member path of the library; for a library outside, its path on disk.
        via: the run-path entry that leads to it, or None if none does and it has to be loaded first.
        inherited_from: member whose DT_RPATH is used, if not the wanting object's own.
        directory: directory of the entry: relative to the prefix, or absolute for a library outside.
        outside: whether it is not one of the objects.
    """

    path: str
    via: str | None
    inherited_from: str | None = None
    directory: str = ""
    outside: bool = False


class Entry(Struct, kw_only=False):
    """One expanded run-path entry.

    Attributes:
        text: the entry as written.
        directory: relative to the prefix, or absolute.
        owner: path of the object whose run path it is.
    """

    text: str
    directory: str
    owner: str

    @property
    def is_absolute(self) -> bool:
        """Whether it leads out of the wheel or environment."""
        return self.text.startswith("/")


class Loader:
    """Answers the needs of objects from these objects and from libraries outside.

    Args:
        objects: of one wheel, or of a whole environment.
        libraries: libraries outside, to which absolute entries of run paths may lead.
    """

    def __init__(self, objects: Iterable[ElfObject], libraries: Iterable[Library] = ()) -> None:
        self.objects = {obj.path: obj for obj in objects}
        self._installed = {
            (o.machine, find_install_path(o.path)): o for o in self.objects.values() if o.dynamic
        }
        self._libraries = {(lib.machine, lib.directory, lib.name) for lib in libraries}
        self._carriers: dict[tuple[str, str], ElfObject] = {}
        # A member's own soname is better evidence than its file name; of several copies the one that also
        # has the name wins, then the first in path order.
        for name in ("soname", "name"):
            for obj in sorted(self._installed.values(), key=lambda o: (o.name != o.soname, o.path)):
                if (carried := getattr(obj, name)) and obj.is_library:
                    self._carriers.setdefault((obj.machine, carried), obj)
        self._children = self._find_children()
        self._entries: dict[str, list[Entry]] = {}

    def find(self, obj: ElfObject, soname: str) -> Found | None:
        """Find the library for ``soname`` of ``obj``: by run paths, else a member to be loaded first."""
        if found := self.follow(obj, soname):
            return found
        carrier = self._carriers.get((obj.machine, soname))
        return Found(path=carrier.path, via=None) if carrier else None

    def follow(self, obj: ElfObject, soname: str) -> Found | None:
        """Find the library that the run paths in effect for ``obj`` lead to, or None."""
        for entry in self.entries(obj):
            owner = entry.owner if entry.owner != obj.path else None
            if entry.is_absolute:
                if (obj.machine, entry.directory, soname) in self._libraries:
                    return Found(
                        path=posixpath.join(entry.directory, soname),
                        via=entry.text,
                        inherited_from=owner,
                        directory=entry.directory,
                        outside=True,
                    )
            elif hit := self._installed.get((obj.machine, posixpath.join(entry.directory, soname))):
                return Found(path=hit.path, via=entry.text, inherited_from=owner, directory=entry.directory)
        return None

    def entries(self, obj: ElfObject) -> list[Entry]:
        """The run-path entries searched for the needs of ``obj``, in the loader's order."""
        if obj.path not in self._entries:  # requested once per need of every object
            self._entries[obj.path] = self._find_entries(obj)
        return self._entries[obj.path]

    def find_inherited(self, added: Mapping[str, Collection[str]]) -> Mapping[str, frozenset[str]]:
        """Find the added run-path directories that other objects would inherit.

        Args:
            added: new directories by path of the object.

        Returns:
            By path of the inheriting object, directories that would come before entries it inherits already.
        """
        lent = {p: frozenset(new) for p, new in added.items() if new and _shares_rpath(self.objects[p])}
        found = self._hand_down(lent)
        return {
            path: frozenset[str]().union(*(new for _, new in inherited))
            for path, inherited in found.items()
            if _shares_rpath(self.objects[path])
        }

    def _find_entries(self, obj: ElfObject) -> list[Entry]:
        own = [Entry(*route, obj.path) for route in _expand(obj)]
        if not _shares_rpath(obj):
            return own
        inherited = self._inherited.get(obj.path, ())
        return own + [Entry(*route, lender) for lender, routes in inherited for route in routes]

    @cached_property
    def _inherited(self) -> Mapping[str, list[tuple[str, _Routes]]]:
        lent = {path: _expand(obj) for path, obj in self.objects.items() if _shares_rpath(obj)}
        return self._hand_down({path: routes for path, routes in lent.items() if routes})

    def _find_children(self) -> Mapping[str, list[str]]:
        """Map each member to those that it may load, by soname and file name, independent of run paths."""
        children: dict[str, list[str]] = defaultdict(list)
        for obj in self.objects.values():
            for soname in dict.fromkeys(obj.needed):
                if (child := self._carriers.get((obj.machine, soname))) and child.path != obj.path:
                    children[obj.path].append(child.path)
        return children

    def _hand_down(self, lent: Mapping[str, _Lent]) -> Mapping[str, list[tuple[str, _Lent]]]:
        """Find the run paths that members inherit from those that load them, directly or through others.

        In a directory where every file loads all others, every file inherits from all others, and all of them
        lend the same entries: equal entries are followed once, independent of the lender.

        Args:
            lent: by path, the entries that a member hands down to everything it loads.

        Returns:
            By path, lenders and their entries, nearest first; equally near ones in path order. Entries that
            several lend are listed once, for the nearest.
        """
        lenders: dict[_Lent, set[str]] = defaultdict(set)
        for path, what in lent.items():
            lenders[what].add(path)
        found: dict[str, list[tuple[int, str, _Lent]]] = defaultdict(list)
        for what, sources in lenders.items():
            for path, distance, lender in self._follow(sources):
                found[path].append((distance, lender, what))
        return {
            path: [(lender, what) for _, lender, what in sorted(inherited, key=lambda found: found[:2])]
            for path, inherited in found.items()
        }

    def _follow(self, sources: Collection[str]) -> Iterator[tuple[str, int, str]]:
        """Yield every member that some members load, its distance from the nearest of them, and that one."""
        level, seen, distance = {path: path for path in sources}, set[str](), 0
        while level:
            distance += 1
            below: dict[str, str] = {}
            for path, source in level.items():
                for child in self._children.get(path, ()):
                    if child not in seen:
                        below[child] = min(source, below.get(child, source))
            seen |= below.keys()
            yield from ((path, distance, source) for path, source in below.items() if path != source)
            level = {path: source for path, source in below.items() if path not in sources}


def _expand(obj: ElfObject) -> _Routes:
    origin = posixpath.dirname(find_install_path(obj.path))
    return tuple(
        (text, directory)
        for text in obj.runpath or obj.rpath
        for directory in (
            (text,) if text.startswith("/") else expand_entry(text, origin=origin, machine=obj.machine)
        )
    )


def _shares_rpath(obj: ElfObject) -> bool:
    """Whether an object inherits the run paths of those that loaded it, and hands its own on."""
    return not obj.runpath or is_musl(obj)


def is_musl(obj: ElfObject) -> bool:
    """Whether musl's loader loads it, which is told by its needs."""
    return any(soname == "libc.so" or soname.startswith(("libc.musl-", "ld-musl-")) for soname in obj.needed)
