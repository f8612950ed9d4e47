"""From hints to libraries opened by name: what is answered already is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import DlopenNote, ElfHints
from wheelfix.model.index import Lookup
from wheelfix.model.scan import Dlopen

IsLibc = Callable[[str, str], bool]
"""Whether a soname belongs to the C library of a machine: ``is_libc(soname, machine)``."""

_FILE = re.compile(r"(?:/[^\0]*/)?[\w+-][\w.+-]*\.so(?:\.[\w.]+)?", re.ASCII)
_FOREIGN = re.compile(r"\.(?:dll|dylib|framework|exe)\b", re.IGNORECASE)
_PYTHON = re.compile(r"libpython\d")
_MAJORS = tuple(range(10))
_STRING = 2
# auditwheel renames what it bundles: libhdf5.so.320.0.0 becomes libhdf5-9e18f0c6.so.320.0.0, or
# libhdf5-fiona-9e18f0c6.so.320.0.0 in fiona.libs; what was bundled twice has two hashes.
_RENAMED = re.compile(r"(?P<stem>[^.]+?)(?:-[0-9a-f]{8})+(?P<rest>\..+)")
_RELEASE = re.compile(r"-r?\d[\w.]*")


@dataclass(frozen=True, slots=True)
class _Claim:
    """A library somebody opens; ``rank`` orders evidence, the strongest first."""

    rank: int
    dlopen: Dlopen
    machine: str


def select_dlopen(
    objects: Sequence[ElfObject],
    hints: Iterable[ElfHints],
    sources: Iterable[Dlopen],
    *,
    machine: str,
    is_libc: IsLibc,
) -> tuple[Dlopen, ...]:
    """Choose what is worth reporting among all libraries that a wheel's files open by name.

    Left out are members of the wheel, libpython and the C library, names for other systems, and an
    unversioned ``libx.so`` where ``libx.so.1`` is opened as well. What sources and notes open is told even
    if it is a need too: the file that opens it may not be the one that is linked against it. Strings are the
    weakest evidence: not believed where a DT_NEEDED entry says the same, nor where the wheel bundles that
    library under another name, as they are then what auditwheel left behind.

    Args:
        objects: the wheel's ELF files.
        hints: notes and strings of these files.
        sources: what Python sources open.
        machine: the machine sources are read for.
        is_libc: tells sonames of the C library.

    Returns:
        One per soname, sorted; the strongest evidence (note, source, string) speaks, and says how many
        more files agree.
    """
    answered = _Answered(objects, is_libc)
    claims = [
        *_find_claims(objects, hints),
        *(_Claim(rank=1, dlopen=opened, machine=machine) for opened in sources),
    ]
    grouped: dict[str, list[_Claim]] = {}
    for claim in claims:
        name = claim.dlopen.soname
        if not _FILE.fullmatch(name) or _FOREIGN.search(name) or answered(name, claim.machine):
            continue
        if claim.rank < _STRING or not answered.by_linking(name):
            grouped.setdefault(name, []).append(claim)
    versioned = {name.partition(".so")[0] for name in grouped if ".so." in name}
    kept = (n for n in grouped if not (n.endswith(".so") and n.removesuffix(".so") in versioned))
    return tuple(_merge(grouped[name]) for name in sorted(kept))


def name_providers(opened: Iterable[Dlopen], lookups: Mapping[str, Lookup]) -> tuple[Dlopen, ...]:
    """Add the nixpkgs attribute that provides each library, where there is one and no doubt about it.

    Args:
        opened: from :func:`select_dlopen`.
        lookups: answers of the index by file name.
    """

    def find(opens: Dlopen) -> str | None:
        lookup = lookups.get(opens.soname)
        return lookup.providers[0].attr if lookup and lookup.providers and not lookup.rivals else None

    return tuple(replace(opens, attr=find(opens)) for opens in opened)


class _Answered:
    """Tells the sonames that need no answer as dlopen."""

    def __init__(self, objects: Iterable[ElfObject], is_libc: IsLibc) -> None:
        self._needed: set[str] = set()
        self._own: set[str] = set()
        self._renamed: list[str] = []
        for obj in objects:
            self._needed.update(obj.needed)
            self._own |= {obj.name, obj.soname or obj.name}
            if match := _RENAMED.fullmatch(obj.name):
                owner = obj.path.rpartition("/")[0].rpartition("/")[2].removesuffix(".libs")
                self._renamed.append(match["stem"].removesuffix(f"-{owner}") + match["rest"])
        self._stems = {name.partition(".so")[0] for name in self._needed if ".so." in name}
        self._is_libc = is_libc

    def __call__(self, soname: str, machine: str) -> bool:
        name = soname.rpartition("/")[2]
        if name in self._own or _PYTHON.match(name):
            return True
        # libm.so, the name for the linker, stands for libm.so.6
        names = [name, *(f"{name}.{major}" for major in _MAJORS)] if name.endswith(".so") else [name]
        return any(self._is_libc(n, machine) for n in names)

    def by_linking(self, soname: str) -> bool:
        """Whether something is linked against it, or a member once had this soname.

        ``libx.so.1`` was the soname of ``libx.so.1.2`` or of ``libx-1.2.so``.
        """
        stem = soname.partition(".so")[0]
        if soname in self._needed or (soname.endswith(".so") and stem in self._stems):
            return True
        for name in self._renamed:
            own = name.partition(".so")[0]
            if f"{name}.".startswith(f"{soname}."):
                return True
            if own.startswith(stem) and _RELEASE.fullmatch(own.removeprefix(stem)):
                return True
        return False


def _find_claims(objects: Iterable[ElfObject], hints: Iterable[ElfHints]) -> Iterator[_Claim]:
    machines = {obj.path: obj.machine for obj in objects}
    for hint in hints:
        machine = machines.get(hint.path, hint.traits.machine)
        for note in hint.notes:
            for soname in note.sonames:
                evidence = _describe(note, soname)
                yield _Claim(0, Dlopen(soname=soname, found_in=hint.path, evidence=evidence), machine)
        for soname in hint.strings:
            evidence = f'string "{soname}" in a file that uses dlopen'
            yield _Claim(_STRING, Dlopen(soname=soname, found_in=hint.path, evidence=evidence), machine)


def _describe(note: DlopenNote, soname: str) -> str:
    words = f".note.dlopen, {note.priority}"
    if purpose := note.description or note.feature:
        words += f": {purpose}"
    rest = [name for name in note.sonames if name != soname]
    return f"{words} (or {', '.join(rest)})" if rest else words


def _merge(claims: list[_Claim]) -> Dlopen:
    best = min(claims, key=lambda c: (c.rank, c.dlopen.found_in, c.dlopen.evidence)).dlopen
    more = len({claim.dlopen.found_in for claim in claims}) - 1
    if not more:
        return best
    return replace(best, evidence=f"{best.evidence}; {more} more {'file' if more == 1 else 'files'} name it")
