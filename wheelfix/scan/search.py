"""The loader's search inside one wheel: which member answers a DT_NEEDED.

glibc's order (``elf/dl-load.c``, ``_dl_map_object``): an object without DT_RUNPATH is searched for through
its own DT_RPATH and that of everything that loaded it; DT_RUNPATH counts for the object's own needs only, and
switches every DT_RPATH off. Before any of it, a soname that is already loaded is taken as it is. For musl
(``ldso/dynlink.c``, ``load_library``) both tags are the same, and both are inherited.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from wheelfix.model.elf import ElfObject
from wheelfix.scan.layout import expand_entry, find_install_path

_QT = re.compile(r"libQt\d")
_Lent = TypeVar("_Lent", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A member that answers a need.

    Attributes:
        path: member path of the library.
        via: the run-path entry that leads to it, or None if no entry does and it has to be loaded first.
        inherited_from: member whose DT_RPATH is used, if not the wanting object's own.
    """

    path: str
    via: str | None
    inherited_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A soname wanted by objects of one machine, before anybody was asked for it.

    Attributes:
        found: per wanting object, the member that answers it, or None.
        directories: directories relative to site-packages that run paths of the wanting objects name,
            with the entry as written.
        versions: symbol versions asked of it, sorted.
        optional: plugins alone want it, which no other object of the wheel is linked against.
    """

    soname: str
    machine: str
    wanted_by: tuple[str, ...]
    found: tuple[Found | None, ...]
    directories: Mapping[str, str]
    versions: tuple[str, ...]
    optional: bool = False

    @property
    def families(self) -> tuple[str, ...]:
        """What tells libraries that work together only if they are of one build, best first.

        Symbol versions that several libraries share; and the name of Qt, as some of its plugins ask for none.
        """
        return (*self.versions, *(match[0] for match in [_QT.match(self.soname)] if match))


@dataclass(frozen=True, slots=True)
class Entry:
    """One expanded run-path entry."""

    text: str
    directory: str
    owner: str


class WheelSearch:
    """Answers needs of one wheel's objects from its own members."""

    def __init__(self, objects: Iterable[ElfObject]) -> None:
        self._objects = {obj.path: obj for obj in objects}
        self._installed = {
            (o.machine, find_install_path(o.path)): o for o in self._objects.values() if o.dynamic
        }
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
        """Find the member that answers ``soname`` for ``obj``, or None."""
        for entry in self.entries(obj):
            hit = self._installed.get((obj.machine, posixpath.join(entry.directory, soname)))
            if hit:
                owner = entry.owner if entry.owner != obj.path else None
                return Found(path=hit.path, via=entry.text, inherited_from=owner)
        carrier = self._carriers.get((obj.machine, soname))
        return Found(path=carrier.path, via=None) if carrier else None

    def entries(self, obj: ElfObject) -> list[Entry]:
        """The run-path entries searched for the needs of ``obj``, in the loader's order."""
        if obj.path not in self._entries:  # asked for once per need of every object
            self._entries[obj.path] = self._find_entries(obj)
        return self._entries[obj.path]

    def _find_entries(self, obj: ElfObject) -> list[Entry]:
        own = self._expand(obj)
        if obj.runpath and not is_musl(obj):
            return own
        inherited = self._inherited.get(obj.path, ())
        return own + [Entry(*route, lender) for lender, routes in inherited for route in routes]

    @cached_property
    def _inherited(self) -> Mapping[str, list[tuple[str, tuple[tuple[str, str], ...]]]]:
        lent = {
            obj.path: tuple((e.text, e.directory) for e in self._expand(obj))
            for obj in self._objects.values()
            if lends(obj)
        }
        return self.hand_down({path: routes for path, routes in lent.items() if routes})

    @staticmethod
    def _expand(obj: ElfObject) -> list[Entry]:
        origin = posixpath.dirname(find_install_path(obj.path))
        return [
            Entry(text, directory, obj.path)
            for text in obj.runpath or obj.rpath
            for directory in expand_entry(text, origin=origin, machine=obj.machine)
        ]

    def _find_children(self) -> Mapping[str, list[str]]:
        """Whom each member may load, by soname and file name: run paths are not needed to see that."""
        children: dict[str, list[str]] = defaultdict(list)
        for obj in self._objects.values():
            for soname in dict.fromkeys(obj.needed):
                if (child := self._carriers.get((obj.machine, soname))) and child.path != obj.path:
                    children[obj.path].append(child.path)
        return children

    def hand_down(self, lent: Mapping[str, _Lent]) -> Mapping[str, list[tuple[str, _Lent]]]:
        """Tell what members inherit from those that load them, directly or through others.

        In a directory where everything loads everything else, all files have all others as lenders, and all
        of them lend the same: what is equal is followed once, whoever lends it.

        Args:
            lent: by path, what a member hands down to all it loads.

        Returns:
            By path, lenders and what they lend, nearest first, and of equally near ones the first in path
            order. What several lend alike is told once, of the nearest.
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
        """Every member that some members load, how far it is from the nearest of them, and which that is."""
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


def lends(obj: ElfObject) -> bool:
    """Whether what an object loads inherits its run path."""
    return not obj.runpath or is_musl(obj)


def is_musl(obj: ElfObject) -> bool:
    """Whether musl's loader loads it: what it is linked with says so."""
    return any(soname == "libc.so" or soname.startswith(("libc.musl-", "ld-musl-")) for soname in obj.needed)
