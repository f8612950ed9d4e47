"""Says what to do about targets: commands to run, and code to paste with the file that it goes into.

These are the first lines of a scan and of a page. What is to be pasted is whole: it evaluates where it is
put. Code that is too long for that is left to the command that writes the file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wheelfix.errors import InputError
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import Permission
from wheelfix.model.override import Cuda, Dialect, Override
from wheelfix.model.scan import Level, Opening, WheelScan
from wheelfix.nix.parts import find_refused, take_bare
from wheelfix.nix.printer import print_flat, render_binding
from wheelfix.nix.tree import TRUE, Binding, List, Str, Var, With, bind, drop_comments, select
from wheelfix.outside.nixpkgs import write_permissions
from wheelfix.override.dialects import find_several_wheels
from wheelfix.override.libraries import Libraries, collect_libraries
from wheelfix.override.overlay import write_package
from wheelfix.override.plan import plan_overrides
from wheelfix.report.escape import hide_passwords
from wheelfix.report.model import Advice, Remedy
from wheelfix.scan.sentences import name_some
from wheelfix.scan.target import Target, TargetKind, quote_target

if TYPE_CHECKING:
    from wheelfix.scan.scan import TargetScan, TargetScans

Given = Sequence[tuple[str, str]]
"""Options that the user gave, with their values, in their order."""

INSTALLED = frozenset({TargetKind.ENVIRONMENT, TargetKind.ELF, TargetKind.CONDA, TargetKind.CONDA_URL})
"""Kinds of targets that are used as they are, and of which no package set is made."""

_WIDTH = 76
_LINES, _LONGEST = 12, 106
"""Lines, and columns of one, of code that is shown to be pasted; what is larger is written by a command."""
_NAMED = 6
_ROOM = 56
"""Columns for names of attributes in one line."""
_OPEN = 2
_TARGETS = 3
_INTO_FLAKE = "and paste into flake.nix, into lib.composeManyExtensions, after {} overlay:"
_IMPORT_MODULE = "move it beside configuration.nix, paste into `imports = [ … ];` there, and rebuild:"
_INSTALLS = {
    "uv.lock": ("uv sync", ".venv"),
    "poetry.lock": ("poetry install", '"$(poetry env info --path)"'),
    "pdm.lock": ("pdm sync", ".venv"),
    "Pipfile.lock": ("pipenv sync", '"$(pipenv --venv)"'),
    "pixi.lock": ("pixi install", ".pixi/envs/default"),
    "conda-lock.yml": ("conda-lock install -p .conda conda-lock.yml", ".conda"),
}
"""How a lock is installed, and where, by its name."""
_IMPORT_OVERLAY = "(import ./overrides.nix { inherit pkgs lib; })"
_NOT_FOR_LOCKS = frozenset({"--with"})


def advise(read: TargetScans, given: Given = ()) -> Advice:
    """Find what to do about everything that was scanned together.

    Args:
        read: the scanned parts, at least one.
        given: options of the scan, which the commands have to have too.
    """
    overrides = plan_overrides(read, Dialect.SHELL, Cuda.WHEELS).overrides
    kinds = {part.target.kind for part in read.parts}
    # A screen is sent to others, or kept in a log: who runs a command puts the password back.
    targets = list(dict.fromkeys(hide_passwords(part.target.text) for part in read.parts))
    given = [(name, hide_passwords(value)) for name, value in given]
    options = "".join(f" {name} {quote_target(value)}" for name, value in given)
    told = (
        *_tell_open(read.scans),
        *(_say_refused(permission, refused) for permission, refused in find_refused(overrides).items()),
    )
    if kinds & INSTALLED:
        return _advise_installed(read.parts, overrides, targets, options, told)
    if kinds == {TargetKind.LOCK}:
        prefixes = {p.target.text for p in read.parts if p.reading.distribution.conda}
        return _advise_lock(overrides, targets, given, told, {hide_passwords(text) for text in prefixes})
    is_unfree = Permission.UNFREE in find_refused(overrides)
    install = _say_install([part.target for part in read.parts], is_unfree=is_unfree)
    if len(read.parts) == 1:
        return _advise_wheel(read.parts[0].scan, overrides[0], targets, options, told, install)
    return _advise_wheels(read.scans, overrides, targets, options, told, install)


def _say_install(targets: Sequence[Target], *, is_unfree: bool) -> str:
    """Say how wheels work in an environment of pip or uv."""
    arguments = dict.fromkeys(map(_write_argument, targets))
    allowed = f"{write_permissions([Permission.UNFREE])} " if is_unfree else ""
    return f"In a .venv, after `uv pip install {' '.join(arguments)}`: `{allowed}wheelfix patch .venv`"


def _write_argument(target: Target) -> str:
    """Write a target as pip and uv take it."""
    text = hide_passwords(target.text)
    match target.kind:
        case TargetKind.REQUIREMENTS:
            return f"-r {quote_target(text)}"
        case TargetKind.WHEELS:
            return f"{quote_target(text.rstrip('/'))}/*.whl"
        case TargetKind.WHEEL if "/" not in text:
            return quote_target(f"./{text}")  # else it might be the name of a distribution
        case _:
            return quote_target(text)


def find_programs(scans: Iterable[WheelScan]) -> tuple[str, ...]:
    """List the programs that start through a loader, which NixOS has not at its place, by name, sorted."""
    return tuple(
        sorted({posixpath.basename(one.path) for scan in scans for one in scan.objects if _is_program(one)})
    )


def _is_program(one: ElfObject) -> bool:
    return bool(one.interpreter) and ".so" not in posixpath.basename(one.path)  # some libraries can be run


def _advise_installed(
    parts: Sequence[TargetScan],
    overrides: Sequence[Override],
    targets: Sequence[str],
    options: str,
    told: Sequence[str],
) -> Advice:
    wanted, programs = collect_libraries(overrides), find_programs(part.scan for part in parts)
    subject = _name_targets(targets)
    said = _say_wanted([one.attr for one in wanted.inputs], wanted.driver, programs)
    variables = [*(one.name for one in wanted.variables), *wanted.unset]
    if not said and variables:
        said = f"needs settings of the environment: {name_some(variables, _NAMED)}"
    if not said:
        return Advice(
            headline=_say_nothing(subject, told, [part.scan for part in parts]),
            told=tuple(told),
            installed=True,
        )
    changed = [part.target for part in parts if part.target.kind is TargetKind.ENVIRONMENT]
    texts = dict.fromkeys(target.text for target in changed)
    prefixes = _find_prefixes(parts, overrides)
    remedies = [patch_environment(text, is_whole=not told) for text in texts if text not in prefixes]
    arguments = " ".join(map(quote_target, targets)) + options
    remedies += list_remedies(
        wanted,
        arguments,
        programs,
        is_first=not remedies,
        is_devenv=any(".devenv" in text.split("/") for text in texts),
        is_python=not prefixes and not all(_is_program(one) for part in parts for one in part.scan.objects),
    )
    remedies += [_patch_prefix(text) for text in texts if text in prefixes]
    return Advice(headline=f"{subject} {said}", told=tuple(told), remedies=tuple(remedies), installed=True)


def _find_prefixes(parts: Sequence[TargetScan], overrides: Sequence[Override]) -> frozenset[str]:
    """List the prefixes in which packages of conda need what only a loader gives them, as users name them.

    ``patch`` changes what wheels have installed: programs and libraries of conda stay as they are.
    """
    wanting = {one.name for one in overrides if one.inputs or one.driver}
    return frozenset(
        part.target.text
        for part in parts
        if part.reading.distribution.conda
        and (part.scan.name in wanting or any(_is_program(one) for one in part.scan.objects))
    )


def _patch_prefix(text: str) -> Remedy:
    command = f"wheelfix patch {quote_target(text)}"
    return Remedy(
        text="Beside that, for what is in its site-packages alone: change it in place "
        f"(to take it back: `{command} --undo`):",
        command=command,
    )


def patch_environment(text: str, *, is_whole: bool = True) -> Remedy:
    """Say how an environment is changed in place.

    Args:
        text: the environment, as the user wrote it.
        is_whole: whether nothing stands in the way.
    """
    command = f"wheelfix patch {quote_target(text)}"
    what = "it" if is_whole else "the rest"
    return Remedy(
        text=f"To make {what} work, now and after each install (to take it back: `{command} --undo`):",
        command=command,
    )


def list_remedies(
    wanted: Libraries,
    arguments: str,
    programs: Sequence[str],
    *,
    is_first: bool,
    is_devenv: bool,
    is_python: bool,
) -> tuple[Remedy, ...]:
    """Say how the loader finds libraries without a change of any file: on NixOS, in devenv, in a shell.

    Args:
        wanted: the libraries.
        arguments: of ``wheelfix override``, quoted: targets and options.
        programs: what needs a loader.
        is_first: whether no other remedy stands before these.
        is_devenv: whether devenv made the environment.
        is_python: whether anything but programs is wanted: devenv gives libraries to Python alone.
    """
    nixos_code, devenv_code = _write_lists(wanted)
    command = f"wheelfix override {arguments} --dialect"
    start = "On" if is_first else "Or on"
    via = f"{start} NixOS with nix-ld, if its Python is not of /nix/store:"
    own = "Or in devenv, for devenv's own Python:"
    if programs:
        own = f"Or in devenv, for devenv's own Python, and not for programs such as {programs[0]}:"
    nixos = (
        Remedy(text=f"{via} paste into configuration.nix, then nixos-rebuild switch:", code=nixos_code)
        if nixos_code
        else Remedy(
            text=f"{via} write a module,",
            command=f"{command} nixos -o nix-ld.nix",
            place=_IMPORT_MODULE,
            code="./nix-ld.nix",  # every configuration has that list, and may have it once
        )
    )
    devenv = (
        Remedy(text=f"{own} paste into devenv.nix:", code=devenv_code)
        if devenv_code
        else Remedy(
            text=f"{own} write a module beside devenv.nix,",
            command=f"{command} devenv -o libraries.nix",
            place="and paste into devenv.nix:",
            code="imports = [ ./libraries.nix ];",
        )
    )
    shell = Remedy(
        text="Or in a shell with nix-ld: write shell.nix, and run nix-shell:",
        command=f"{command} shell -o shell.nix",
    )
    if not is_python:
        return nixos, shell
    return (devenv, nixos, shell) if is_devenv else (nixos, devenv, shell)


def _write_lists(wanted: Libraries) -> tuple[str, str]:
    """Write the settings of NixOS and of devenv; empty where a module has to be written."""
    if wanted.directories or wanted.driver or wanted.variables or wanted.unset:
        return "", ""
    enable = print_flat(Binding(("programs", "nix-ld", "enable"), TRUE))
    try:
        listed = tuple(take_bare(one.attr) for one in wanted.inputs)
    except InputError:  # a name that has to be quoted, which `with` cannot bring
        return "", ""
    if not listed:
        return enable, print_flat(Binding(("languages", "python", "enable"), TRUE))
    # devenv's default is what its `packages` bring, which a list of one's own replaces.
    profile = Str((select("config", "devenv", "dotfile"), "/profile"))
    nixos = Binding(("programs", "nix-ld", "libraries"), With(Var("pkgs"), List(listed)))
    devenv = Binding(("languages", "python", "libraries"), With(Var("pkgs"), List((profile, *listed))))
    if len(print_flat(nixos)) > _LONGEST:
        return "", ""
    return f"{enable}\n{print_flat(nixos)}", print_flat(devenv)


def _advise_lock(
    overrides: Sequence[Override],
    targets: Sequence[str],
    given: Given,
    told: Sequence[str],
    prefixes: Collection[str],
) -> Advice:
    """Say what to do about locks; of ``prefixes``, which have packages of conda, no package set is made."""
    options = "".join(f" {name} {quote_target(value)}" for name, value in given if name not in _NOT_FOR_LOCKS)
    managed = {name: place for target in targets for name, place in _find_install(target)}
    any_code = any(write_package(override, Dialect.UV2NIX) for override in overrides)
    if prefixes:
        wanted = collect_libraries(overrides)
        said = _say_wanted([one.attr for one in wanted.inputs], wanted.driver, ())
        said = said or "needs nothing from outside of its environment"
    else:
        nothing = "has no wheel that needs more than uv2nix adds by itself"
        said = _say_package(overrides) if any_code else nothing
    remedies = [
        Remedy(text=f"In a virtual environment, after `{install}`: `wheelfix patch {place}`")
        for install, place in managed.items()
    ]
    for target in targets:
        command = f"wheelfix lock {quote_target(target)}{options}"
        tool = (
            "uv2nix" if posixpath.basename(target) == "uv.lock" else "pyproject.nix"
        )  # uv2nix reads no other
        if target in prefixes:
            text = "To have Nix make the environment of what is locked:"
            remedies.append(Remedy(text=text, command=f"{command} -o environment.nix"))
        else:
            remedies.append(_write_overlay(f"{command} -o overrides.nix", tool))
        remedies.append(
            Remedy(
                text="Or on NixOS with nix-ld, write a module (--dialect devenv or shell for these):",
                command=f"{command} --dialect nixos -o nix-ld.nix",
                place=_IMPORT_MODULE,
                code="./nix-ld.nix",
            )
        )
    return Advice(headline=f"{_name_targets(targets)} {said}", told=tuple(told), remedies=tuple(remedies))


def _find_install(lock: str) -> Iterator[tuple[str, str]]:
    """Find how a lock is installed, and where."""
    if known := _INSTALLS.get(lock):  # of the working directory
        yield known
    elif lock.startswith("pylock."):
        yield f"uv pip sync {quote_target(lock)}", ".venv"


def _advise_wheel(
    scan: WheelScan,
    override: Override,
    targets: Sequence[str],
    options: str,
    told: Sequence[str],
    install: str,
) -> Advice:
    subject = f"{scan.name} {scan.version}".strip()
    remedies = _advise_package(override, f"{quote_target(targets[0])}{options}")
    if not remedies:
        return _advise_nothing(subject, told, [scan], install)
    remedies = (Remedy(text=install), *remedies)
    return Advice(headline=f"{subject} {_say_package([override])}", told=tuple(told), remedies=remedies)


def _advise_nothing(subject: str, told: Sequence[str], scans: Sequence[WheelScan], install: str) -> Advice:
    """Say that a package set needs nothing more; an environment may."""
    remedies = (Remedy(text=install),) if any(scan.baseline_inputs for scan in scans) and not told else ()
    return Advice(headline=_say_nothing(subject, told, scans), told=tuple(told), remedies=remedies)


def _advise_wheels(
    scans: Sequence[WheelScan],
    overrides: Sequence[Override],
    targets: Sequence[str],
    options: str,
    told: Sequence[str],
    install: str,
) -> Advice:
    count = len({scan.name for scan in scans})
    subject, verb = (f"{count} distributions", "need") if count > 1 else (f"{scans[0].name}", "needs")
    pasted = tuple(_paste_package(override) for override in overrides)
    if not any(write_package(override, Dialect.UV2NIX) for override in overrides):
        return _advise_nothing(subject, told, scans, install)
    headline = f"{subject} {_say_package(overrides, verb=verb)}"
    if several := find_several_wheels(scans):
        name, files = next(iter(several.items()))
        why = (
            f"{name} is there in {len(files)} wheels, and a package set has one build of each package: "
            "name one of them. What each needs is told below."
        )
        return Advice(headline=headline, told=(why, *told), own=pasted)
    command = f"wheelfix override {' '.join(map(quote_target, targets))}{options} -o overrides.nix"
    remedies = (Remedy(text=install), _write_overlay(command))
    return Advice(headline=headline, told=tuple(told), remedies=remedies)


def _advise_package(override: Override, arguments: str) -> tuple[Remedy, ...]:
    """Say what to paste for a package, and how the whole file is written; empty if it needs no change."""
    if not write_package(override, Dialect.UV2NIX):
        return ()
    command = f"wheelfix override {arguments} -o overrides.nix"
    return (_write_overlay(command), *_paste_package(override))


def _write_overlay(command: str, tool: str = "uv2nix") -> Remedy:
    return Remedy(
        text=f"In a flake with {tool}:",
        command=command,
        place=_INTO_FLAKE.format(f"{tool}'s" if tool == "uv2nix" else "the packages'"),
        code=_IMPORT_OVERLAY,
    )


def _paste_package(override: Override) -> tuple[Remedy, ...]:
    """Show the change of a package, if it is short enough, and what is shown can be pasted."""
    package = write_package(override, Dialect.UV2NIX)
    if package is None or override.shim:  # a shim has code at the head of the file
        return ()
    try:
        code = render_binding(drop_comments(bind(override.name, package)), _WIDTH)
    except InputError:
        return ()
    lines = code.split("\n")
    if len(lines) > _LINES or not all(line.isprintable() and len(line) <= _LONGEST for line in lines):
        return ()
    text = "Or paste into the overrides.nix that you have, between `final: prev: {` and `}`:"
    return (Remedy(text=text, code=code),)


def _say_package(overrides: Sequence[Override], *, verb: str = "needs") -> str:
    """Say what packages need that a package set does not add by itself."""
    baseline = {one.attr for override in overrides for one in override.inputs if one.baseline}
    attrs = {one.attr for override in overrides for one in override.written}
    driver = collect_libraries(overrides).driver
    wheels = sorted(
        {one.distribution for override in overrides for one in override.searches if one.distribution}
    )
    said = _say_wanted(sorted(attrs - baseline), driver, wheels=wheels, verb=verb)
    said = said or f"{verb} settings of its build"
    return f"{said} (uv2nix adds {', '.join(sorted(baseline))})" if baseline else said


def _say_wanted(
    attrs: Sequence[str],
    driver: Sequence[str],
    programs: Sequence[str] = (),
    *,
    wheels: Sequence[str] = (),
    verb: str = "needs",
) -> str:
    said = []
    if attrs:
        said.append(f"from nixpkgs: {_name_attrs(attrs)}")
    if wheels:
        said.append(f"from other wheels: {name_some(wheels, _TARGETS)}")
    if driver:
        said.append(f"from the GPU driver, at run time: {name_some(driver, _TARGETS)}")
    if programs:
        said.append(f"a loader for programs: {name_some(programs, _TARGETS)}")
    return f"{verb} {'; '.join(said)}" if said else ""


def _say_nothing(subject: str, told: Sequence[str], scans: Sequence[WheelScan]) -> str:
    if told:
        return f"{subject}: nothing that could be pasted; what is open:"
    if said := _say_unanswered(scans):
        return f"{subject}: {said}"
    if not any(scan.objects for scan in scans):
        return f"{subject}: nothing to do: pure Python, no ELF files"
    added = sorted({attr for scan in scans for attr in scan.baseline_inputs})
    if added:
        names = ", ".join(added)
        verb = "needs" if len({scan.name for scan in scans}) == 1 else "need"
        return f"{subject} {verb} from nixpkgs: {names}; uv2nix and poetry2nix add that: nothing to do there"
    return f"{subject}: nothing to do: no library of nixpkgs is needed"


def _say_unanswered(scans: Sequence[WheelScan]) -> str:
    """Say what Python sources open by name that no answer was found for, or that cannot be told."""
    openings = [opening for scan in scans for opening in scan.openings]
    names = sorted({one.names[0] for one in openings if _is_unanswered(one)})
    if names:
        return f"nothing to paste; it opens by name what has no answer: {name_some(names, _OPEN)}"
    places = [place for scan in scans for place in scan.computed]
    if places and not openings:
        path, line = places[0]
        return (
            f"cannot tell which library it opens: the name is known at run time alone ({path}, line {line})"
        )
    return ""


def _is_unanswered(opening: Opening) -> bool:
    is_called = opening.call is not None and opening.kind is not OpeningKind.PROGRAM
    return is_called and opening.answered is None and not opening.optional


def _say_refused(permission: Permission, attrs: Sequence[str]) -> str:
    """Say what to set so that nixpkgs gives packages that it refuses."""
    names, verb = name_some(attrs, _OPEN), "is" if len(attrs) == 1 else "are"
    if permission is Permission.UNFREE:
        return (
            f"{names} {verb} unfree: set `config.allowUnfree = true;` where flake.nix imports nixpkgs "
            "(devenv.yaml: `allowUnfree: true`)"
        )
    return f"{names} {verb} insecure, and refused unless `config.permittedInsecurePackages` has the name"


def _name_attrs(attrs: Sequence[str]) -> str:
    """Name as many attributes as have room in a line."""
    fitting = [n for n in range(1, len(attrs) + 1) if len(", ".join(attrs[:n])) <= _ROOM]
    most = max(fitting, default=1)
    return name_some(attrs, len(attrs) if len(attrs) == most + 1 else most)  # one more has room as well


def _name_targets(targets: Sequence[str]) -> str:
    return name_some(targets, _TARGETS)


def _tell_open(scans: Sequence[WheelScan]) -> Iterable[str]:
    """Tell which needs have no answer, and whose findings are errors."""
    unknown: dict[str, list[str]] = {}
    linked: set[str] = set()
    ambiguous: dict[str, list[str]] = {}
    for scan in scans:
        for need in scan.used:
            if need.machine != scan.machine:
                continue
            if need.need_class is NeedClass.UNKNOWN:
                unknown.setdefault(need.soname, []).append(scan.name or scan.target)
                linked |= set() if need.optional else {need.soname}
            elif need.need_class is NeedClass.AMBIGUOUS:
                ambiguous.setdefault(need.soname, [p.attr for p in need.providers[:2]])
    if unknown:
        who = name_some(sorted({name for names in unknown.values() for name in names}), _TARGETS)
        wanted = f", for {who}" if len(scans) > 1 else ""
        pronoun = "it" if len(unknown) == 1 else "them"
        lost = f"what wants {pronoun} cannot be loaded"
        lost = lost if linked else f"plugins that want {pronoun} are not loaded"
        names = name_some(sorted(linked or unknown), _OPEN)
        yield f"Nothing in nixpkgs fits for {names}{wanted}: {lost}"
    for soname, attrs in sorted(ambiguous.items()):
        yield f"Two answers for {soname}: choose with --prefer {' or --prefer '.join(attrs)}"
    errors = [f for scan in scans for f in scan.findings if f.level is Level.ERROR]
    if errors:
        yield f"Error: {errors[0].subject}: {errors[0].message}" + (
            f" (and {len(errors) - 1} more below)" if len(errors) > 1 else ""
        )
