"""Answers what distributions open by name from the libraries at hand: run paths, and shims for Python code.

ELF files get run paths (:mod:`wheelfix.patch.runpaths`). For Python sources, a shim beside them finds each
name that a library at hand answers. A name that the shim in place has keeps its library, as long as that is
there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wheelfix.index.driver import RUN_PATH
from wheelfix.index.names import find_series
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import Library
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import Provider
from wheelfix.model.scan import Held, Opening, OpeningForm
from wheelfix.patch.model import Answer, AnswerKind, FilePlan, Group, Seeker, ShimPlan
from wheelfix.pysource.shim import ShimTable
from wheelfix.scan.shims import find_modules, find_source, list_preloaded

_VERSION = re.compile(r"\d+(?:\.\d+)*")
_CLASSES = frozenset({NeedClass.PROVIDED, NeedClass.AMBIGUOUS, NeedClass.UNKNOWN, NeedClass.DRIVER})
"""Who answers what nothing in the environment does."""


def list_opened(group: Group) -> Mapping[str, tuple[Opening, ...]]:
    """List what the ELF files of a distribution open, and nothing in it brings, by path.

    A string alone is no reason to look for what nixpkgs is not known to have.
    """
    found: dict[str, tuple[Opening, ...]] = {}
    for opening in group.openings:
        is_weak = opening.kind is OpeningKind.STRING and opening.form is OpeningForm.NONE
        if opening.call is None and _is_wanted(opening) and not is_weak:
            found[opening.file] = (*found.get(opening.file, ()), opening)
    return found


def list_called(group: Group, choose: Callable[[str], bool]) -> tuple[Opening, ...]:
    """List what the Python sources of a distribution open, and nothing in it brings."""
    return tuple(o for o in group.openings if o.call and _is_wanted(o) and find_source(o) and choose(o.file))


def _is_wanted(opening: Opening) -> bool:
    return opening.need_class in _CLASSES and opening.held in {None, Held.REFUSED}


def list_names(opening: Opening) -> Iterator[tuple[str, str]]:
    """List what may answer an opening, best first: the name as it is opened, and the name of the file."""
    names = [opening.answered] if opening.answered else opening.names
    for name in names:
        yield name, posixpath.basename(name)
    if opening.answered and opening.providers:
        yield opening.answered, posixpath.basename(opening.providers[0].path)


def is_version(file: str, name: str) -> bool:
    """Whether a file is a version of a library whose name has none: ``libx.so.1`` of ``libx.so``."""
    return name.endswith(".so") and bool(_VERSION.fullmatch(file.removeprefix(f"{name}.")))


def choose_library(
    opening: Opening, libraries: Mapping[str, Sequence[Library]], fits: Callable[[Library], bool]
) -> tuple[str, Library] | None:
    """Choose the library that answers an opening, with the name that it answers.

    Args:
        opening: the opening.
        libraries: those at hand, by the name of the file without what follows ``.so``.
        fits: whether one can be loaded.
    """
    for name, file in list_names(opening):
        near = [lib for lib in libraries.get(find_series(file), ()) if fits(lib)]
        exact = [lib for lib in near if lib.name == file]
        versions = [lib for lib in near if is_version(lib.name, file)]
        if exact:
            return name, exact[0]
        if versions:
            first = [lib for lib in versions if lib.directory == versions[0].directory]
            return name, max(first, key=lambda lib: _split(lib.name.removeprefix(f"{file}.")))
    return None


def _split(version: str) -> tuple[int, int]:
    # Of libx.so.1 and libx.so.1.2 the first is the soname.
    parts = version.split(".")
    return int(parts[0]), -len(parts)


def group_by_series(libraries: Iterable[Library]) -> Mapping[str, Sequence[Library]]:
    """Group libraries by their names without versions, in the given order."""
    found: dict[str, list[Library]] = {}
    for library in libraries:
        found.setdefault(find_series(library.name), []).append(library)
    return found


def plan_shims(
    groups: Sequence[Group],
    libraries: Sequence[Library],
    present: Mapping[str, ShimTable],
    *,
    machine: str,
    driver: bool,
    serves: Callable[[Library], bool] = lambda library: True,
    choose: Callable[[str], bool] = lambda path: True,
) -> tuple[ShimPlan, ...]:
    """Plan the shims of all distributions.

    Args:
        groups: the distributions.
        libraries: those at hand, in the order in which they are preferred.
        present: tables of the shims that are in place, with libraries that are there.
        machine: of the interpreter.
        driver: whether to answer for libraries of the GPU driver.
        serves: whether the C library of the interpreter is new enough for a library.
        choose: tells by path which sources count.

    Returns:
        One for each distribution whose sources open what nothing in it brings, sorted.
    """
    series = group_by_series(libraries)

    def fits(library: Library) -> bool:
        return library.machine == machine and library.musl is not True and serves(library)

    plans = []
    for group in sorted(groups, key=lambda one: one.name):
        openings = list_called(group, choose) if group.name else ()
        if not openings:
            continue
        old = present.get(group.name, ShimTable(modules=(), libraries={})).libraries
        answers: dict[str, Answer] = {}
        paths: dict[str, str] = {}
        answered = []
        for opening in openings:
            tried = [(one, _answer(one, old, series, fits, driver=driver)) for one in _list_tried(opening)]
            good = [(one, answer, path) for one, (answer, path) in tried if path]
            if opening.call and opening.call.alternatives:
                good = good[:1]
            for one, answer, path in good:
                paths[answer.soname] = path
                answers[answer.soname] = answer
                answered.append(one)
            if not good:
                first = tried[0][1][0]
                answers.setdefault(first.soname, first)
        table = ShimTable(
            modules=find_modules(answered, group.files),
            libraries=paths,
            preload=tuple(paths[name] for name in list_preloaded(answered, group.files) if name in paths),
        )
        plans.append(
            ShimPlan(
                distribution=group.name,
                answers=tuple(answers[name] for name in sorted(answers)),
                table=table if paths else None,
            )
        )
    return tuple(plans)


def _list_tried(opening: Opening) -> Iterator[Opening]:
    """List the names of an opening, each as one of its own, as the code may open all of them."""
    for name in dict.fromkeys([*filter(None, [opening.answered]), *opening.names]):
        yield (
            opening
            if name == opening.answered
            else replace(opening, answered=None, names=(name,), providers=())
        )


def _answer(
    opening: Opening,
    old: Mapping[str, str],
    series: Mapping[str, Sequence[Library]],
    fits: Callable[[Library], bool],
    *,
    driver: bool,
) -> tuple[Answer, str | None]:
    """Answer one opening: the answer, and the path of the library."""
    name = opening.answered or opening.names[0]
    for one, _ in list_names(opening):
        if path := old.get(one):
            return _make_answer(one, AnswerKind.KEPT, path), path
    if opening.need_class is NeedClass.DRIVER:
        if driver:
            path = f"{RUN_PATH}/{posixpath.basename(name)}"
            return _make_answer(name, AnswerKind.ADDED, path), path
        return _make_answer(name, AnswerKind.LEFT, ""), None
    if found := choose_library(opening, series, fits):
        one, library = found
        path = f"{library.directory}/{library.name}"
        return _make_answer(one, AnswerKind.ADDED, path), path
    return Answer(soname=name, kind=AnswerKind.LEFT, reason=say_left(opening), opened=True), None


def _make_answer(name: str, kind: AnswerKind, path: str) -> Answer:
    directory = posixpath.dirname(path) or None
    reason = path or "comes with the GPU driver: --driver"
    return Answer(soname=name, kind=kind, reason=reason, directory=directory, opened=True)


def say_left(opening: Opening) -> str:
    """Write in one clause who would bring what is opened."""
    if opening.providers:
        return f"opened by name: {opening.providers[0].attr} has it"
    return "opened by name: nobody in this index has it"


def find_bringers(
    groups: Sequence[Group], plans: Iterable[FilePlan], shims: Iterable[ShimPlan], system: str
) -> Iterator[tuple[Provider, Seeker]]:
    """Find the providers of what is opened by name, has code, and is not answered yet.

    Args:
        groups: the distributions.
        plans: of their ELF files.
        shims: of their Python sources.
        system: Nix system that the providers are of.
    """
    machine = system.partition("-")[0]
    left = {Seeker(p.distribution, p.path, a.soname) for p in plans for a in p.answers if _is_left(a)}
    left |= {Seeker(s.distribution, "", a.soname) for s in shims for a in s.answers if _is_left(a)}
    for group in groups:
        machines = {obj.path: obj.machine for obj in group.objects}
        for opening in group.openings:
            if opening.form is OpeningForm.NONE or opening.need_class is not NeedClass.PROVIDED:
                continue
            path = "" if opening.call else opening.file
            one = Seeker(group.name, path, opening.answered or "")
            if one in left and machines.get(path, machine) == machine:
                yield opening.providers[0], one


def _is_left(answer: Answer) -> bool:
    return answer.opened and answer.kind is AnswerKind.LEFT
