"""Obtains store paths for needs that are left open: those the index recorded, or builds of nixpkgs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from wheelfix.errors import ApplyError, InputError
from wheelfix.index.lookup import find_providers
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct, decode_json, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.index import Provider
from wheelfix.outside.nixpkgs import PERMISSIONS, has_nix, has_program, write_permissions
from wheelfix.outside.places import find_store
from wheelfix.outside.processes import Stream, quote_output, run
from wheelfix.patch.model import Answer, AnswerKind, FilePlan, Group, Seeker, ShimPlan, Supplies, Supply
from wheelfix.patch.nofollow import open_directory
from wheelfix.patch.openings import find_bringers
from wheelfix.patch.runpaths import Reachable
from wheelfix.patch.state_directory import ROOTS, open_roots
from wheelfix.wheel.tree import OWN

_FEATURES: Final = ("--extra-experimental-features", "nix-command flakes")
_PRESENT: Final = ("substitute", "false"), ("max-jobs", "0"), ("builders", "")
"""Settings with which Nix gives what is in the store already, and brings nothing."""
_KEPT: Final = "kept"
"""Beginning of the names of links to what earlier runs brought."""
_HINT: Final = "install Nix, or give directories of libraries with --libs"


class _Built(Struct):
    """An installable in the output of ``nix build --json``: store paths by output."""

    outputs: dict[str, str]


def find_missing(
    plans: Iterable[FilePlan], groups: Iterable[Group], system: str
) -> Iterator[tuple[Provider, Seeker]]:
    """Find the providers of all needs that are left open and that nixpkgs answers.

    Args:
        plans: of the files that are to change.
        groups: the distributions they are from.
        system: Nix system that the providers are of; needs of other machines stay open.
    """
    machine = system.partition("-")[0]
    needs = {(g.name, n.soname): n for g in groups for n in g.needs if n.machine == machine}
    for plan in plans:
        for answer in plan.answers:
            need = needs.get((plan.distribution, answer.soname))
            if answer.kind is AnswerKind.OPEN and need and need.need_class is NeedClass.PROVIDED:
                yield need.providers[0], Seeker(plan.distribution, plan.path, answer.soname)


def find_loaders(
    plans: Iterable[FilePlan], groups: Iterable[Group], reachable: Reachable, system: str
) -> Mapping[str, tuple[Seeker, ...]]:
    """Find the program loaders that programs name and that are not in the store, by file name."""
    machine, store = system.partition("-")[0], f"{find_store()}/"
    there = {(library.directory, library.name) for library in reachable.present}
    chosen = {plan.path for plan in plans}
    found: dict[str, tuple[Seeker, ...]] = {}
    for group in groups:
        for obj in group.objects:
            if not (obj.path in chosen and obj.machine == machine and obj.executable and obj.needed):
                continue
            directory, _, name = (obj.interpreter or "").rpartition("/")
            if name and not (directory.startswith(store) and (directory, name) in there):
                found[name] = (*found.get(name, ()), Seeker(group.name, obj.path, name, is_program=True))
    return found


def plan_supplies(
    plans: Sequence[FilePlan],
    shims: Sequence[ShimPlan],
    groups: Sequence[Group],
    reachable: Reachable,
    index: SonameTable,
) -> tuple[Supply, ...]:
    """Plan what Nix has to supply, sorted by name.

    That is what answers needs that are left open, what is opened by name, and loaders of programs.

    Args:
        plans: of the files that are to change.
        shims: of the distributions' Python sources.
        groups: the distributions they are from.
        reachable: the libraries that were at hand.
        index: where the loaders, and the attributes, are looked up.

    Raises:
        IndexProblem: the index is damaged.
    """
    system = index.info.system
    pairs = [*find_missing(plans, groups, system), *find_bringers(groups, plans, shims, system)]
    loaders = find_loaders(plans, groups, reachable, system)
    sought = sorted(loaders.keys() - {library.name for library in reachable.interpreters})
    for name, lookup in zip(sought, find_providers(index, sought), strict=True):
        pairs += [(first, one) for first in lookup.providers[:1] for one in loaders[name]]
    found: dict[str, list[tuple[Provider, Seeker]]] = {}
    for provider, seeker in pairs:
        found.setdefault(name_attr(provider), []).append((provider, seeker))
    supplies = []
    for name, few in sorted(found.items()):
        first = few[0][0]
        said = index.attributes.find(first.attr)
        permissions = said.permissions if said else ()
        one = Supply(
            name=name,
            directories=tuple(sorted({one.path.rpartition("/")[0].lstrip("/") for one, _ in few})),
            store_path=first.store_path,
            seekers=tuple(sorted({seeker for _, seeker in few})),
            permissions=permissions,
            refused=tuple(one for one in permissions if os.environ.get(PERMISSIONS[one]) != "1"),
        )
        supplies.append(one)
    return tuple(supplies)


def mark_absent(plans: Sequence[FilePlan], supplies: Iterable[Supply]) -> tuple[FilePlan, ...]:
    """Say in plans why Nix has not brought what is open: it was refused, or is not in this nixpkgs."""
    sought = {one: supply for supply in supplies for one in supply.seekers}

    def mark(plan: FilePlan, answer: Answer) -> Answer:
        supply = sought.get(Seeker(plan.distribution, plan.path, answer.soname))
        if not supply or answer.unfit or answer.kind is not AnswerKind.OPEN:
            return answer
        return replace(answer, reason=_say_absent(supply), is_refused=bool(supply.refused))

    return tuple(replace(p, answers=tuple(mark(p, answer) for answer in p.answers)) for p in plans)


def _say_absent(supply: Supply) -> str:
    if supply.refused:
        settings = write_permissions(supply.refused)
        return f"{supply.name} has it, which nixpkgs refuses without {settings} in the environment"
    if supply.problem:
        return f"{supply.name} has it, and {supply.problem}"
    return f"{supply.name} of this nixpkgs has no library of this name that fits"


def mark_brought(
    plans: Sequence[FilePlan], shims: Sequence[ShimPlan], supplies: Iterable[Supply]
) -> tuple[tuple[FilePlan, ...], tuple[ShimPlan, ...]]:
    """Say in plans what Nix would bring for them."""
    brought = {one: supply.name for supply in supplies if supply.is_wanted for one in supply.seekers}
    loaders = {(one.distribution, one.path): name for one, name in brought.items() if one.is_program}

    def mark(answers: Iterable[Answer], distribution: str, path: str) -> tuple[Answer, ...]:
        marked = []
        for answer in answers:
            name = brought.get(Seeker(distribution, path, answer.soname))
            is_open = answer.kind is AnswerKind.OPEN or (answer.opened and answer.kind is AnswerKind.LEFT)
            marked.append(
                replace(answer, kind=AnswerKind.BROUGHT, attr=name, reason=f"nixpkgs has it in {name}")
                if name and is_open
                else answer
            )
        return tuple(marked)

    def mark_file(plan: FilePlan) -> FilePlan:
        answers = mark(plan.answers, plan.distribution, plan.path)
        return replace(plan, answers=answers, interpreter=loaders.get((plan.distribution, plan.path)))

    return (
        tuple(map(mark_file, plans)),
        tuple(replace(s, answers=mark(s.answers, s.distribution, "")) for s in shims),
    )


def plan_bringing(outputs: tuple[Supply, ...], nixpkgs: str | None, origin: str, home: Path) -> Supplies:
    """Plan the one command that brings outputs, and protects them from garbage collection.

    Args:
        outputs: from :func:`plan_supplies`.
        nixpkgs: the nixpkgs to build from; None takes the store paths that the index recorded.
        origin: who named it.
        home: the environment, or the directory of patched wheels, that uses them: the roots are links in its
            ``.wheelfix/roots``.
    """
    if nixpkgs is None:
        hint = "has no store path in this index: give --nixpkgs, which builds it, or --libs"
        outputs = tuple(one if one.store_path else replace(one, problem=hint) for one in outputs)
    wanted = [one for one in outputs if one.is_wanted]
    if not wanted:
        return Supplies(nixpkgs=nixpkgs, origin=origin, outputs=outputs)
    if nixpkgs is None:
        paths = sorted({one.store_path for one in wanted if one.store_path})
        command = ("nix-store", "--realise", *paths, "--indirect", "--add-root", _name_root(home, paths))
    else:
        names = [one.name for one in wanted]
        needs_permission = any(one.permissions for one in wanted)
        command = plan_build(nixpkgs, names, _name_root(home, [nixpkgs, *names]), impure=needs_permission)
    return Supplies(nixpkgs=nixpkgs, origin=origin, outputs=outputs, command=command)


def _name_root(home: Path, wanted: Iterable[str]) -> str:
    """Name the link of the first root; Nix numbers the others.

    No link that is there gets another target: a nixpkgs may have moved on, and files name the old paths.
    """
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    place = home / OWN / ROOTS
    taken = list_roots(home)
    name = next(
        name
        for name in (f"{digest}-{number}" for number in count())
        if not any(one == name or one.startswith(f"{name}-") for one in taken)
    )
    with suppress(ValueError):  # as short as it can be, for people who paste it
        place = place.relative_to(Path.cwd())
    return str(place / name)


def list_roots(home: Path) -> Mapping[str, str]:
    """List the links that protect store paths, and where they lead to.

    Args:
        home: as for :func:`plan_bringing`.
    """
    found = {}
    with suppress(OSError):
        for name in sorted(os.listdir(home / OWN / ROOTS)):  # noqa: PTH208
            with suppress(OSError):
                found[name] = os.readlink(home / OWN / ROOTS / name)  # noqa: PTH115 - of any name
    return found


def renew_roots(home: Path) -> str | None:
    """Register all roots again: Nix finds them by their paths, and an environment may have been moved.

    Args:
        home: as for :func:`plan_bringing`.

    Returns:
        What is wrong if they cannot be registered, else None.
    """
    store = f"{find_store()}/"
    # Anybody can have made the links; a derivation would be built.
    found = {path for path in list_roots(home).values() if path.startswith(store) and path[-4:] != ".drv"}
    paths = sorted(path for path in found if os.path.exists(path))  # noqa: PTH110
    if not paths or not has_nix():
        return None
    with open_roots(home) as roots:
        ran = run(("nix-store", "--realise", *paths, "--indirect", "--add-root", str(roots / _KEPT)))
    return f"nix-store says: {quote_output(ran.messages)}" if ran.code else None


def _drop_doubles(home: Path, before: Mapping[str, str]) -> None:
    """Remove links that were made since, and that lead where older ones lead."""
    made = {name: path for name, path in list_roots(home).items() if name not in before}
    if set(made.values()) <= set(before.values()):
        with open_roots(home) as roots, open_directory(roots) as place:
            for name in made:
                os.unlink(name, dir_fd=place)


class Brought(Struct):
    """What Nix brought.

    Attributes:
        supplies: with the reason where it did not.
        directories: of the libraries.
    """

    supplies: Supplies
    directories: tuple[Path, ...] = ()


def bring(supplies: Supplies, home: Path) -> Brought:
    """Let Nix build or fetch what is planned.

    If one output cannot be had, the others are brought nevertheless.

    Args:
        supplies: from :func:`plan_bringing`.
        home: as for :func:`plan_bringing`.

    Raises:
        ApplyError: Nix does not print their store paths.
        InputError: what is in the place of the roots is not wheelfix's.
    """
    if not supplies.command:
        return Brought(supplies=supplies)
    if not has_program(supplies.command[0]):
        missing = supplies.command[0] if has_nix() else "Nix"
        return Brought(supplies=replace(supplies, problem=f"{missing} is not on PATH"))
    with open_roots(home):
        before = list_roots(home)
        ran = _run(supplies.command)
        if ran is None:
            supplies, paths = _find_brought(supplies, home)
        else:
            paths = ran
            _drop_doubles(home, before)
    below = {place for one in supplies.outputs for place in one.directories}
    return Brought(supplies=supplies, directories=find_directories(paths, below))


def _find_brought(supplies: Supplies, home: Path) -> tuple[Supplies, tuple[Path, ...]]:
    """Find out what is in the store after a command that failed."""
    outputs: list[Supply] = []
    paths: list[Path] = []
    problem = f"{supplies.command[0]} does not bring it: what it said is above"
    for one in supplies.outputs:
        if not one.is_wanted:
            outputs.append(one)
            continue
        alone = plan_bringing((one,), supplies.nixpkgs, supplies.origin, home).command
        settings = tuple(word for name, value in _PRESENT for word in ("--option", name, value))
        found = _run((*alone, *settings), messages=Stream.KEEP)
        outputs.append(one if found else replace(one, problem=problem))
        paths += found or ()
    return replace(supplies, outputs=tuple(outputs)), tuple(dict.fromkeys(paths))


def name_attr(provider: Provider) -> str:
    """Return the attribute path of a provider's output.

    Example:
        >>> name_attr(Provider(attr="onetbb", output="out", path="/lib/libtbb.so.12", store_path=None))
        'onetbb.out'
    """
    attr, output = provider.attr, provider.output
    return attr if attr.endswith(f".{output}") else f"{attr}.{output}"


def plan_build(reference: str, names: Sequence[str], link: str, *, impure: bool = False) -> tuple[str, ...]:
    """Plan the command that builds attributes of a nixpkgs; it prints store paths (``nix-build``) or JSON.

    Args:
        reference: a path, a path of NIX_PATH (``<nixpkgs>``), or else a flake reference.
        names: attribute paths.
        link: the first of the links that protect them.
        impure: whether variables that give permissions count.
    """
    path = Path(reference)
    if reference.startswith("<") or path.exists():
        source = reference if reference.startswith("<") else str(path.resolve())
        attrs = [word for name in names for word in ("-A", name)]
        return ("nix-build", source, *attrs, "--keep-going", "-o", link)
    installables = [f"{reference}#{name}" for name in names]
    options = ("--impure", "--keep-going") if impure else ("--keep-going",)
    return ("nix", *_FEATURES, "build", "--out-link", link, *options, "--json", *installables)


def find_directories(paths: Iterable[Path], below: Iterable[str]) -> tuple[Path, ...]:
    """List the directories of libraries in store paths: the top, ``lib``, and those that are named.

    Args:
        paths: the store paths.
        below: directories relative to them.
    """
    places: dict[Path, None] = {}
    named = sorted(set(below) - {"", "lib"})
    for path in paths:
        places[path] = None
        places |= {path / name: None for name in named if (path / name).is_dir()}
    return tuple(places)


def _run(command: Sequence[str], *, messages: Stream = Stream.SHARE) -> tuple[Path, ...] | None:
    """Run Nix; returns the store paths, or None if it failed, which it has said itself.

    Raises:
        InputError: it is not on PATH.
        ApplyError: it prints something else.
    """
    missing = InputError(command[0], "is not on PATH", _HINT)
    done = run(command, messages=messages, missing=missing, hint=_HINT)
    if done.code:
        return None
    hint = "give the paths with --libs, or another Nix"
    if command[0] != "nix":
        lines = tuple(Path(line) for line in dict.fromkeys(os.fsdecode(done.output).split("\n")) if line)
        if not lines or not all(os.path.isabs(line) or line.is_symlink() for line in lines):  # noqa: PTH117
            raise ApplyError(command[0], "prints no store paths", hint)
        return lines
    try:
        built = decode_json(done.output, tuple[_Built, ...])
    except ValueError as error:
        raise ApplyError("nix build --json", f"prints no store paths ({error})", hint) from None
    return tuple(dict.fromkeys(Path(path) for one in built for path in one.outputs.values()))
