"""Renders complete packages for nixpkgs: ``buildPythonPackage { format = "wheel"; … }``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial, reduce

from wheelfix.model.override import Override, PackageDetails
from wheelfix.nix.parts import (
    comment_all,
    describe,
    describe_permissions,
    describe_strip,
    formals,
    list_ignored,
    list_inputs,
    take_bare,
    take_package,
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
    Lambda,
    List,
    Path,
    Select,
    Var,
    bind,
    call,
    select,
    strings,
    text,
)
from wheelfix.override.overlay import list_runpaths

_PART = r"([^-]+)"
_TAGGED = re.compile("-".join([_PART] * 5) + r"\.whl")
_VERSIONED = re.compile(r"(cp|py)([0-9])([0-9]+)")
_FULL = re.compile(r"(?P<kind>cp|pypy)(?P<major>[0-9])(?P<minor>[0-9]+)(?P<flags>[a-z]*)")
_DISABLED = "the wheel is for these interpreters alone; a t is free-threaded"
_TITLE = "Written by wheelfix."


def render_packages(overrides: Sequence[Override]) -> str:
    """Write one package as a file for ``callPackage``; several as an overlay for a Python package set."""
    if len(overrides) == 1:
        head = [f"{describe(overrides[0])}. {_TITLE}", *describe_permissions(overrides), *overrides[0].hints]
        return render(comment_all(head, _write_function(overrides[0])))
    packages = []
    for override in overrides:
        package = call("final.callPackage", _write_function(override), Attrs())
        head = [describe(override), *override.hints]
        packages.append(bind(override.name, comment_all(head, package)))
    overlay = Lambda("final", Lambda("prev", Attrs(tuple(packages))))
    title = f"Overlay for a Python package set (packageOverrides). {_TITLE}"
    return render(comment_all([title, *describe_permissions(overrides)], overlay))


def _write_function(override: Override) -> Expr:
    details = override.details
    assert details is not None
    gone = {j.name for j in override.strip.stripped} if override.strip else set()
    siblings = {s.distribution for s in override.searches if s.distribution}
    requires = sorted((set(details.requires) - gone) | siblings)
    oldest, prefixes = find_interpreters(override.tags)
    fetch = ["fetchPypi"] * (_TAGGED.fullmatch(details.filename) is not None)
    names = ["lib", "buildPythonPackage", *fetch, "autoPatchelfHook"]
    names += ["autoAddDriverRunpath"] * bool(override.driver)
    names += ["python"] * bool(prefixes or siblings) + ["pythonOlder"] * bool(oldest)
    inputs = [i.attr for i in (*override.inputs, *override.runpaths)]
    inputs += [s.attr for s in override.searches if s.attr]
    names += sorted({attr.partition(".")[0] for attr in inputs})
    names += [n for n in requires if is_identifier(n)]
    names += ["pythonPackages"] * any(not is_identifier(n) for n in requires)
    body = Attrs(
        (
            bind("pname", text(override.name)),
            bind("version", text(override.version)),
            bind("format", text("wheel")),
            *_write_disabled(oldest, prefixes),
            bind("src", _write_source(details)),
            *_write_build(override),
            *_write_dependencies(override, requires),
            *([bind("pythonImportsCheck", strings(details.imports))] if details.imports else []),
            bind("meta", _write_meta(details, override)),
        )
    )
    return Lambda(formals(*names), call("buildPythonPackage", body))


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


def _write_disabled(oldest: str, prefixes: str) -> Iterable[Binding]:
    prefix = select("python", "libPrefix")
    differs: list[Expr] = [call("pythonOlder", text(oldest))] if oldest else []
    if re.fullmatch(r"[\w\\.]+", prefixes):
        differs.append(Binary("!=", prefix, text(prefixes.replace("\\", ""))))
    elif prefixes:
        differs.append(Binary("==", call("builtins.match", text(prefixes), prefix), NULL))
    if differs:
        yield bind("disabled", reduce(partial(Binary, "||"), differs), _DISABLED)


def _write_source(details: PackageDetails) -> Expr:
    """Write the source; ``fetchPypi`` builds a wheel's address from its tags, and has no build tags."""
    digest = write_digest(details.sha256)
    if not (match := _TAGGED.fullmatch(details.filename)):
        why = f"fetchPypi knows no build tags: the file itself, {digest}"
        return Commented(why, Path(f"./{details.filename}"))
    name, version, python, abi, platform = match.groups()
    wheel = {"pname": name, "version": version, "format": "wheel", "dist": python, "python": python}
    wheel |= {"abi": abi, "platform": platform, "hash": digest}
    return call("fetchPypi", Attrs(tuple(bind(key, text(value)) for key, value in wheel.items())))


def _write_build(override: Override) -> Iterable[Binding]:
    hooks = [Var("autoPatchelfHook")] + [Var("autoAddDriverRunpath")] * bool(override.driver)
    yield bind("nativeBuildInputs", List(tuple(hooks)))
    if override.inputs:
        yield bind("buildInputs", list_inputs(override.inputs, take_bare))
    if override.ignored:
        yield bind("autoPatchelfIgnoreMissingDeps", list_ignored(override.ignored))
    if override.runpaths:
        yield bind("appendRunpaths", list_runpaths(override.runpaths, take_bare))
    if search := write_search(override.searches, take_package, Var("python"), find=take_bare, guarded=False):
        yield bind("preFixup", search)
    yield bind("dontStrip", Var("true"), "strip breaks libraries that patchelf has changed")


def _write_dependencies(override: Override, requires: Sequence[str]) -> Iterable[Binding]:
    if requires:
        comment = ""
        if plan := override.strip:
            comment = f"Without {', '.join(j.name for j in plan.stripped)}. {describe_strip(plan)}"
        yield bind("dependencies", List(tuple(take_package(name) for name in requires)), comment)


def _write_meta(details: PackageDetails, override: Override) -> Expr:
    native = Select(Var("lib"), ("sourceTypes", "binaryNativeCode"))
    platforms = strings(find_systems(override.tags))
    return write_meta(details, (bind("sourceProvenance", List((native,))), bind("platforms", platforms)))


_SYSTEMS = {
    "aarch64": "aarch64-linux",
    "armv7l": "armv7l-linux",
    "i686": "i686-linux",
    "ppc64le": "powerpc64le-linux",
    "riscv64": "riscv64-linux",
    "s390x": "s390x-linux",
    "x86_64": "x86_64-linux",
}


def find_systems(tags: Iterable[str]) -> tuple[str, ...]:
    """List the Nix systems that a wheel's platform tags name, sorted."""
    found = {name for tag in tags for machine, name in _SYSTEMS.items() if tag.endswith(f"_{machine}")}
    return tuple(sorted(found))
