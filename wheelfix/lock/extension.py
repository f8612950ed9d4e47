"""Renders the change by which a Python package set of nixpkgs conforms to a lock, in each of its forms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial, reduce
from typing import Final

from wheelfix.lock.model import LockPlan, SourcePackage
from wheelfix.model.lock import name_interpreter, name_packages
from wheelfix.model.override import Form, PythonDependency
from wheelfix.model.python import parse_python
from wheelfix.nix.parts import OLD, add_to_old, comment_all, write_digest, write_meta
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    FALSE,
    NULL,
    TRUE,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Lambda,
    Let,
    List,
    Select,
    Var,
    bind,
    call,
    select,
    strings,
    text,
)
from wheelfix.override.install import add_shim
from wheelfix.override.package import describe_packages, write_members
from wheelfix.sdist.render import write_cargo_package

_FINAL: Final = "pyfinal"
_PREV: Final = "pyprev"
_KEEP: Final = "fromNixpkgs"
"""Name of the function that tells what is kept of nixpkgs' own package; no distribution can be called so."""
_LIBRARIES: Final = "withoutPython"
_REMADE: Final = (
    *("build-system", "dependencies", "disabled", "pyproject"),
    *("pythonModule", "pythonPath", "requiredPythonModules", "tests", "updateScript"),
    *("__stdenvPythonCompat", "__stdenvPythonCompatPos"),
    *("cargoDeps", "name", "pname", "src", "version"),
)
"""What ``buildPythonPackage`` puts into ``passthru`` itself, and what is about the files of the recipe."""


def render_set(plan: LockPlan, residue: Sequence[str]) -> str:
    """Write the change of a Python package set.

    Args:
        plan: with the form of the code.
        residue: what is left open, one paragraph each.
    """
    final, prev = ("final", "prev") if plan.form is Form.FILE else (_FINAL, _PREV)
    keep = None if plan.form is Form.FILE else _KEEP
    members = [*write_members(plan.overrides, final, keep=keep)]
    members += [_write_package(package, plan, final, prev) for package in plan.packages]
    members += [_write_named(name, attr, plan, final) for name, attr in plan.named]
    members.sort(key=lambda member: member.path)
    body: Expr = Attrs(tuple(members))
    helpers = [] if plan.form is Form.FILE else [*_write_helpers(plan)]
    body = add_shim(plan.overrides, body, f"{prev}.lib")
    if helpers:
        body = Let(tuple(helpers), body)
    change: Expr = Lambda(final, Lambda(prev, body))
    if plan.form is Form.OVERLAY:
        change = _write_overlay(plan, body)
    title = f"Written by wheelfix for {plan.lock}, Python {plan.python} on {plan.system}."
    head = [f"{_describe(plan)} {title}", *describe_packages(plan.overrides), *residue]
    return render(comment_all(head, change))


def _describe(plan: LockPlan) -> str:
    packages = ".".join(name_packages(plan.python))
    return {
        Form.FILE: "Overlay for a Python package set (packageOverrides).",
        Form.OVERRIDES: (
            f"What is other in {packages}, so that it conforms to the lock: "
            f"pkgs.{name_interpreter(plan.python)}.override {{ packageOverrides = import ./FILE; }}."
        ),
        Form.OVERLAY: (
            f"Overlay for nixpkgs, in which {packages} conforms to the lock: "
            "import <nixpkgs> { overlays = [ (import ./FILE) ]; }, or nixpkgs.overlays of NixOS."
        ),
    }[plan.form]


def _write_overlay(plan: LockPlan, body: Expr) -> Lambda:
    """Write an overlay for nixpkgs, which has one list of changes for the sets of all its Pythons."""
    known = parse_python(plan.python)
    assert known
    fits = Binary("==", select(_PREV, "python", "libPrefix"), text(known.library_directory))
    why = f"the lock is for Python {plan.python}: the sets of other Pythons stay as they are"
    guarded = Commented(why, call(f"{_PREV}.lib.optionalAttrs", fits, body))
    extension = Lambda(_FINAL, Lambda(_PREV, guarded))
    extensions = Binary("++", select("prev", "pythonPackagesExtensions"), List((extension,)))
    return Lambda("final", Lambda("prev", Attrs((bind("pythonPackagesExtensions", extensions),))))


def _write_helpers(plan: LockPlan) -> Iterable[Binding]:
    if any(override.details and override.details.present for override in plan.overrides):
        # Of what nixpkgs has removed, a message alone is left, which tryEval catches.
        there = call("builtins.tryEval", Select(Var(_PREV), (Var("name"),), NULL))
        passthru = call("removeAttrs", Select(OLD, ("passthru",), Attrs()), strings(_REMADE))
        program = Attrs((bind("mainProgram", NULL),))
        meta = call("builtins.intersectAttrs", program, Select(OLD, ("meta",), Attrs()))
        kept = Attrs((bind("passthru", passthru), bind("meta", meta)))
        function = Lambda("name", Let((bind("old", select(there, "value")),), kept))
        why = "What other packages of nixpkgs read of the one in whose place a wheel is"
        yield bind(_KEEP, function, why)
    if any(package.recipe for package in plan.packages):
        test = Lambda("one", Binary("==", Select(Var("one"), ("pythonModule",), NULL), NULL))
        function = Lambda("several", call("builtins.filter", test, Var("several")))
        yield bind(_LIBRARIES, function, "The inputs that are no Python packages, which a lock does not name")


def _write_named(name: str, attr: tuple[str, ...], plan: LockPlan, final: str) -> Binding:
    packages = name_packages(plan.python)
    inside = attr[: len(packages)] in {packages, ("python3Packages",)}
    path = attr[len(packages) :] if inside else ("pkgs", *attr)
    return bind(name, comment_all(["As --provider says"], select(final, *path)))


def _write_package(package: SourcePackage, plan: LockPlan, final: str, prev: str) -> Binding:
    head = f"{package.name} {package.version}, built from {package.filename}"
    made: Expr
    if package.rust:
        made = call(f"{final}.callPackage", write_cargo_package(package.rust), Attrs())
    elif package.recipe and plan.form is not Form.FILE:
        head += f", by nixpkgs' recipe for {package.recipe}"
        made = _change_recipe(package, plan, final, prev)
    else:
        made = _write_new(package, final)
    remarks = [head]
    if package.absent and not package.rust:
        remarks.append(f"Not in nixpkgs, and wanted for the build: {', '.join(package.absent)}.")
    return bind(package.attr, comment_all(remarks, made))


def _change_recipe(package: SourcePackage, plan: LockPlan, final: str, prev: str) -> Expr:
    """Change nixpkgs' recipe: what is about its version's text goes, what is about the build stays."""
    bindings = [
        bind("version", text(package.version)),
        bind("src", _write_source(package, final)),
        bind("sourceRoot", NULL, "nixpkgs may build a directory of a repository; an sdist has it at the top"),
    ]
    if not package.fits:
        why = f"nixpkgs' patches are for {package.recipe}"
        bindings.append(bind("patches", List(), why))
        systems = List(tuple(select(final, attr) for attr in package.build_systems))
        if package.build_systems:
            bindings.append(add_to_old("build-system", systems))
    required = _list_packages(package.dependencies, final)
    for name, more in (("dependencies", required), ("propagatedBuildInputs", None)):
        left: Expr = call(_LIBRARIES, Select(OLD, (name,), List()))
        bindings.append(bind(name, Binary("++", left, more) if more else left))
    bindings += _write_checks(package, onto=True)
    if not plan.tests:
        bindings.append(bind("doCheck", FALSE))
    change = select(prev, package.attr, "overridePythonAttrs")
    return call(change, Lambda("old", Attrs(tuple(bindings))))


def _write_new(package: SourcePackage, final: str) -> Expr:
    bindings = [
        bind("pname", text(package.name)),
        bind("version", text(package.version)),
        bind("pyproject", TRUE),
        bind("src", _write_source(package, final)),
        bind("build-system", List(tuple(select(final, attr) for attr in package.build_systems))),
    ]
    if required := _list_packages(package.dependencies, final):
        bindings.append(bind("dependencies", required))
    bindings += _write_checks(package, onto=False)
    bindings.append(bind("meta", write_meta(package.project)))
    return call(f"{final}.buildPythonPackage", Attrs(tuple(bindings)))


def _write_source(package: SourcePackage, final: str) -> Expr:
    """Write the source; ``fetchPypi`` makes the address of an sdist of its name."""
    digest = bind("hash", text(write_digest(package.sha256)))
    stem, _, version = package.filename.removesuffix(".tar.gz").rpartition("-")
    if package.url or version != package.version or not package.filename.endswith(".tar.gz"):
        url = package.url or f"mirror://pypi/{package.name[:1]}/{package.name}/{package.filename}"
        named = (bind("url", text(url)), bind("name", text(package.filename)))
        return call(f"{final}.pkgs.fetchurl", Attrs((*named, digest)))
    named = (bind("pname", text(stem)), bind("version", text(package.version)))
    return call(f"{final}.fetchPypi", Attrs((*named, digest)))


def _list_packages(dependencies: Iterable[PythonDependency], final: str) -> Expr | None:
    known = [one for one in dependencies if one.attr and not one.circular]
    parts: list[Expr] = [List(tuple(select(final, one.attr) for one in known if one.attr))] if known else []
    parts += [
        Select(Var(final), (one.attr, "optional-dependencies", extra), List())
        for one in known
        for extra in one.extras
        if one.attr
    ]
    return reduce(partial(Binary, "++"), parts) if parts else None


def _write_checks(package: SourcePackage, *, onto: bool) -> Iterable[Binding]:
    """Write what nixpkgs' check of requirements is told of those that it cannot find."""
    refused = [Commented(one.refused, text(one.spelled)) for one in package.dependencies if one.refused]
    gone = [text(one.spelled) for one in package.dependencies if one.circular]
    for name, several in (("pythonRelaxDeps", tuple(refused)), ("pythonRemoveDeps", tuple(gone))):
        if several:
            yield add_to_old(name, List(several)) if onto else bind(name, List(several))
