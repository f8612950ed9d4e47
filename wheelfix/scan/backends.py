"""Finds alternatives: files of one wheel for different GPUs, of which a machine uses one.

Two kinds of evidence, and never the name of the package: files whose paths differ only by a word for a
backend (``libx_cuda118.so``, ``libx_rocm64.so``; the words are in ``data/backends.toml``), and a library for
a backend that nothing in the wheel is linked against, so that it is opened at run time or not at all.

The backend that is used: what the user asks for, else what the wheel, and then the distributions beside it,
are made for, else the CUDA of nixpkgs; but, unless the user asks for it, none whose libraries nobody has.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from wheelfix.index.cuda import find_default_cuda
from wheelfix.model.backends import Alternative, Backend, Unused, Wish, WishClue
from wheelfix.model.base import Struct, replace
from wheelfix.model.tables import InOrder, Name, Row, Table, load_table
from wheelfix.scan.siblings import expand_required, guess_cuda_major

if TYPE_CHECKING:
    from wheelfix.model.at_hand import AtHand
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.scan import Known
    from wheelfix.model.wheel import Distribution

CPU = "cpu"
_CUDA = "cuda"
_SEVERAL = 2
_DEEPEST = 50
"""Directories in a path; the names in a longer one cost time, and tell nothing."""
_WORDS = re.compile(r"([-_.]+)")
_LABEL = re.compile(r"([a-z]+)[-_]?(\d[\d.]{0,8})?x?")
_NVIDIA = re.compile(r"nvidia-[a-z0-9-]+-cu(\d\d)")
_RUNTIME = "cuda-runtime"
"""In the name of the distribution that everything of CUDA needs."""
_EXTENSION = re.compile(r"\.(?:cpython-|abi3|pypy|cp3)")
_VERSION_FEATURE = re.compile(r"(?:cuda|rocm)_version(?:_lower_bound)?")


class BackendRow(Row):
    """A backend; what its fields mean is at the head of the table."""

    name: str
    words: tuple[str, ...]
    directories: tuple[str, ...]
    versioned: tuple[str, ...]
    digits: int
    distributions: tuple[Name, ...]
    namespaces: tuple[str, ...]


class Backends(Table):
    """All backends, in order of preference."""

    FILE = "backends.toml"

    backends: InOrder[BackendRow]


@cache
def _find_rows() -> dict[str, BackendRow]:
    return {row.name: row for row in load_table(Backends).backends}


def parse_backend(word: str, *, directory: bool = False) -> Backend | None:
    """Read a backend out of one word of a name; None if the word is for none.

    Args:
        word: without separators, in any case.
        directory: whether it is the name of a directory.

    Example:
        >>> parse_backend("cuda118"), parse_backend("rocm6.4"), parse_backend("cu")
        (Backend(name='cuda', version='11.8'), Backend(name='rocm', version='6.4'), None)
    """
    match = _LABEL.fullmatch(word.lower())
    if match is None:
        return None
    stem, digits = match[1], (match[2] or "").strip(".")
    for row in _find_rows().values():
        words = (*row.words, *row.directories) if directory else row.words
        if (stem in words and (not digits or row.digits)) or (digits and stem in row.versioned):
            return Backend(name=row.name, version=_split_version(digits, row.digits))
    return None


def _split_version(text: str, digits: int) -> str:
    if "." in text or len(text) <= digits:
        return text
    return f"{text[:digits]}.{text[digits:]}"


def find_wish(wheel: Distribution, at_hand: AtHand, asked: Backend | None = None) -> Wish:
    """Find out which backend is to be used.

    Args:
        wheel: whose files there are alternatives of.
        at_hand: distributions beside it.
        asked: the user's choice.
    """
    if asked:
        return Wish(backend=asked, clue=WishClue.ASKED, evidence=asked.label)
    if found := _read_variant(wheel.variant, wheel.properties):
        return Wish(backend=found, clue=WishClue.VARIANT, evidence=f"variant {wheel.variant}")
    if own := _read_own(wheel):
        return own
    if beside := _read_beside(wheel, at_hand):
        return beside
    return Wish(backend=Backend(name=_CUDA, version=find_default_cuda()), clue=WishClue.NIXPKGS)


def _read_variant(label: str, properties: Mapping[str, Mapping[str, Sequence[str]]]) -> Backend | None:
    for row in _find_rows().values():
        for namespace in row.namespaces:
            features = properties.get(namespace)
            if features is None:
                continue
            versions = [
                v for name, values in features.items() if _VERSION_FEATURE.fullmatch(name) for v in values
            ]
            telling = [v for v in versions if re.fullmatch(r"\d+(\.\d+)*", v)]
            return Backend(name=row.name, version=min(telling, key=_order) if telling else "")
    return next((b for word in _WORDS.split(label) if (b := parse_backend(word))), None)


def _order(version: str) -> tuple[int, ...]:
    return _order_version(version)


def _read_own(wheel: Distribution) -> Wish | None:
    local = _read_local(wheel.version)
    if local:
        return Wish(backend=local, clue=WishClue.OWN, evidence=f"{wheel.name} {wheel.version}")
    required = {r.name: r for r in wheel.requires if r.active}
    for name in sorted(required):
        if match := _NVIDIA.fullmatch(name):
            return Wish(backend=Backend(name=_CUDA, version=match[1]), clue=WishClue.OWN, evidence=name)
    for row in _find_rows().values():
        for name in sorted(expand_required(required).intersection(row.distributions)):
            version = "13" if row.name == _CUDA else ""
            return Wish(backend=Backend(name=row.name, version=version), clue=WishClue.OWN, evidence=name)
    for word in wheel.name.split("-"):
        found = parse_backend(word)
        if found and found.version:
            return Wish(backend=found, clue=WishClue.OWN, evidence=wheel.name)
    return None


def _read_local(version: str) -> Backend | None:
    """Read a backend out of a local version: ``2.9.1+cu128``, ``2.9.1+rocm6.4``, ``2.9.1+cpu``."""
    return parse_backend(version.partition("+")[2]) if "+" in version else None


def _read_beside(wheel: Distribution, at_hand: AtHand) -> Wish | None:
    """Find what the distributions beside a wheel are for; local versions say it of themselves."""
    others = {name: version for name, version in at_hand.versions.items() if name != wheel.name}
    found: list[tuple[bool, str, Backend]] = []
    for name, version in others.items():
        if local := _read_local(version):
            found.append((False, f"{name} {version}", local))
        elif match := _NVIDIA.fullmatch(name):
            found.append((True, name, Backend(name=_CUDA, version=match[1])))
        else:
            row = next((r for r in _find_rows().values() if name in r.distributions), None)
            if row:
                major = version.partition(".")[0] if row.name == _CUDA else ""
                found.append((True, name, Backend(name=row.name, version=major)))
    found = [one for one in found if one[2].name in _find_rows()]
    if not found:
        return None
    # Of several CUDAs in one environment the one that most wheels are of: others are there for a tool. Among
    # equals the newest: its wheels are there for something newer.
    counts = Counter(backend for _, _, backend in found)
    _, evidence, backend = min(
        found, key=lambda f: (f[0], -counts[f[2]], _invert(f[2].version), _RUNTIME not in f[1], f[1])
    )
    return Wish(backend=backend, clue=WishClue.AT_HAND, evidence=evidence)


def _invert(version: str) -> tuple[int, ...]:
    return tuple(-number for number in _order_version(version))


class Choice(Struct):
    """The alternatives of a wheel, with those that are used.

    Attributes:
        wish: which backend is to be used, and why.
        alternatives: sorted by family, then backend.
        unused: paths of files that are not used: those of other alternatives, and what only these load.
        chosen: the backend that is used instead of them; None if the wheel computes without one.
    """

    wish: Wish
    alternatives: tuple[Alternative, ...] = ()
    unused: frozenset[str] = frozenset()
    chosen: Backend | None = None

    @property
    def major(self) -> str | None:
        """The major version of the CUDA that is to be used, if something says it; None if not."""
        backend = self.chosen or self.wish.backend
        if backend.name != _CUDA or (not self.chosen and self.wish.clue is WishClue.NIXPKGS):
            return None
        return backend.major or None


def list_unused(choices: Iterable[Choice]) -> frozenset[str]:
    """List the paths of all files that are not used."""
    return frozenset(path for choice in choices for path in choice.unused)


def judge_use(choices: Sequence[Choice], wanted_by: Collection[str]) -> Unused | None:
    """Tell why a need of some files is not used; None if it is, or if nothing wants it."""
    if not wanted_by or not list_unused(choices).issuperset(wanted_by):
        return None
    choice = next(choice for choice in choices if not choice.unused.isdisjoint(wanted_by))
    rest = [a for a in choice.alternatives if not a.chosen]
    # A library that only files of alternatives load has no backend of its own.
    mine = [a for a in rest if not set(wanted_by).isdisjoint(a.files)] or rest
    backends = {a.backend.label for a in mine}
    return Unused(backends=tuple(sorted(backends)), chosen=choice.chosen, wish=choice.wish)


class _Part(Struct):
    """A file that is for a backend.

    Attributes:
        family: its path, with ``*`` in place of the backend.
        folder: the directory with ``*`` in place of the backend, if a directory has it in its name.
    """

    obj: ElfObject
    backend: Backend
    family: str
    folder: str = ""


def choose_backends(
    objects: Sequence[ElfObject],
    known: Mapping[tuple[str, str], Known],
    wish: Wish,
    wheel: Distribution,
    at_hand: AtHand,
) -> Choice:
    """Find the alternatives among the files of a wheel, and choose the backend that is used.

    Args:
        objects: ELF files of the wheel.
        known: what is known of every soname that they need, by soname and machine.
        wish: the backend that is to be used.
        wheel: its metadata.
        at_hand: distributions beside it.
    """
    parts = _find_parts(objects)
    if not parts:
        return Choice(wish=wish)
    groups: dict[Backend, list[_Part]] = {}
    for part in parts:
        key = Backend(name=part.backend.name, version=part.backend.major)
        groups.setdefault(key, []).append(part)
    carried, there = find_carried_names(objects, wheel, at_hand)
    missing = {
        key: tuple(sorted({s for p in some for s in list_missing(p.obj, known, carried, there)}))
        for key, some in groups.items()
    }
    chosen = _choose(groups, missing, wish, known)
    out = {p.obj.path for key, some in groups.items() if not _is_used(key, chosen) for p in some}
    return Choice(
        wish=wish,
        alternatives=tuple(
            Alternative(
                family=tuple(sorted({p.family for p in some})),
                backend=max((p.backend for p in some), key=lambda b: _order_version(b.version)),
                files=tuple(sorted(p.obj.path for p in some)),
                chosen=_is_used(key, chosen),
                missing=missing[key],
            )
            for key, some in sorted(groups.items(), key=lambda item: _rank_default(item[0]))
        ),
        unused=spread(objects, out),
        chosen=chosen,
    )


def _is_used(backend: Backend, chosen: Backend | None) -> bool:
    return backend.name == CPU or (chosen is not None and backend.fits(chosen))


def _order_version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if re.fullmatch(r"[0-9]{1,9}", part))


def _choose(
    groups: Mapping[Backend, Sequence[_Part]],
    missing: Mapping[Backend, Sequence[str]],
    wish: Wish,
    known: Mapping[tuple[str, str], Known],
) -> Backend | None:
    """Choose one backend, or None: the files for the processor, which are always used, are enough."""
    candidates = [key for key in groups if key.name != CPU]
    if wish.backend.name == CPU:
        return None
    named = [key for key in candidates if key.name == wish.backend.name]
    exact = [key for key in named if key.fits(wish.backend)]
    if wish.clue is WishClue.ASKED:
        # Another major of what was asked for is nearer to it than nothing; another backend is not.
        return min(exact or named, key=lambda key: (len(missing[key]), _rank_default(key)), default=None)
    gone = {soname for (soname, _), one in known.items() if one.lookup.gone or one.lookup.nearest}

    def rank(key: Backend) -> tuple[bool, bool, bool, tuple[int, tuple[int, ...]]]:
        return bool(missing[key]), key not in exact, key not in named, _rank_default(key)

    # An only alternative is dropped for nothing but a library that is known to be there no more.
    possible = [key for key in candidates if not gone.intersection(missing[key])]
    return min(possible, key=rank, default=None)


def _rank_default(backend: Backend) -> tuple[int, tuple[int, ...]]:
    """Rank a backend where nothing says which: nixpkgs' own CUDA, then the newest of the first backend."""
    is_default = backend.name == _CUDA and backend.version == find_default_cuda()
    return list(_find_rows()).index(backend.name), (-99,) if is_default else _invert(backend.version)


def find_carried_names(
    objects: Iterable[ElfObject], wheel: Distribution, at_hand: AtHand
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of libraries that are there, and the distributions that are, or have to be."""
    carried = {name for obj in objects for name in (obj.name, obj.soname) if name}
    there = {r.name for r in wheel.requires if r.active}
    return frozenset(carried.union(at_hand.libraries)), frozenset(there.union(at_hand.versions))


def list_missing(
    obj: ElfObject, known: Mapping[tuple[str, str], Known], carried: Collection[str], there: Collection[str]
) -> Iterable[str]:
    """Yield the sonames that a file needs and that nobody provides who is known to be there."""
    for soname in obj.needed:
        one = known[soname, obj.machine]
        answered = one.libc or one.driver or one.lookup.providers or soname in carried
        if not answered and not any(c.distribution in there for c in one.carriers):
            yield soname


def _find_parts(objects: Sequence[ElfObject]) -> list[_Part]:
    """Find the files that are for a backend, and that the rest of the wheel works without."""
    parts = [part for obj in objects if _may_be_unused(obj) and (part := _read_part(obj))]
    backends: dict[tuple[str, str], set[Backend]] = {}
    for part in parts:
        key = Backend(name=part.backend.name, version=part.backend.major)
        backends.setdefault((part.obj.machine, part.family), set()).add(key)
        if part.folder and is_library(part.obj):
            backends.setdefault((part.obj.machine, part.folder), set()).add(key)
    accelerated = {part.obj.path for part in parts if part.backend.name != CPU}
    if not accelerated:
        return []
    has_core = len(accelerated) < len(objects)
    twins = _find_twins(parts, objects)
    found = {
        part.obj.path: part
        for part in parts
        if len(backends[part.obj.machine, part.family]) >= _SEVERAL
        or (is_library(part.obj) and len(backends.get((part.obj.machine, part.folder), ())) >= _SEVERAL)
        or (has_core and is_library(part.obj) and (not part.folder or part.family in twins))
    }
    while bound := _find_bound(objects, found):
        found = {path: part for path, part in found.items() if path not in bound}
    return [replace(part, backend=_date(part.backend, part.obj)) for part in found.values()]


def _find_bound(objects: Iterable[ElfObject], found: Mapping[str, _Part]) -> set[str]:
    """Find what files for another backend, or for none, are linked against: that is no alternative."""
    names = {
        (part.obj.machine, name): path
        for path, part in found.items()
        for name in (part.obj.name, part.obj.soname)
        if name
    }
    return {
        path
        for obj in objects
        for soname in obj.needed
        if (path := names.get((obj.machine, soname), ""))
        and (obj.path not in found or found[obj.path].backend.name != found[path].backend.name)
    }


def _find_twins(parts: Iterable[_Part], objects: Iterable[ElfObject]) -> set[str]:
    """Find the families in folders for a backend that other folders have a file of: ``lib/*/libx.so``."""
    wanted = {part.family for part in parts if part.folder}
    counts: Counter[str] = Counter()
    for obj in objects if wanted else ():
        folders = obj.path.split("/")
        paths = ("/".join((*folders[:n], "*", *folders[n + 1 :])) for n in range(len(folders) - 1))
        counts.update(wanted.intersection(paths))
    return {family for family, count in counts.items() if count >= _SEVERAL}


def is_library(obj: ElfObject) -> bool:
    """Whether it is a library by its name, and not a module that Python imports."""
    return obj.name.startswith("lib") and _may_be_unused(obj)


def _may_be_unused(obj: ElfObject) -> bool:
    """Whether it is no module that Python imports by its name: all of these have to load."""
    return not _EXTENSION.search(obj.name) and obj.path.count("/") <= _DEEPEST


def _read_part(obj: ElfObject) -> _Part | None:
    directory, name = posixpath.split(obj.path)
    stem, mark, rest = name.partition(".")
    words = _WORDS.split(stem)
    for number, word in enumerate(words):
        if number % 2 == 0 and (backend := parse_backend(word)):
            family = posixpath.join(directory, "".join((*words[:number], "*", *words[number + 1 :])))
            return _Part(obj=obj, backend=backend, family=f"{family}{mark}{rest}")
    folders = directory.split("/") if directory else []
    for number in reversed(range(len(folders))):
        if backend := parse_backend(folders[number], directory=True):
            above, below = "/".join((*folders[:number], "*")), "/".join((*folders[number + 1 :], name))
            return _Part(obj=obj, backend=backend, family=f"{above}/{below}", folder=above)
    return None


def _date(backend: Backend, obj: ElfObject) -> Backend:
    """Add the version of CUDA that a file is linked against, if its name tells none."""
    if backend.version or backend.name != _CUDA:
        return backend
    return Backend(name=_CUDA, version=guess_cuda_major(obj.needed) or "")


def spread(objects: Sequence[ElfObject], out: Iterable[str]) -> frozenset[str]:
    """Add to files that are not used the libraries that nothing else is linked against."""
    found = set(out)
    if not found:
        return frozenset()
    carriers: dict[tuple[str, str], list[str]] = {}
    for obj in objects:
        for name in {obj.name, obj.soname or obj.name}:
            carriers.setdefault((obj.machine, name), []).append(obj.path)
    users: dict[str, set[str]] = {}
    for obj in objects:
        for soname in obj.needed:
            for path in carriers.get((obj.machine, soname), ()):
                users.setdefault(path, set()).add(obj.path)
    while more := {path for path, some in users.items() if path not in found and some <= found}:
        found |= more
    return frozenset(found)
