"""Renders builds of Rust-backed source distributions: ``hacks.importCargoLock``, and nixpkgs packages.

The contract of the first is pyproject.nix's ``build/hacks/default.nix`` (7af23cf7): it unpacks ``prev.src``,
vendors what ``cargoRoot``'s Cargo.lock lists, and adds cargo, rustc, pkg-config and ``cargoSetupHook``. Build
systems and native inputs have to be added by the caller. The second follows nixpkgs' manual, "Rust", section
"Python package using maturin" and its neighbours.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable

from wheelfix.model.override import Dialect
from wheelfix.nix.parts import (
    HACKS,
    OLD,
    add_to_old,
    comment_all,
    formals,
    list_inputs,
    take_bare,
    take_package,
    write_digest,
    write_guarded,
    write_meta,
)
from wheelfix.nix.printer import print_flat, render
from wheelfix.nix.quote import is_identifier
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Inherit,
    Lambda,
    List,
    Path,
    Script,
    Select,
    bind,
    call,
    select,
    strings,
    text,
)
from wheelfix.sdist.model import CargoPlan, GitSource

_FILL = "build once, and put the hash here that Nix says it got"
_PREFETCH = f"where it says fakeHash: {_FILL}, or the one `nix-prefetch-git --fetch-submodules` prints"
_LOCK = "Cargo.lock"
_MANIFEST = "Cargo.toml"


def render_sdist(plan: CargoPlan, dialect: Dialect) -> str:
    """Write the code that builds an sdist.

    Args:
        plan: the plan.
        dialect: uv2nix, pyproject-nix or nixpkgs.
    """
    return render_cargo_package(plan) if dialect is Dialect.NIXPKGS else render_cargo(plan)


def render_cargo(plan: CargoPlan) -> str:
    """Write an overlay for uv2nix and pyproject.nix."""
    head = [
        "Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.",
        print_flat(HACKS),
    ]
    overlay = Lambda("final", Lambda("prev", write_guarded(plan.project.name, write_cargo(plan))))
    return render(comment_all(head, Lambda(formals("pkgs", "lib", "hacks"), overlay)))


def write_cargo(plan: CargoPlan, package: Expr | None = None) -> Expr:
    """Write the adapter of one package, an expression that uses ``pkgs``, ``hacks``, ``final`` and ``prev``.

    Args:
        plan: of the sdist.
        package: the package of the set, with the sdist as its source, for a set that prefers wheels. None
            stands for ``prev.NAME``.
    """
    arguments = [bind("prev", package or select("prev", plan.project.name))]
    if plan.root != "." or plan.project.built[0].path != _MANIFEST:
        arguments.append(bind("cargoRoot", text(plan.root), plan.root_reason))
    if not plan.lock:
        why = f"the sdist has no Cargo.lock: this one goes beside this file{_say_how(plan)}"
        arguments.append(bind("lockFile", _lock_path(plan), why))
    if plan.git:
        hashes = Attrs((bind("outputHashes", _write_hashes(plan.git)),))
        why = _PREFETCH if any(one.sha256 is None for one in plan.git) else ""
        arguments.append(bind("importCargoLockArgs", hashes, why))
    imported = call("hacks.importCargoLock", Attrs(tuple(arguments)))
    changed = call(Select(imported, ("overrideAttrs",)), Lambda("old", Attrs(tuple(_write_changes(plan)))))
    return comment_all(_describe(plan), changed)


def _write_changes(plan: CargoPlan) -> Iterable[Binding]:
    systems = Attrs(
        tuple(bind(one.name, strings(one.extras), one.reason) for one in plan.build_systems),
    )
    native = Binary(
        "++", Select(OLD, ("nativeBuildInputs",), List()), call("final.resolveBuildSystem", systems)
    )
    if plan.tools:
        native = Binary("++", native, list_inputs(plan.tools))
    yield bind("nativeBuildInputs", native)
    if plan.libraries:
        yield add_to_old("buildInputs", list_inputs(plan.libraries))
    yield from _write_rest(plan, Select(OLD, ("postPatch",), text("")))
    for name, value, reason in find_settings(plan):
        yield bind(name, text(value), reason)


def _write_rest(plan: CargoPlan, before: Expr | None = None) -> Iterable[Binding]:
    if any(tool.attr == "cmake" for tool in plan.tools):
        yield bind("dontUseCmakeConfigure", TRUE, "cmake is for a crate, not for the package itself")
    if not plan.lock:
        place = shlex.quote(posixpath.normpath(posixpath.join(plan.root, _LOCK)))
        script = Script((("cp ", _lock_path(plan), f" {place}"),))
        yield bind("postPatch", Binary("+", before, script) if before else script)


def find_settings(plan: CargoPlan) -> Iterable[tuple[str, str, str]]:
    """Yield environment variables of the build: name, value, reason."""
    for setting in plan.settings:
        yield setting.name, setting.value, setting.reason
    if plan.channel:
        reason = f"its authors build with {plan.channel}: a stable compiler then takes unstable features"
        yield "RUSTC_BOOTSTRAP", "1", reason


def _write_hashes(git: Iterable[GitSource]) -> Attrs:
    bindings = []
    for one in git:
        first, *others = one.crates
        words = f"{one.url} at {one.commit}"
        if others:
            words += f"; also for {', '.join(others)}"
        value: Expr = select("lib", "fakeHash")
        if one.sha256 is None:
            words += "; not at hand"
        else:
            value = text(write_digest(one.sha256))
            words += "; hash of cargo's own checkout"
        bindings.append(bind(first, value, words))
    return Attrs(tuple(bindings))


def render_cargo_package(plan: CargoPlan) -> str:
    """Write a file for ``python3Packages.callPackage`` that builds the sdist."""
    return render(comment_all([*_describe(plan), "Written by wheelfix."], write_cargo_package(plan)))


def write_cargo_package(plan: CargoPlan) -> Lambda:
    """Write the function of a package of nixpkgs that builds the sdist."""
    project = plan.project
    maturin = project.backend.partition(".")[0] == "maturin"
    systems = [s.name for s in plan.build_systems if not s.reason and not (maturin and s.name == "maturin")]
    tools = ["cargo", "rustc"] * (not maturin) + ["pkg-config"] * bool(plan.libraries)
    hooks = ["rustPlatform.cargoSetupHook", *["rustPlatform.maturinBuildHook"] * maturin]
    native = [*map(take_bare, hooks), *map(take_bare, tools), *list_inputs(plan.tools, take_bare).items]
    bindings: list[Binding | Inherit] = [
        bind("pname", text(project.name)),
        bind("version", text(project.version)),
        bind("pyproject", TRUE),
        bind("src", _write_source(plan)),
        *([bind("cargoRoot", text(plan.root), plan.root_reason)] if plan.root != "." else []),
        bind("cargoDeps", _write_vendor(plan)),
        *_write_rest(plan),
        bind("build-system", List(tuple(map(take_package, systems)))),
        bind("nativeBuildInputs", List(tuple(native))),
        *([bind("buildInputs", list_inputs(plan.libraries, take_bare))] if plan.libraries else []),
        *_write_env(plan),
        *(
            [bind("dependencies", List(tuple(map(take_package, project.run_time))))]
            if project.run_time
            else []
        ),
        bind("meta", write_meta(project)),
    ]
    wanted = [*tools, *(i.attr.partition(".")[0] for i in (*plan.tools, *plan.libraries))]
    wanted += [n for n in (*systems, *project.run_time) if is_identifier(n)]
    others = ["pythonPackages"] * (not all(map(is_identifier, (*systems, *project.run_time))))
    fetch = ["fetchPypi"] * (plan.sha256 is not None)
    names = ["lib", "buildPythonPackage", *fetch, "rustPlatform", *sorted(set(wanted)), *others]
    return Lambda(formals(*names), call("buildPythonPackage", Attrs(tuple(bindings), rec=True)))


def _write_source(plan: CargoPlan) -> Expr:
    if plan.sha256 is None:
        return Commented("the directory itself", Path("./."))
    name = plan.target.removesuffix(".tar.gz").rpartition("-")[0]
    same = name == plan.project.name
    named = [Inherit(("pname", "version"))] if same else [bind("pname", text(name)), Inherit(("version",))]
    return call("fetchPypi", Attrs((*named, bind("hash", text(write_digest(plan.sha256))))))


def _write_vendor(plan: CargoPlan) -> Expr:
    if not plan.lock:
        hashes = [bind("outputHashes", _write_hashes(plan.git), _PREFETCH)] if plan.git else []
        imported = Attrs((bind("lockFile", _lock_path(plan)), *hashes))
        return call("rustPlatform.importCargoLock", imported)
    names = ("pname", "version", "src", *["cargoRoot"] * (plan.root != "."))
    unknown = bind("hash", select("lib", "fakeHash"), f"not known before the crates are: {_FILL}")
    return call("rustPlatform.fetchCargoVendor", Attrs((Inherit(names), unknown)))


def _write_env(plan: CargoPlan) -> Iterable[Binding]:
    settings = [bind(name, text(value), reason) for name, value, reason in find_settings(plan)]
    if settings:
        yield bind("env", Attrs(tuple(settings)))


def _describe(plan: CargoPlan) -> list[str]:
    paragraphs = [f"{plan.project.name} {plan.project.version}, from {plan.target}"]
    if plan.rust_version:
        version, who = plan.rust_version
        paragraphs.append(f"Needs Rust {version} or later ({who}).")
    if plan.vendored:
        paragraphs.append(
            f"The sdist brings its crates in {plan.vendored}: its .cargo/config.toml makes cargo take those."
        )
    paragraphs += [f"{finding.level}: {finding.message}" for finding in plan.findings]
    return paragraphs


def _lock_path(plan: CargoPlan) -> Path:
    return Path(f"./{plan.lock_file or _LOCK}")


def _say_how(plan: CargoPlan) -> str:
    return "" if plan.lock_file else "; `wheelfix sdist --lock Cargo.lock` makes one with cargo"
