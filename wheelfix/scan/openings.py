"""Selects openings from the hints of a wheel's files, and answers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from wheelfix.model.backends import Backend
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, OpeningKind, SourceUse
from wheelfix.model.index import Attribute, Permission, find_permissions
from wheelfix.model.scan import Held, Need, Opening, OpeningForm

IsLibc = Callable[[str, str], bool]
"""Whether a soname belongs to the C library of a machine: ``is_libc(soname, machine)``."""

_FILE = re.compile(r"(?:/[^\0]*/)?[\w+-][\w.+-]*\.so(?:\.[\w.]+)?", re.ASCII)
_FOREIGN = re.compile(r"\.(?:dll|dylib|framework|exe)\b", re.IGNORECASE)
_PYTHON = re.compile(r"libpython\d")
_MAJORS = tuple(range(10))
# auditwheel renames bundled libraries: libhdf5.so.320.0.0 becomes libhdf5-9e18f0c6.so.320.0.0, or
# libhdf5-fiona-9e18f0c6.so.320.0.0 in fiona.libs; a library that was bundled twice has two hashes.
_RENAMED = re.compile(r"(?P<stem>[^.]+?)(?:-[0-9a-f]{8})+(?P<rest>\..+)")
_RELEASE = re.compile(r"-r?\d[\w.]*")
_BACKENDS = {"rocmPackages.": "rocm", "level-zero": "xpu", "intel-compute-runtime": "xpu"}
"""Backends by the attributes that are for them alone, or how these begin; CUDA's need a permission anyway."""
_SUFFIX = re.compile(r"(?:[-_](?:x86_64|amd64|linux\w*|64|[0-9a-f]{8}))+")
"""What wheels append to the names of libraries that they carry."""
_STRENGTH = {OpeningKind.NOTE: 0, OpeningKind.STRING: 2}
_SOURCE = 1


class _Claim(Struct, kw_only=False):
    """An opening, and the machine of its file."""

    opening: Opening
    machine: str


def select_openings(
    objects: Sequence[ElfObject],
    hints: Iterable[ElfHints],
    uses: Iterable[SourceUse],
    *,
    machine: str,
    is_libc: IsLibc,
) -> tuple[Opening, ...]:
    """Select the openings to report from all that a wheel's files open by name.

    Left out, name by name, are members of the wheel, libpython and the C library, and names for other
    systems; as a string, an unversioned ``libx.so`` where anything opens ``libx.so.1``. A name that sources
    and notes open is kept even if it is a need too, because another file than the opening one may be linked
    against it.
    Strings are the weakest evidence. A string is dropped if a DT_NEEDED entry has the same name, if the wheel
    bundles that library under another name (auditwheel leaves such strings behind), or if a note of the same
    file has the name.

    Args:
        objects: the wheel's ELF files.
        hints: notes and strings of these files.
        uses: what Python sources open and run.
        machine: machine for which sources are read.
        is_libc: recognises sonames of the C library.

    Returns:
        Without answers; sorted by file, line, kind and names.
    """
    answered = _Answered(objects, is_libc)
    claims = [*_find_claims(objects, hints), *_find_called(uses, machine)]
    kept = [(claim.opening, _choose_names(claim, answered)) for claim in claims]
    everywhere = {stem for _, names in kept for stem in _find_versioned(names)}
    found: dict[Opening, None] = {}
    for opening, names in kept:
        if opening.kind is OpeningKind.STRING:
            names = tuple(n for n in names if n.removesuffix(".so") not in everywhere)
        if names:
            found[replace(opening, names=names)] = None
    return tuple(sorted(found, key=_order))


def _find_versioned(names: Iterable[str]) -> set[str]:
    """Return the stems of the names that have a version: ``libx`` of ``libx.so.1``."""
    return {name.partition(".so")[0] for name in names if ".so." in name}


def answer_opening(opening: Opening, decided: Mapping[str, Need]) -> tuple[Opening, ...]:
    """Answer an opening with the class of its first name that is not unknown.

    An unversioned ``libx.so`` gives way to a ``libx.so.1`` that is known.
    Further names of a call that may open all of them get answers of their own, unless one is another version
    of a library that has one.

    Args:
        opening: from :func:`select_openings`.
        decided: the classified need for each of its names.

    Returns:
        The opening, and another one for each further answer.
    """
    if opening.kind is OpeningKind.PROGRAM:
        return (opening,)
    found: dict[str, Opening] = {}
    known = [name for name in opening.names if decided[name].need_class is not NeedClass.UNKNOWN]
    versioned = _find_versioned(known)
    for name in known:
        if name.removesuffix(".so") in versioned:
            continue  # the soname is what there is for sure
        need = decided[name]
        # An absolute path is tried beside the plain name, not instead.
        stem = name if name.startswith("/") else _find_stem(name)
        if stem not in found:
            found[stem] = replace(
                opening,
                answered=name,
                need_class=need.need_class,
                cause=need.cause,
                distribution=need.distribution,
                providers=need.providers,
                form=choose_form(opening, name, need.need_class),
            )
    answers = tuple(found.values()) or (replace(opening, need_class=NeedClass.UNKNOWN),)
    return answers[:1] if opening.call is None or opening.call.alternatives else answers


def choose_form(opening: Opening, name: str, need_class: NeedClass) -> OpeningForm:
    """Choose the first form of code that is proved exact for an opening.

    A GPU driver has no path that is right on every system, so that its name is never replaced in a source.
    No run path answers an absolute path in compiled code.

    Args:
        opening: the opening.
        name: the name that is answered.
        need_class: class of that name.
    """
    if need_class not in {NeedClass.PROVIDED, NeedClass.DRIVER}:
        return OpeningForm.NONE
    if opening.call is None:
        return OpeningForm.NONE if name.startswith("/") else OpeningForm.RUN_PATH
    edited = any(called.edit for called in opening.call.names if called.name == name)
    return OpeningForm.SUBSTITUTE if edited and need_class is NeedClass.PROVIDED else OpeningForm.SHIM


def hold_back(
    openings: Sequence[Opening],
    objects: Iterable[ElfObject],
    needs: Iterable[Need],
    attributes: Mapping[str, Attribute],
    *,
    prefer: Collection[str] = (),
    gpu: Backend | None = None,
) -> tuple[Opening, ...]:
    """Take back the form of openings for which code would do more harm than good: see :class:`Held`.

    Args:
        openings: answered.
        objects: ELF files of the wheel.
        needs: of the wheel, classified.
        attributes: what nixpkgs says of attributes.
        prefer: attributes that the user prefers; for these there is code.
        gpu: the backend that the user chose; None if nobody did.
    """
    linked = {n.providers[0].attr for n in needs if n.need_class is NeedClass.PROVIDED and n.is_used}
    context = _Context(
        carried=frozenset(_split_version(obj.name)[0] for obj in objects),
        linked=frozenset(linked),
        allowed=frozenset(p for a in linked if a in attributes for p in attributes[a].permissions),
        backends=frozenset(filter(None, [*map(_find_backend, linked), gpu.name if gpu else ""])),
        newest=_find_newest(openings),
    )
    found = []
    for opening in openings:
        if opening.form is OpeningForm.NONE or opening.need_class is not NeedClass.PROVIDED:
            found.append(opening)
            continue
        attr = opening.providers[0].attr
        permissions = find_permissions(attr, attributes)
        held = None if attr in prefer else _find_held(opening, permissions, context)
        form = OpeningForm.NONE if held else opening.form
        found.append(replace(opening, form=form, held=held, permissions=permissions))
    return tuple(found)


class _Context(Struct):
    """What decides whether code is written for openings.

    Attributes:
        carried: stems of the wheel's own libraries.
        linked: attributes that the wheel is linked against.
        allowed: permissions that these need anyway.
        backends: those that are chosen, by name.
        newest: of the strings of one file, the newest answered name of each stem.
    """

    carried: frozenset[str]
    linked: frozenset[str]
    allowed: frozenset[Permission]
    backends: frozenset[str]
    newest: Mapping[tuple[str, str], str]


def _find_held(opening: Opening, permissions: Collection[Permission], context: _Context) -> Held | None:
    attr, name = opening.providers[0].attr, opening.answered or ""
    stem = _find_stem(name)
    backend = _find_backend(attr)
    if backend and backend not in context.backends:
        return Held.OTHER_GPU
    if any(_is_same(stem, own) for own in context.carried):
        return Held.CARRIED
    wanted = opening.call and opening.call.at_import and not opening.optional
    if attr not in context.linked and not wanted and not context.allowed.issuperset(permissions):
        return Held.REFUSED
    if opening.kind is OpeningKind.STRING and context.newest[opening.file, stem] != name:
        return Held.NEWER
    return None


def _find_backend(attr: str) -> str:
    """Find the backend that an attribute is for; empty if it is for none alone."""
    return next((name for prefix, name in _BACKENDS.items() if attr.startswith(prefix)), "")


def _is_same(stem: str, own: str) -> bool:
    """Whether a library of the wheel is the one that is opened: ``libsndfile_x86_64`` is ``libsndfile``."""
    rest = own.removeprefix(stem)
    return own.startswith(stem) and (not rest or _SUFFIX.fullmatch(rest) is not None)


def _find_newest(openings: Iterable[Opening]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for opening in openings:
        if opening.kind is OpeningKind.STRING and opening.form is not OpeningForm.NONE and opening.answered:
            key = (opening.file, _find_stem(opening.answered))
            found[key] = max(found.get(key, opening.answered), opening.answered, key=_split_version)
    return found


def _find_stem(name: str) -> str:
    return _split_version(name.rpartition("/")[2])[0]


def _split_version(name: str) -> tuple[str, tuple[int, ...]]:
    """Split a file name into its stem and the numbers of its version, which are none for ``libx.so``."""
    stem, _, version = name.partition(".so")
    return stem, tuple(int(part) for part in version.split(".") if part.isdecimal())


def group_by_name(openings: Iterable[Opening]) -> Mapping[str, tuple[Opening, ...]]:
    """Group openings by the names that they open.

    Returns:
        Names sorted; for each, the strongest evidence (note, source, string) first.
    """
    found: dict[str, list[Opening]] = {}
    for opening in openings:
        if opening.kind is not OpeningKind.PROGRAM:
            for name in opening.names:
                found.setdefault(name, []).append(opening)

    def rank(opening: Opening) -> tuple[int, tuple[str, int, str, tuple[str, ...]]]:
        return _STRENGTH.get(opening.kind, _SOURCE), _order(opening)

    return {name: tuple(sorted(found[name], key=rank)) for name in sorted(found)}


def find_answer(openings: Iterable[Opening], name: str) -> Opening | None:
    """Find the strongest opening whose answer is about ``name``; None if all of its openings are unknown.

    Args:
        openings: from :func:`group_by_name`, strongest first.
        name: a name that all of them have.
    """
    return next((opening for opening in openings if opening.answered == name), None)


class _Answered:
    """Recognises names that need no answer when they are opened."""

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
        if name in self._own or _PYTHON.match(name) or _find_stem(name) == "libc":
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
            opening = Opening(
                file=hint.path,
                kind=OpeningKind.NOTE,
                names=tuple(dict.fromkeys(note.sonames)),
                optional=note.priority != "required",
                note=note,
            )
            yield _Claim(opening, machine)
        declared = {soname for note in hint.notes for soname in note.sonames}
        for soname in hint.strings:
            if soname not in declared:
                yield _Claim(Opening(file=hint.path, kind=OpeningKind.STRING, names=(soname,)), machine)


def _find_called(uses: Iterable[SourceUse], machine: str) -> Iterator[_Claim]:
    for use in uses:
        for call in use.calls:
            opening = Opening(
                file=use.path,
                line=call.line,
                kind=call.kind,
                names=tuple(called.name for called in call.names),
                optional=call.optional,
                anchor=use.anchor,
                call=call,
            )
            yield _Claim(opening, machine)


def _choose_names(claim: _Claim, answered: _Answered) -> tuple[str, ...]:
    opening = claim.opening
    if opening.kind is OpeningKind.PROGRAM:
        return opening.names

    def is_open(name: str) -> bool:
        if not _FILE.fullmatch(name) or _FOREIGN.search(name) or answered(name, claim.machine):
            return False
        return opening.kind is not OpeningKind.STRING or not answered.by_linking(name)

    return tuple(filter(is_open, opening.names))


def _order(opening: Opening) -> tuple[str, int, str, tuple[str, ...]]:
    return opening.file, opening.line or 0, opening.kind.value, opening.names
