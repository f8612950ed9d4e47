"""Obtains store paths for needs that are left open: those the index recorded, or builds of nixpkgs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from wheelfix.errors import ApplyError, InputError
from wheelfix.index.lookup import find_providers
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct, decode_json
from wheelfix.model.classes import NeedClass
from wheelfix.model.index import Provider
from wheelfix.outside.places import find_store
from wheelfix.outside.processes import Stream, run
from wheelfix.patch.model import AnswerKind, FilePlan, Group, ShimPlan
from wheelfix.patch.openings import find_bringers
from wheelfix.patch.runpaths import Reachable
from wheelfix.patch.state_directory import open_roots

_FEATURES = ("--extra-experimental-features", "nix-command flakes")


class _Built(Struct):
    """An installable in the output of ``nix build --json``: store paths by output."""

    outputs: dict[str, str]


def find_missing(plans: Iterable[FilePlan], groups: Iterable[Group], system: str) -> tuple[Provider, ...]:
    """Find the providers of all needs that are left open and that nixpkgs answers, sorted by attribute.

    Args:
        plans: of the files that are to change.
        groups: the distributions they are from.
        system: Nix system that the providers are of; needs of other machines stay open.
    """
    machine = system.partition("-")[0]
    needs = {(g.name, n.soname): n for g in groups for n in g.needs if n.machine == machine}
    found: dict[tuple[str, str], Provider] = {}
    for plan in plans:
        for answer in plan.answers:
            need = needs.get((plan.distribution, answer.soname))
            if answer.kind is AnswerKind.OPEN and need and need.need_class is NeedClass.PROVIDED:
                first = need.providers[0]
                found.setdefault((first.attr, first.output), first)
    return tuple(found[key] for key in sorted(found))


def find_loaders(plans: Iterable[FilePlan], groups: Iterable[Group], system: str) -> tuple[str, ...]:
    """List the file names of program loaders that programs name outside of the store, sorted."""
    machine, store = system.partition("-")[0], f"{find_store()}/"
    chosen = {plan.path for plan in plans}
    return tuple(
        sorted(
            {
                obj.interpreter.rpartition("/")[2]
                for group in groups
                for obj in group.objects
                if obj.path in chosen
                and obj.machine == machine
                and obj.executable
                and obj.interpreter
                and not obj.interpreter.startswith(store)
            }
        )
    )


def find_wanted(
    plans: Sequence[FilePlan],
    shims: Sequence[ShimPlan],
    groups: Sequence[Group],
    reachable: Reachable,
    index: SonameTable,
) -> tuple[Provider, ...]:
    """Find the providers that Nix has to supply.

    They are those of needs that are left open, of what is opened by name, and of loaders of programs.

    Args:
        plans: of the files that are to change.
        shims: of the distributions' Python sources.
        groups: the distributions they are from.
        reachable: the libraries that were at hand.
        index: where the loaders are looked up.

    Raises:
        IndexProblem: the index is damaged.
    """
    system = index.info.system
    loaders = set(find_loaders(plans, groups, system)) - {lib.name for lib in reachable.interpreters}
    found = (lookup.providers[:1] for lookup in find_providers(index, sorted(loaders)))
    missing = (*find_missing(plans, groups, system), *find_bringers(groups, plans, shims, system))
    first = {(one.attr, one.output): one for one in (*missing, *(one for few in found for one in few))}
    return tuple(first.values())


def bring(providers: Sequence[Provider], nixpkgs: str | None, home: Path) -> tuple[Path, ...]:
    """Let Nix build or fetch providers, and protect them from garbage collection.

    Args:
        providers: from :func:`find_wanted`.
        nixpkgs: the nixpkgs to build from; None takes the store paths that the index recorded.
        home: as for :func:`add_roots`.

    Returns:
        The directories of the libraries.

    Raises:
        ApplyError: as :func:`build_providers`, :func:`realise_providers` and :func:`add_roots`.
    """
    if not providers:
        return ()
    paths = build_providers(nixpkgs, providers) if nixpkgs else realise_providers(providers)
    add_roots(paths, home)
    return find_directories(paths, providers)


def name_attr(provider: Provider) -> str:
    """Return the attribute path of a provider's output.

    Example:
        >>> name_attr(Provider(attr="onetbb", output="out", path="/lib/libtbb.so.12", store_path=None))
        'onetbb.out'
    """
    attr, output = provider.attr, provider.output
    return attr if attr.endswith(f".{output}") else f"{attr}.{output}"


def plan_build(reference: str, attrs: Sequence[str]) -> tuple[str, ...]:
    """Plan the command that builds attributes of a nixpkgs; it prints store paths (``nix-build``) or JSON.

    Args:
        reference: a path, a path of NIX_PATH (``<nixpkgs>``), or else a flake reference.
        attrs: attribute paths.
    """
    path = Path(reference)
    if reference.startswith("<") or path.exists():
        source = reference if reference.startswith("<") else str(path.resolve())
        options = [word for attr in attrs for word in ("-A", attr)]
        return ("nix-build", source, *options, "--no-out-link")
    installables = [f"{reference}#{attr}" for attr in attrs]
    return ("nix", *_FEATURES, "build", "--no-link", "--json", *installables)


def build_providers(reference: str, providers: Sequence[Provider]) -> tuple[Path, ...]:
    """Let Nix build providers.

    Returns:
        The store paths.

    Raises:
        ApplyError: Nix cannot build one of them, or does not print their store paths.
        InputError: Nix is not installed.
    """
    attrs = tuple(dict.fromkeys(map(name_attr, providers)))
    command = plan_build(reference, attrs)
    text = _run(command)
    paths = _parse_built(text) if command[0] == "nix" else text.split()
    return tuple(Path(path) for path in dict.fromkeys(paths))


def _parse_built(text: str) -> list[str]:
    try:
        return [path for built in decode_json(text, tuple[_Built, ...]) for path in built.outputs.values()]
    except ValueError as error:
        problem = f"prints no store paths ({error})"
        raise ApplyError("nix build --json", problem, "give the paths with --libs, or another Nix") from None


def realise_providers(providers: Sequence[Provider]) -> tuple[Path, ...]:
    """Let Nix fetch the store paths that an index recorded for providers.

    Raises:
        ApplyError: Nix is not installed, no substituter has one of them, or the index has no store path.
    """
    unknown = sorted(p.attr for p in providers if not p.store_path)
    if unknown:
        hint = "give --nixpkgs, which builds them, or --libs"
        raise ApplyError(", ".join(unknown), "has no store path in this index", hint)
    paths = sorted({p.store_path for p in providers if p.store_path})
    _run(("nix-store", "--realise", *paths))
    return tuple(map(Path, paths))


def find_directories(paths: Iterable[Path], providers: Iterable[Provider]) -> tuple[Path, ...]:
    """List the directories of libraries below store paths: the top, ``lib``, and those of the providers."""
    places: dict[Path, None] = {}
    below = {p.path.rpartition("/")[0].lstrip("/") for p in providers}
    for path in paths:
        places[path] = None
        places |= {path / name: None for name in sorted(below - {"", "lib"}) if (path / name).is_dir()}
    return tuple(places)


def add_roots(paths: Iterable[Path], home: Path) -> None:
    """Protect store paths from garbage collection as long as the patched target exists.

    Args:
        paths: the store paths.
        home: the environment; the roots are links in its ``.wheelfix/roots``.

    Raises:
        ApplyError: the links cannot be made.
    """
    with open_roots(home) as roots:
        for path in paths:
            link = str(roots / path.name)
            _run(("nix-store", "--realise", str(path), "--add-root", link, "--indirect"))


def _run(command: Sequence[str]) -> str:
    """Run Nix; its messages go to stderr."""
    hint = "install Nix, or give directories of libraries with --libs"
    missing = InputError(command[0], "is not on PATH", hint)
    done = run(command, messages=Stream.SHARE, missing=missing, hint=hint)
    if done.code:
        problem = f"failed with status {done.code}; what it said is above"
        raise ApplyError(" ".join(command), problem, "run this command to see why")
    return done.output.decode()
