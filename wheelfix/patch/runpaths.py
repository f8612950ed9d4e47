"""Plans edits of run paths from needs and the libraries at hand, one file at a time.

A file gets only the directories that answer its own needs. They come after its ``$ORIGIN`` entries, so that
it still finds the libraries beside itself. The objects that it loads inherit its DT_RPATH: if a new entry
would hide the copy of a library that another file found by inheritance, that file gets its own entry for that
copy. At the end every need is searched for again with the new run paths. Which tag an entry is written under
is decided in patch/edit/plan.py.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Sequence

from wheelfix.index.driver import RUN_PATH, is_driver_directory
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import CLASS_TRAITS, NeedClass
from wheelfix.model.elf import ElfObject, Library
from wheelfix.model.scan import Need, Opening
from wheelfix.patch.model import Answer, AnswerKind, ElfEdit, FilePlan, Group
from wheelfix.patch.openings import list_names, list_opened, say_left
from wheelfix.scan.layout import find_install_path
from wheelfix.scan.loader import Found, Loader, is_musl
from wheelfix.scan.sentences import say_cause, say_need


class Reachable(Struct):
    """Libraries, directories and loaders outside of the target that run paths may name.

    Attributes:
        libraries: those that may be added, in the order in which they are preferred.
        present: libraries in directories that run paths name already.
        dead: directories of a Nix store that run paths name, and that do not exist.
        interpreters: program loaders, best first.
        driver: whether to answer needs of the GPU driver's libraries too.
        glibc: version that the interpreter has; empty if it is not known.
    """

    libraries: Sequence[Library] = ()
    present: Sequence[Library] = ()
    dead: Collection[str] = ()
    interpreters: Sequence[Library] = ()
    driver: bool = False
    glibc: tuple[int, ...] = ()

    def serves(self, library: Library) -> bool:
        """Whether the C library of the interpreter is new enough for a library."""
        return not self.glibc or library.glibc <= self.glibc


def plan_run_paths(
    groups: Sequence[Group], reachable: Reachable, *, choose: Callable[[str], bool] = lambda path: True
) -> tuple[FilePlan, ...]:
    """Plan the changes of all ELF files.

    Args:
        groups: all files that are loaded together: those of a wheel, or of an environment.
        reachable: the libraries outside of them.
        choose: tells by path which files may change.

    Returns:
        One plan per dynamic object that may change, sorted by path.
    """
    owners = {obj.path: group for group in groups for obj in group.objects}
    loader = Loader(
        (obj for group in groups for obj in group.objects), (*reachable.present, *reachable.libraries)
    )
    alone = {group.name: Loader(group.objects) for group in groups}
    classes = {(g.name, n.machine, n.soname): n for g in groups for n in g.needs}
    shelf = _Shelf(reachable)
    opened = {path: found for group in groups for path, found in list_opened(group).items()}
    drafts: dict[str, list[Answer]] = {}
    for path, group in owners.items():
        obj = loader.objects[path]
        if obj.dynamic and choose(path):
            drafts[path] = [
                _answer(
                    obj,
                    soname,
                    loader,
                    alone[group.name],
                    classes.get((group.name, obj.machine, soname)),
                    shelf,
                )
                for soname in dict.fromkeys(obj.needed)
            ]
            drafts[path] += [_answer_opened(obj, one, loader, shelf) for one in opened.get(path, ())]
    _pin(drafts, loader, reachable)
    plans = [_plan_file(loader.objects[p], owners[p].name, drafts[p], shelf) for p in sorted(drafts)]
    return _check(plans, loader, reachable)


class _Shelf:
    """The reachable libraries, indexed by name, as both libraries and files may be many."""

    def __init__(self, reachable: Reachable) -> None:
        self.reachable = reachable
        self.driver, self.dead = reachable.driver, frozenset(reachable.dead)
        self.places = frozenset(lib.directory for lib in reachable.present)
        directories = dict.fromkeys(lib.directory for lib in reachable.libraries)
        self.rank = {directory: number for number, directory in enumerate(directories)}
        self._present = frozenset((lib.directory, lib.name) for lib in reachable.present)
        self._libraries = _group_by_name(reachable.libraries)
        self._interpreters = _group_by_name(reachable.interpreters)

    def find_library(self, obj: ElfObject, name: str) -> Library | None:
        """Find the first library of a name that fits an object."""
        found = self._libraries.get(name, ())
        if not obj.interpreter:  # a program gets the loader, and so the C library, that belongs to them
            found = [library for library in found if self.reachable.serves(library)]
        return _choose_library(obj, found)

    def find_too_new(self, obj: ElfObject, name: str) -> Library | None:
        """Find a library for an object that the C library of the interpreter is too old for."""
        found = self._libraries.get(name, ())
        return _choose_library(obj, [library for library in found if not self.reachable.serves(library)])

    def find_opened(self, obj: ElfObject, opening: Opening) -> Library | None:
        """Find the first library that answers an opening and fits an object; a version is never guessed."""
        found = (self.find_library(obj, file) for _, file in list_names(opening))
        return next(filter(None, found), None)

    def find_interpreter(self, obj: ElfObject) -> str | None:
        """Find the loader for a program; None if it keeps its own."""
        if not obj.interpreter or not obj.executable or not obj.needed:
            return None
        directory, _, name = obj.interpreter.rpartition("/")
        if (directory, name) in self._present:
            return None
        library = _choose_library(obj, self._interpreters.get(name, ()))
        return posixpath.join(library.directory, library.name) if library else None


def _group_by_name(libraries: Iterable[Library]) -> dict[str, list[Library]]:
    found: dict[str, list[Library]] = {}
    for library in libraries:
        found.setdefault(library.name, []).append(library)
    return found


def _answer(
    obj: ElfObject, soname: str, loader: Loader, alone: Loader, need: Need | None, shelf: _Shelf
) -> Answer:
    kind = need.need_class if need else NeedClass.UNKNOWN
    if "/" in soname:
        return Answer(soname=soname, kind=AnswerKind.KEPT, reason="names a path")
    if hit := loader.follow(obj, soname):
        return Answer(soname=soname, kind=AnswerKind.KEPT, reason=f"{hit.via} leads to {hit.path}")
    places = [e for e in obj.runpath or obj.rpath if kind is NeedClass.DRIVER and is_driver_directory(e)]
    if places and (RUN_PATH in places or not shelf.driver):
        return Answer(soname=soname, kind=AnswerKind.KEPT, reason=f"looked for in {places[0]}")
    if kind is NeedClass.DRIVER and shelf.driver:
        reason = "comes with the GPU driver"
        return Answer(soname=soname, kind=AnswerKind.ADDED, reason=reason, directory=RUN_PATH)
    if left := CLASS_TRAITS[kind].unreached:
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=left)
    if carrier := alone.find(obj, soname):
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=f"{carrier.path} has to be loaded first")
    if library := shelf.find_library(obj, soname):
        reason = f"{library.directory}/{library.name}"
        return Answer(soname=soname, kind=AnswerKind.ADDED, reason=reason, directory=library.directory)
    if kind is NeedClass.SIBLING and need:
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=f"{need.distribution} brings it")
    if need and not need.is_used:
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=say_need(need))
    if unfit := shelf.find_too_new(obj, soname):
        reason, path = say_too_new(unfit, shelf.reachable.glibc), f"{unfit.directory}/{unfit.name}"
        return Answer(soname=soname, kind=AnswerKind.OPEN, reason=reason, unfit=path)
    optional = bool(need and need.optional)
    return Answer(soname=soname, kind=AnswerKind.OPEN, reason=_say_open(need), optional=optional)


def say_too_new(library: Library, glibc: tuple[int, ...]) -> str:
    """Write in one clause that a library wants a newer C library than the interpreter has."""
    wanted, has = (".".join(map(str, version)) for version in (library.glibc, glibc))
    path = f"{library.directory}/{library.name}"
    return f"{path} is for glibc {wanted} or newer, and the Python of this environment runs with {has}"


def _answer_opened(obj: ElfObject, opening: Opening, loader: Loader, shelf: _Shelf) -> Answer:
    """Answer what a file opens by name: it is not linked against it, so that nothing is open without."""
    name = opening.answered or opening.names[0]
    kind, reason, directory = AnswerKind.LEFT, say_left(opening), None
    hits = (loader.follow(obj, file) for _, file in list_names(opening))
    if hit := next(filter(None, hits), None):
        kind, reason = AnswerKind.KEPT, f"{hit.via} leads to {hit.path}"
    elif opening.need_class is NeedClass.DRIVER:
        reason = "comes with the GPU driver"
        if shelf.driver:
            kind, directory = AnswerKind.ADDED, RUN_PATH
    elif found := shelf.find_opened(obj, opening):
        kind, reason, directory = AnswerKind.ADDED, f"{found.directory}/{found.name}", found.directory
    return Answer(soname=name, kind=kind, reason=reason, directory=directory, opened=True)


def _say_open(need: Need | None) -> str:
    if need and need.need_class is NeedClass.PROVIDED:
        return f"provided by {need.providers[0].attr}"
    return say_cause(need.cause) if need else "nobody is known to have it"


def _choose_library(obj: ElfObject, libraries: Iterable[Library]) -> Library | None:
    """Choose the first library that fits; one that is linked with another C library does not fit."""
    libc = is_musl(obj)
    for library in libraries:
        if library.machine == obj.machine and library.musl in {None, libc}:
            return library
    return None


def _pin(drafts: dict[str, list[Answer]], loader: Loader, reachable: Reachable) -> None:
    """Give files their own entries for copies that new entries of the objects loading them would hide."""
    names = {(lib.machine, lib.directory, lib.name) for lib in (*reachable.present, *reachable.libraries)}
    added = {
        path: {a.directory for a in answers if a.kind is AnswerKind.ADDED and a.directory}
        for path, answers in drafts.items()
    }
    inherited = loader.find_inherited(added)
    for path, answers in drafts.items():
        obj = loader.objects[path]
        for number, answer in enumerate(answers):
            hit = loader.follow(obj, answer.soname) if answer.kind is AnswerKind.KEPT else None
            if hit is None or hit.inherited_from is None:
                continue
            if any((obj.machine, new, answer.soname) in names for new in inherited.get(path, ())):
                entry = _find_entry(obj, hit)
                answers[number] = Answer(
                    soname=answer.soname,
                    kind=AnswerKind.PINNED,
                    reason=f"inherited from {hit.inherited_from}, which gets an entry that has it too",
                    directory=entry,
                )


def _find_entry(obj: ElfObject, hit: Found) -> str:
    if hit.outside:
        return hit.directory
    here = posixpath.dirname(find_install_path(obj.path))
    relative = posixpath.relpath(hit.directory, here)
    return "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"


def _plan_file(obj: ElfObject, distribution: str, answers: Sequence[Answer], shelf: _Shelf) -> FilePlan:
    old = tuple(obj.runpath or obj.rpath)
    wanted = dict.fromkeys(a.directory for a in answers if a.directory)
    pins = [e for e in wanted if e.startswith("$ORIGIN") and e not in old]
    # The driver's directory comes last, because it has libraries of other packages too.
    outside = sorted(
        (e for e in wanted if not e.startswith("$")), key=lambda e: shelf.rank.get(e, len(shelf.rank))
    )
    outside = [e for e in outside if e not in old]
    new = old
    if pins or outside:
        kept = [e for e in old if e not in shelf.dead]
        at = max((i + 1 for i, e in enumerate(kept) if e.startswith(("$ORIGIN", "${ORIGIN}"))), default=0)
        # Existing directories of a store stay before the new ones.
        while at < len(kept) and kept[at] in shelf.places:
            at += 1
        new = (*kept[:at], *pins, *outside, *kept[at:])
    edit = _edit(old, new, shelf.find_interpreter(obj))
    return FilePlan(path=obj.path, distribution=distribution, answers=tuple(answers), edit=edit, run_path=new)


def _edit(old: tuple[str, ...], new: tuple[str, ...], interpreter: str | None) -> ElfEdit | None:
    if new == old:
        return ElfEdit(interpreter=interpreter) if interpreter else None
    if new[: len(old)] == old:  # also if an old entry is empty, which the editor refuses to write
        return ElfEdit(add_run_path=new[len(old) :], interpreter=interpreter)
    return ElfEdit(run_path=tuple(e for e in new if e), interpreter=interpreter)


def _check(plans: Sequence[FilePlan], before: Loader, reachable: Reachable) -> tuple[FilePlan, ...]:
    """Search for every need again with the new run paths.

    Returns:
        The plans; an edit that would make a file find another copy of a library is removed.
    """
    plans = list(plans)
    libraries = (*reachable.present, *reachable.libraries)
    for _ in range(len(plans) + 1):  # every round but the last removes an edit
        changed = {p.path: p.run_path for p in plans if p.edit and not p.conflict}
        after = Loader(
            (set_run_path(obj, changed.get(path)) for path, obj in before.objects.items()), libraries
        )
        blamed: dict[str, str] = {}
        for path, obj in after.objects.items():
            for soname in dict.fromkeys(obj.needed):
                old, new = before.follow(before.objects[path], soname), after.follow(obj, soname)
                if old and (not new or (old.path, old.directory) != (new.path, new.directory)):
                    culprit = new.inherited_from if new and new.inherited_from in changed else path
                    if culprit in changed:
                        blamed[culprit] = f"{path} would find another {soname} than now"
        if not blamed:
            break
        plans = [
            replace(p, conflict=blamed[p.path]) if p.path in blamed and not p.conflict else p for p in plans
        ]
    return tuple(replace(p, edit=None) if p.conflict else p for p in plans)


def set_run_path(obj: ElfObject, entries: tuple[str, ...] | None) -> ElfObject:
    """Return an object with another run path, under its present tag; None leaves it."""
    if entries is None:
        return obj
    return replace(obj, runpath=entries) if obj.runpath else replace(obj, rpath=entries)
