"""Renders complete packages for nixpkgs: ``buildPythonPackage { format = "wheel"; … }``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial, reduce

from wheelfix.model.index import Permission
from wheelfix.model.override import Override, PackageDetails, PythonDependency, Search
from wheelfix.model.system import list_linux_systems, name_machine
from wheelfix.nix.licenses import is_unfree
from wheelfix.nix.parts import (
    comment_all,
    describe,
    describe_permissions,
    describe_strip,
    list_flags,
    list_ignored,
    list_inputs,
    take,
    take_bare,
    write_digest,
    write_meta,
    write_search,
)
from wheelfix.nix.printer import render
from wheelfix.nix.quote import is_identifier
from wheelfix.nix.tree import (
    NULL,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Formal,
    Formals,
    Inherit,
    Lambda,
    List,
    Path,
    Select,
    Var,
    bind,
    call,
    find_variables,
    select,
    strings,
    text,
)
from wheelfix.override.install import LOADER_SHIM, add_shim, is_started, write_install
from wheelfix.override.overlay import list_runpaths
from wheelfix.override.python_set import list_circular, list_left, say_command

_PART = r"([^-]+)"
_TAGGED = re.compile("-".join([_PART] * 5) + r"\.whl")
_VERSIONED = re.compile(r"(cp|py)([0-9])([0-9]+)")
_FULL = re.compile(r"(?P<kind>cp|pypy)(?P<major>[0-9])(?P<minor>[0-9]+)(?P<flags>[a-z]*)")
_DISABLED = "the wheel is for these interpreters alone; a t is free-threaded"
_OLDEST = (3, 10)
"""Every nixpkgs of these years has a newer Python, so that no line refuses this one and its elders."""
_FIRST = (
    *("lib", "pkgs", "buildPythonPackage", "fetchPypi", "fetchurl", "autoPatchelfHook"),
    *("autoAddDriverRunpath", "python", "pythonAtLeast", "pythonOlder"),
)
"""Arguments that come first, in this order."""
_PURE = ("none", "any")
"""ABI and platform that ``fetchPypi`` takes if nothing else is said."""
_EXACT = re.compile(r"python(\d)\\\.(\d+)")
_TITLE = "Written by wheelfix."


def render_packages(overrides: Sequence[Override]) -> str:
    """Write one package as a file for ``callPackage``; several as an overlay for a Python package set."""
    if len(overrides) == 1:
        remarks = [*describe_packages(overrides), *_list_remarks(overrides[0])]
        head = [f"{describe(overrides[0])}. {_TITLE}", *remarks]
        return render(comment_all(head, _write_function(overrides[0])))
    packages = Attrs(tuple(write_members(overrides, "final")))
    overlay = Lambda("final", Lambda("prev", add_shim(overrides, packages, "prev.lib")))
    title = f"Overlay for a Python package set (packageOverrides). {_TITLE}"
    return render(comment_all([title, *describe_packages(overrides)], overlay))


def write_members(overrides: Iterable[Override], final: str, *, keep: str | None = None) -> Iterable[Binding]:
    """Write packages of a set, sorted as they are given.

    Args:
        overrides: the packages.
        final: variable of the whole set.
        keep: variable of a function that tells, by its name, what of nixpkgs' own package is kept: ``{
            passthru, meta }``. None keeps nothing.
    """
    for override in overrides:
        details = _take_details(override)
        function = _write_function(override, shared=True, keep=keep if details.present else None)
        package = call(f"{final}.callPackage", function, Attrs())
        remarks = _list_remarks(override) if keep is None else _list_open(override)
        yield bind(details.attr, comment_all([describe(override), *remarks], package))


def describe_packages(overrides: Sequence[Override]) -> list[str]:
    """Write the settings of nixpkgs that complete packages need, one line each; empty without any."""
    more = [(one.name, one.permissions) for override in overrides for one in list_left(override)]
    more += [
        (f"{override.name} itself", (Permission.UNFREE,))
        for override in overrides
        if is_unfree(_take_details(override).spdx)
    ]
    return describe_permissions(overrides, more=more)


def _take_details(override: Override) -> PackageDetails:
    assert override.details is not None
    return override.details


def _list_remarks(override: Override) -> Iterable[str]:
    if version := _EXACT.fullmatch(find_interpreters(override.tags)[1]):
        yield f"For Python {version[1]}.{version[2]}: python{version[1]}{version[2]}Packages.callPackage."
    if present := _take_details(override).present:
        yield f"nixpkgs has {present}."
    yield from _list_open(override)


def _list_open(override: Override) -> Iterable[str]:
    """Yield what is left to people."""
    yield from override.hints
    dependencies = list_left(override)
    if missing := [one.name for one in dependencies if one.attr is None]:
        yield (
            f"Not in nixpkgs: {', '.join(missing)}. Without, the build stops at nixpkgs' check of the "
            f"requirements. Package what is missing, too: {say_command(override.name, missing)}."
        )
    if circular := [one.name for one in list_circular(override)]:
        yield f"Without {', '.join(circular)}, which requires it in turn: an environment has to name both."
    if broken := [one.name for one in dependencies if one.broken]:
        yield f"Marked as broken in nixpkgs, so that this does not evaluate: {', '.join(broken)}."


def _write_function(override: Override, *, shared: bool = False, keep: str | None = None) -> Expr:
    """Write the function of one package.

    Args:
        override: the package.
        shared: whether the function for shims is in scope already.
        keep: as for :func:`write_members`. Such a function takes any argument, as nixpkgs' packages ask
            their own for variants: ``opencv4.override { enableGtk3 = true; }``.
    """
    details = _take_details(override)
    kept = call(keep, text(details.attr)) if keep else None
    meta = _write_meta(details, override)
    dependencies = list_left(override)
    attrs = {one.attr for one in dependencies if one.attr}
    body = Attrs(
        (
            bind("pname", text(override.name)),
            bind("version", text(override.version)),
            bind("format", text("wheel")),
            *_write_disabled(override.tags, details.pythons),
            bind("src", _write_source(override, details)),
            *(_write_build(override, dependencies, details.shadowed | attrs) if details.patched else ()),
            *_write_dependencies(override, dependencies),
            *_write_install(override, details.shadowed | attrs),
            *([bind("pythonImportsCheck", strings(details.imports))] if details.imports else []),
            *([bind("passthru", Select(kept, ("passthru",)))] if kept else []),
            bind("meta", Binary("//", Select(kept, ("meta",)), meta) if kept else meta),
        ),
        rec=True,
    )
    package = call("buildPythonPackage", body)
    whole = package if shared else add_shim([override], package)
    # What the function for shims binds is no argument, and of the rest it uses lib alone.
    used = find_variables(package) | (find_variables(whole) & {"lib"})
    used -= {"builtins", "false", "null", "true", LOADER_SHIM, keep}
    first = [name for name in _FIRST if name in used]
    absent = {one.name for one in dependencies if one.attr is None}
    rest = sorted(used.difference(_FIRST), key=lambda name: (name in attrs | absent, name))
    arguments = [Formal(name, NULL if name in absent else None) for name in (*first, *rest)]
    return Lambda(Formals(tuple(arguments), ellipsis=keep is not None), whole)


def find_interpreters(tags: Iterable[str]) -> tuple[str, str]:
    """Find the interpreters of nixpkgs that accept a wheel, by its tags.

    nixpkgs' own list, ``pythonABITags``, has ``abi3`` for a free-threaded CPython, which does not accept it.
    These differ in ``libPrefix``: ``python3.14``, ``python3.14t`` (free-threaded), ``pypy3.11``.

    Args:
        tags: of the wheel, ``cp312-abi3-manylinux_2_28_x86_64``.

    Returns:
        The oldest version, and a regular expression (POSIX) for ``libPrefix``; each empty if all are
        accepted.
    """
    pairs = [tuple(tag.split("-")[:2]) for tag in tags]
    pythons, abis = {pair[0] for pair in pairs}, {pair[-1] for pair in pairs}
    exact = sorted({_spell_prefix(m) for abi in abis if (m := _FULL.match(abi))})
    if exact:
        return "", "|".join(exact)
    versions = sorted({(int(m[2]), int(m[3])) for tag in pythons if (m := _VERSIONED.fullmatch(tag))})
    oldest = "{}.{}".format(*versions[0]) if versions else ""
    stable = {"abi3": "", "abi3t": "t"}
    flags = [flag for abi, flag in stable.items() if abi in abis]
    if flags:
        return oldest, f"python[0-9.]+{flags[0] if len(flags) == 1 else 't?'}"
    if versions and all(tag.startswith("cp") for tag in pythons):  # any ABI, but only these versions
        return "", "|".join(rf"python{major}\.{minor}t?" for major, minor in versions)
    return oldest, ""


def _spell_prefix(match: re.Match[str]) -> str:
    kind = "python" if match["kind"] == "cp" else "pypy"
    return rf"{kind}{match['major']}\.{match['minor']}{'t' if 't' in match['flags'] else ''}"


def _write_disabled(tags: Iterable[str], pythons: tuple[str, str]) -> Iterable[Binding]:
    """Write which interpreters it is not for, by its tags; where these name no version, by its metadata."""
    oldest, prefixes = find_interpreters(tags)
    newer = ""
    if not prefixes or "[" in prefixes:
        oldest, newer = max(oldest, pythons[0], key=_rank_minor), pythons[1]
    prefix = select("python", "libPrefix")
    differs: list[Expr] = []
    if _rank_minor(oldest) > _OLDEST:
        differs.append(call("pythonOlder", text(oldest)))
    if newer:
        differs.append(call("pythonAtLeast", text(newer)))
    if re.fullmatch(r"[\w\\.]+", prefixes):
        differs.append(Binary("!=", prefix, text(prefixes.replace("\\", ""))))
    elif prefixes:
        differs.append(Binary("==", call("builtins.match", text(prefixes), prefix), NULL))
    if differs:
        yield bind("disabled", reduce(partial(Binary, "||"), differs), _DISABLED if prefixes else "")


def _rank_minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split("."))) if version else (0,)


def _write_source(override: Override, details: PackageDetails) -> Expr:
    """Write the source; ``fetchPypi`` makes a wheel's address of its tags, and has no build tags."""
    digest = bind("hash", text(write_digest(details.sha256)))
    if details.url:
        named = (bind("url", text(details.url)), bind("name", text(details.filename)))
        return call("fetchurl", Attrs((*named, digest)))
    match = _TAGGED.fullmatch(details.filename)
    if not match or "+" in match[2]:
        why = "PyPI has no local versions" if match else "fetchPypi knows no build tags and no variants"
        return Commented(
            f"{why}: the file itself, {write_digest(details.sha256)}", Path(f"./{details.filename}")
        )
    name, version, python, abi, platform = match.groups()
    stated = {"pname": name, "version": version, "format": "wheel"}
    own = {"pname": override.name, "version": override.version, "format": "wheel"}
    written = {key: value for key, value in stated.items() if own[key] != value}
    written |= {"dist": python, "python": python}
    if (abi, platform) != _PURE:
        written |= {"abi": abi, "platform": platform}
    inherited = Inherit(tuple(key for key in stated if key not in written))
    return call("fetchPypi", Attrs((inherited, *(bind(k, text(v)) for k, v in written.items()), digest)))


def _write_build(
    override: Override, dependencies: Sequence[PythonDependency], shadowed: Collection[str]
) -> Iterable[Binding]:
    find = partial(_take_input, shadowed)
    hooks = [Var("autoPatchelfHook")] + [Var("autoAddDriverRunpath")] * bool(override.driver)
    yield bind("nativeBuildInputs", List(tuple(hooks)))
    if override.inputs:
        yield bind("buildInputs", list_inputs(override.inputs, find))
    if override.ignored:
        yield bind("autoPatchelfIgnoreMissingDeps", list_ignored(override.ignored))
    if override.runpaths:
        yield bind("appendRunpaths", list_runpaths(override.runpaths, find))
    if override.lost_openings:
        yield bind("autoPatchelfFlags", list_flags(override.lost_openings))
    if search := _write_searches(override.searches, dependencies, find):
        yield bind("preFixup", search)
    yield bind("dontStrip", Var("true"), "strip breaks libraries that patchelf has changed")


def _write_install(override: Override, shadowed: Collection[str]) -> Iterable[Binding]:
    site = ("$out/", select("python", "sitePackages"))
    find = partial(_take_input, shadowed)
    if code := write_install(
        override, site, find=find, writer=Var("writeText"), by_import=is_started(override)
    ):
        yield bind("postInstall", code)


def _write_searches(
    searches: Sequence[Search], dependencies: Sequence[PythonDependency], find: Callable[[str], Expr]
) -> Expr | None:
    """Write the searches; the directories of packages that may be null are guarded."""
    known = {one.name: one for one in dependencies}

    def write(several: Sequence[Search]) -> Expr | None:
        return write_search(
            several, lambda name: _take_python(known[name]), Var("python"), find=find, guarded=False
        )

    there = [
        s for s in searches if not s.distribution or (s.distribution in known and known[s.distribution].attr)
    ]
    code = write(there)
    for one in searches:
        package = known.get(one.distribution or "")
        if package and not package.attr and not package.taken and (lines := write([one])):
            guarded = call("lib.optionalString", Binary("!=", _take_python(package), NULL), lines)
            code = Binary("+", code, guarded) if code else guarded
    return code


def _take_input(shadowed: Collection[str], attr: str) -> Expr:
    """Write a library by its argument, or below ``pkgs`` where a Python package has that name."""
    return take(attr) if attr.partition(".")[0] in shadowed else take_bare(attr)


def _take_python(dependency: PythonDependency) -> Expr:
    """Write a Python package by its argument, or below the interpreter where its name cannot be one."""
    name = dependency.attr or dependency.name
    if is_identifier(name):
        return Var(name)
    return Select(Var("python"), ("pkgs", name), None if dependency.attr else NULL)


def _write_dependencies(override: Override, dependencies: Sequence[PythonDependency]) -> Iterable[Binding]:
    refused = [Commented(one.refused, text(one.spelled)) for one in dependencies if one.refused]
    if refused:
        yield bind("pythonRelaxDeps", List(tuple(refused)))
    plan, details = override.strip, _take_details(override)
    if removed := [one.spelled for one in details.dependencies if one not in dependencies]:
        yield bind("pythonRemoveDeps", strings(removed), describe_strip(plan) if plan else "")
    known = [one for one in dependencies if one.attr]
    parts: list[Expr] = [List(tuple(map(_take_python, known)))] if known else []
    parts += [
        Select(_take_python(one), ("optional-dependencies", extra), List())
        for one in known
        for extra in one.extras
    ]
    if absent := [_take_python(one) for one in dependencies if not one.attr and not one.taken]:
        parts.append(call("lib.remove", NULL, List(tuple(absent))))
    if parts:
        yield bind("dependencies", reduce(lambda left, right: Binary("++", left, right), parts))


def _write_meta(details: PackageDetails, override: Override) -> Expr:
    more = []
    if details.provenance:
        kinds = tuple(select("lib", "sourceTypes", kind) for kind in details.provenance)
        more.append(bind("sourceProvenance", List(kinds)))
    if systems := find_systems(override.tags):
        more.append(bind("platforms", strings(systems)))
    return write_meta(details, more)


def find_systems(tags: Iterable[str]) -> tuple[str, ...]:
    """List the Nix systems that a wheel's platform tags name, sorted."""
    known = {name: f"_{name_machine(name)}" for name in list_linux_systems()}
    return tuple(sorted({name for tag in tags for name, end in known.items() if tag.endswith(end)}))
