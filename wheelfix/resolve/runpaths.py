"""From needs and libraries at hand to edits of run paths, one file at a time.

A file gets the directories that answer its own needs and no others. They come behind its ``$ORIGIN``
entries, so that what it finds beside itself stays what it finds. Its DT_RPATH is inherited by what it loads:
where a new entry would come before the copy that another file used to inherit, that file gets an entry of its
own that leads to it. At the end every need is looked for again with the new run paths.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from wheelfix.model.elf import ElfObject
from wheelfix.model.patch import ElfEdit
from wheelfix.model.repair import Answer, AnswerKind, FilePlan, Group, Library
from wheelfix.model.scan import Need, NeedClass
from wheelfix.resolve.layout import find_install_path
from wheelfix.resolve.loader import Hit, Loader
from wheelfix.resolve.search import WheelSearch, is_musl

DRIVER_DIRECTORY = "/run/opengl-driver/lib"

_LEFT = {
    NeedClass.LIBC: "comes with the loader",
    NeedClass.PYTHON: "the interpreter has it loaded",
    NeedClass.DRIVER: "comes with the GPU driver: --driver adds its directory",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What run paths may lead to outside of what is patched.

    Attributes:
        libraries: those that may be added, in the order in which they are preferred.
        present: those in directories that run paths name already.
        dead: directories of a Nix store that run paths name and that do not exist.
        interpreters: program loaders, best first.
        driver: answer the driver's needs, too.
    """

    libraries: Sequence[Library] = ()
    present: Sequence[Library] = ()
    dead: Collection[str] = ()
    interpreters: Sequence[Library] = ()
    driver: bool = False


def plan_run_paths(
    groups: Sequence[Group], supply: Supply, *, choose: Callable[[str], bool] = lambda path: True
) -> tuple[FilePlan, ...]:
    """Decide what is to change in every ELF file.

    Args:
        groups: everything that is loaded together: a wheel's files, or those of an environment.
        supply: what is at hand outside of them.
        choose: tells by path which files may change.

    Returns:
        One plan per dynamic object that may change, sorted by path.
    """
    owners = {obj.path: group for group in groups for obj in group.objects}
    loader = Loader((obj for group in groups for obj in group.objects), (*supply.present, *supply.libraries))
    alone = {group.name: WheelSearch(group.objects) for group in groups}
    drafts: dict[str, list[Answer]] = {}
    for path, group in owners.items():
        obj = loader.objects[path]
        if obj.dynamic and choose(path):
            classes = {need.soname: need for need in group.needs if need.machine == obj.machine}
            drafts[path] = [
                _answer(obj, soname, loader, alone[group.name], classes.get(soname), supply)
                for soname in dict.fromkeys(obj.needed)
            ]
    _pin(drafts, loader, supply)
    plans = [_plan_file(loader.objects[p], owners[p].name, drafts[p], supply) for p in sorted(drafts)]
    return _check(plans, loader, supply)


def _answer(
    obj: ElfObject, soname: str, loader: Loader, alone: WheelSearch, need: Need | None, supply: Supply
) -> Answer:
    kind = need.need_class if need else NeedClass.UNKNOWN
    if "/" in soname:
        return Answer(soname=soname, kind=AnswerKind.KEPT, reason="names a path")
    if hit := loader.find(obj, soname):
        where = hit.member or posixpath.join(hit.directory, soname)
        return Answer(soname=soname, kind=AnswerKind.KEPT, reason=f"{hit.entry} leads to {where}")
    if kind is NeedClass.DRIVER and supply.driver:
        if DRIVER_DIRECTORY in (obj.runpath or obj.rpath):
            return Answer(soname=soname, kind=AnswerKind.KEPT, reason=f"looked for in {DRIVER_DIRECTORY}")
        reason = "comes with the GPU driver"
        return Answer(soname=soname, kind=AnswerKind.ADDED, reason=reason, directory=DRIVER_DIRECTORY)
    if kind in _LEFT:
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=_LEFT[kind])
    if carrier := alone.find(obj, soname):
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=f"{carrier.path} has to be loaded first")
    if library := _choose_library(obj, soname, supply.libraries):
        reason = f"{library.directory}/{library.name}"
        return Answer(soname=soname, kind=AnswerKind.ADDED, reason=reason, directory=library.directory)
    if kind is NeedClass.SIBLING and need:
        return Answer(soname=soname, kind=AnswerKind.LEFT, reason=f"{need.distribution} brings it")
    return Answer(soname=soname, kind=AnswerKind.OPEN, reason=_say_open(need))


def _say_open(need: Need | None) -> str:
    if need and need.need_class is NeedClass.PROVIDED:
        return f"provided by {need.providers[0].attr}"
    return need.reason if need else "nobody is known to have it"


def _choose_library(obj: ElfObject, name: str, libraries: Iterable[Library]) -> Library | None:
    """The first library of a name that fits; one linked with another C library does not."""
    libc = is_musl(obj)
    for library in libraries:
        if library.name == name and library.machine == obj.machine and library.musl in {None, libc}:
            return library
    return None


def _pin(drafts: dict[str, list[Answer]], loader: Loader, supply: Supply) -> None:
    """Give files their own way to the copies that new entries of their loaders would hide."""
    names = {(lib.machine, lib.directory, lib.name) for lib in (*supply.present, *supply.libraries)}
    added = {
        path: {a.directory for a in answers if a.kind is AnswerKind.ADDED} for path, answers in drafts.items()
    }
    for path, answers in drafts.items():
        obj = loader.objects[path]
        for number, answer in enumerate(answers):
            hit = loader.find(obj, answer.soname) if answer.kind is AnswerKind.KEPT else None
            if hit is None or hit.owner == path:
                continue
            hidden = any(
                (obj.machine, directory, answer.soname) in names
                for lender in loader.lenders(obj)
                for directory in added.get(lender, ())
            )
            if hidden:
                entry = _find_entry(obj, hit)
                answers[number] = Answer(
                    soname=answer.soname,
                    kind=AnswerKind.PINNED,
                    reason=f"inherited from {hit.owner}, which gets an entry that has it too",
                    directory=entry,
                )


def _find_entry(obj: ElfObject, hit: Hit) -> str:
    if hit.member is None:
        return hit.directory
    here = posixpath.dirname(find_install_path(obj.path))
    relative = posixpath.relpath(hit.directory, here)
    return "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"


def _plan_file(obj: ElfObject, distribution: str, answers: Sequence[Answer], supply: Supply) -> FilePlan:
    old = tuple(obj.runpath or obj.rpath)
    order = list(dict.fromkeys(lib.directory for lib in supply.libraries))
    wanted = dict.fromkeys(a.directory for a in answers if a.directory)
    pins = [e for e in wanted if e.startswith("$ORIGIN") and e not in old]
    rank = {directory: number for number, directory in enumerate(order)}
    # The driver's directory comes last: it holds libraries of other packages, too.
    outside = sorted((e for e in wanted if not e.startswith("$")), key=lambda e: rank.get(e, len(rank)))
    outside = [e for e in outside if e not in old]
    new = old
    if pins or outside:
        kept = [e for e in old if e not in supply.dead]
        at = max((i + 1 for i, e in enumerate(kept) if e.startswith(("$ORIGIN", "${ORIGIN}"))), default=0)
        # Directories of a store that are there already stay before the new ones.
        while at < len(kept) and kept[at] in {lib.directory for lib in supply.present}:
            at += 1
        new = (*kept[:at], *pins, *outside, *kept[at:])
    edit = _edit(old, new, _choose_interpreter(obj, supply))
    return FilePlan(path=obj.path, distribution=distribution, answers=tuple(answers), edit=edit, run_path=new)


def _edit(old: tuple[str, ...], new: tuple[str, ...], interpreter: str | None) -> ElfEdit | None:
    if new == old:
        return ElfEdit(interpreter=interpreter) if interpreter else None
    if new[: len(old)] == old:  # also where an old entry is empty, which the editor would not write
        return ElfEdit(add_run_path=new[len(old) :], interpreter=interpreter)
    return ElfEdit(run_path=tuple(e for e in new if e), interpreter=interpreter)


def _choose_interpreter(obj: ElfObject, supply: Supply) -> str | None:
    """The loader a program gets; None if it keeps its own."""
    if not obj.interpreter or not obj.executable or not obj.needed:
        return None
    directory, _, name = obj.interpreter.rpartition("/")
    if any(lib.directory == directory and lib.name == name for lib in supply.present):
        return None
    library = _choose_library(obj, name, supply.interpreters)
    return posixpath.join(library.directory, library.name) if library else None


def _check(plans: Sequence[FilePlan], before: Loader, supply: Supply) -> tuple[FilePlan, ...]:
    """Look for every need again, with the run paths as they will be.

    Returns:
        The plans; those whose edit would make any file find something else, without the edit.
    """
    plans = list(plans)
    libraries = (*supply.present, *supply.libraries)
    for _ in range(len(plans) + 1):  # every round takes an edit back, if it is not the last
        changed = {p.path: p.run_path for p in plans if p.edit and not p.conflict}
        after = Loader(
            (_with_run_path(obj, changed.get(path)) for path, obj in before.objects.items()), libraries
        )
        blamed: dict[str, str] = {}
        for path, obj in after.objects.items():
            for soname in dict.fromkeys(obj.needed):
                old, new = before.find(before.objects[path], soname), after.find(obj, soname)
                if old and (not new or (old.member, old.directory) != (new.member, new.directory)):
                    culprit = new.owner if new and new.owner in changed else path
                    if culprit in changed:
                        blamed[culprit] = f"{path} would find another {soname} than now"
        if not blamed:
            break
        plans = [
            replace(p, conflict=blamed[p.path]) if p.path in blamed and not p.conflict else p for p in plans
        ]
    return tuple(replace(p, edit=None) if p.conflict else p for p in plans)


def _with_run_path(obj: ElfObject, entries: tuple[str, ...] | None) -> ElfObject:
    """An object with the run path that the editor will give it, under the tag it has."""
    if entries is None:
        return obj
    return replace(obj, runpath=entries) if obj.runpath else replace(obj, rpath=entries)
