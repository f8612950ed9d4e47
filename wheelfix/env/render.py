"""Renders the Nix files of an environment: ``default.nix`` defines it, the others pass its inputs.

The parts are uv2nix's (``templates/hello-world`` of that repository).
"""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.env.image import IMAGE_LOCAL, write_image
from wheelfix.env.model import Environment
from wheelfix.model.system import list_exposed_systems
from wheelfix.nix.parts import HACKS, comment_all, formals
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    NULL,
    Attrs,
    Binary,
    Binding,
    Expr,
    Formal,
    Formals,
    If,
    Inherit,
    Lambda,
    Let,
    List,
    Path,
    SearchPath,
    Select,
    Str,
    Var,
    bind,
    call,
    select,
    strings,
    text,
)

_BUILDERS = ("pyproject-nix", "uv2nix", "pyproject-build-systems")
_FLAKES = {
    "pyproject-nix": "github:pyproject-nix/pyproject.nix",
    "uv2nix": "github:pyproject-nix/uv2nix",
    "pyproject-build-systems": "github:pyproject-nix/build-system-pkgs",
}
_FOLLOWS = {
    "pyproject-nix": ("nixpkgs",),
    "uv2nix": ("pyproject-nix", "nixpkgs"),
    "pyproject-build-systems": ("pyproject-nix", "uv2nix", "nixpkgs"),
}
_WRITTEN = (
    "Written by `wheelfix env`, which writes it again: put changes into overrides-local.nix, those of the "
    f"image into {IMAGE_LOCAL}."
)
CONDA_NIX = "conda.nix"
"""The file with the code for conda's packages."""
_LOCAL = (
    "Yours: `wheelfix env` made this file once and does not touch it again. It comes after overrides.nix, so "
    "what is here wins. An override: prev.NAME.overrideAttrs (old: { … })."
)
_CONDA_LOCAL = (
    "Yours: `wheelfix env` made this file once and does not touch it again. What is here takes the place of "
    f"what {CONDA_NIX} gives, `environment` or `shell`: environment = conda.environment.overrideAttrs "
    "(old: { … })."
)
LOCAL = "overrides-local.nix"
"""The file in which the user changes packages."""
_PINS = "The flake's own pins, where there are any: `nix flake lock` makes them; else the newest."


def render_files(environment: Environment) -> dict[str, str]:
    """Write the Nix files that do not depend on the lock, by name."""
    return {
        "default.nix": render_default(environment),
        "flake.nix": render_flake(environment),
        "shell.nix": render_shell(environment),
    }


def render_conda_files(environment: Environment) -> dict[str, str]:
    """Write the Nix files of an environment of conda that do not depend on the lock, by name."""
    return {
        "default.nix": render_conda_default(environment),
        "flake.nix": render_flake(environment, ()),
        "shell.nix": render_conda_shell(environment),
    }


def render_conda_default(environment: Environment) -> str:
    """Write ``default.nix`` of an environment of conda: environment, shell and container image."""
    arguments = Attrs((Inherit(("pkgs", "lib")),))
    made = call("import", Path(f"./{CONDA_NIX}"), arguments)
    changed = call("import", Path(f"./{LOCAL}"), arguments, Var("made"))
    program = bind("mainProgram", text(environment.program.name), "what `nix run` starts")
    prefix = select("conda", "environment")
    described = Binary("//", Select(prefix, ("meta",), Attrs()), Attrs((program,)))
    bindings: tuple[Binding | Inherit, ...] = (
        Inherit(("lib",), Var("pkgs")),
        bind("made", made),
        bind("conda", Binary("//", Var("made"), changed)),
        bind("environment", Binary("//", prefix, Attrs((bind("meta", described),)))),
    )
    shell: Expr = select("conda", "shell")
    if environment.variables:
        variables = Attrs(tuple(bind(name, text(value)) for name, value in environment.variables))
        kept = Select(Var("old"), ("env",), Attrs())
        changes = Attrs((bind("env", Binary("//", kept, variables)),))
        shell = call(Select(shell, ("overrideAttrs",)), Lambda("old", changes))
    body = Attrs(
        (
            Inherit(("environment", "conda")),
            bind("shell", shell),
            bind("image", write_image(environment)),
        )
    )
    return render(comment_all([_WRITTEN], Lambda(formals("pkgs", ellipsis=True), Let(bindings, body))))


def render_conda_shell(environment: Environment) -> str:
    """Write ``shell.nix`` of an environment of conda."""
    pkgs = Formal("pkgs", call("import", SearchPath("nixpkgs"), Attrs()))
    body = Select(call("import", Path("./default.nix"), Attrs((Inherit(("pkgs",)),))), ("shell",))
    title = f"The shell of {environment.name} without flakes: `nix-shell`."
    return render(comment_all([title, _WRITTEN], Lambda(Formals((pkgs,)), body)))


def render_conda_local() -> str:
    """Write the initial ``overrides-local.nix`` of an environment of conda, which changes nothing."""
    function = Lambda(formals("pkgs", "lib", ellipsis=True), Lambda("conda", Attrs()))
    return render(comment_all([_CONDA_LOCAL], function))


def render_default(environment: Environment) -> str:
    """Write ``default.nix``: package set, environment, shell and container image."""
    arguments = Attrs((Inherit(("pkgs", "lib", "hacks")),))
    overlays = List(
        (
            select("pyproject-build-systems", "overlays", "wheel"),
            call("workspace.mkPyprojectOverlay", Attrs((bind("sourcePreference", text("wheel")),))),
            call("import", Path("./overrides.nix"), arguments),
            call("import", Path("./overrides-local.nix"), arguments),
        )
    )
    packages = select("pyproject-nix", "build", "packages")
    scope = call("pkgs.callPackage", packages, Attrs((Inherit(("python",)),)))
    extended = call(Select(scope, ("overrideScope",)), call("lib.composeManyExtensions", overlays))
    made = call(
        "pythonSet.mkVirtualEnv", text(f"{environment.name}-env"), select("workspace", "deps", "default")
    )
    program = bind("mainProgram", text(environment.program.name), "what `nix run` starts")
    described = Binary("//", Select(Var("made"), ("meta",), Attrs()), Attrs((program,)))
    named = Binary("//", Var("made"), Attrs((bind("meta", described),)))
    bindings: tuple[Binding | Inherit, ...] = (
        Inherit(("lib",), Var("pkgs")),
        bind("python", select("pkgs", environment.python)),
        HACKS,
        bind(
            "workspace",
            call("uv2nix.lib.workspace.loadWorkspace", Attrs((bind("workspaceRoot", Path("./.")),))),
        ),
        bind("pythonSet", extended),
        bind("made", made),
        bind("environment", named),
    )
    body = Attrs(
        (
            Inherit(("environment", "pythonSet")),
            bind("shell", _write_shell()),
            bind("image", write_image(environment)),
        )
    )
    function = Lambda(formals("pkgs", *_BUILDERS), Let(bindings, body))
    return render(comment_all([_WRITTEN], function))


def render_flake(environment: Environment, builders: Sequence[str] = _BUILDERS) -> str:
    """Write ``flake.nix``.

    Args:
        environment: values that the files share.
        builders: further inputs, which ``default.nix`` is given.
    """
    inputs: list[Binding | Inherit] = [Binding(("nixpkgs", "url"), text(environment.nixpkgs))]
    for name, url in ((name, _FLAKES[name]) for name in builders):
        follows = [Binding(("inputs", n, "follows"), text(n)) for n in _FOLLOWS[name]]
        inputs.append(bind(name, Attrs((bind("url", text(url)), *follows))))
    if list_exposed_systems().issuperset(environment.systems):
        packages: Expr = Select(select("nixpkgs", "legacyPackages"), (Var("system"),))
    else:
        packages = call("import", Var("nixpkgs"), Attrs((Inherit(("system",)),)))
    handed = Attrs((bind("pkgs", packages), *([Inherit(tuple(builders))] if builders else [])))
    definition = Lambda("system", call("import", Path("./default.nix"), handed))
    of_system = call("definition", Var("system"))
    outputs = Let(
        (
            bind("forAllSystems", call("nixpkgs.lib.genAttrs", strings(environment.systems))),
            bind("definition", definition),
        ),
        Attrs(
            (
                bind(
                    "packages",
                    call(
                        "forAllSystems",
                        Lambda(
                            "system",
                            Attrs(
                                (
                                    bind("default", Select(of_system, ("environment",))),
                                    bind("image", Select(of_system, ("image",))),
                                )
                            ),
                        ),
                    ),
                ),
                bind(
                    "devShells",
                    call(
                        "forAllSystems",
                        Lambda("system", Attrs((bind("default", Select(of_system, ("shell",))),))),
                    ),
                ),
            )
        ),
    )
    flake = Attrs(
        (
            bind("description", text(f"Python environment of {environment.name}")),
            bind("inputs", Attrs(tuple(inputs))),
            bind("outputs", Lambda(formals("nixpkgs", *builders, ellipsis=True), outputs)),
        )
    )
    return render(comment_all([_WRITTEN], flake))


def render_shell(environment: Environment) -> str:
    """Write ``shell.nix``: the shell without flakes, with the flake's pins if there are any."""
    lock = call("builtins.fromJSON", call("builtins.readFile", Path("./flake.lock")))
    has_lock = call("builtins.pathExists", Path("./flake.lock"))
    nodes = If(has_lock, Select(lock, ("nodes",)), Attrs())
    node = Select(Select(Var("nodes"), (Var("name"),)), ("locked",))
    known = Binary("!=", Select(Var("nodes"), (Var("name"),), NULL), NULL)
    pinned = call(
        "fetchTarball",
        Attrs(
            (
                bind("url", Str((Var("repository"), "/archive/", select(node, "rev"), ".tar.gz"))),
                bind("sha256", select(node, "narHash")),
            )
        ),
    )
    newest = call("fetchTarball", Str((Var("repository"), "/archive/HEAD.tar.gz")))
    fetch = Lambda("name", Lambda("repository", If(known, pinned, newest)))
    formals_ = [Formal("pkgs", call("import", SearchPath("nixpkgs"), Attrs()))]
    bindings: list[Binding | Inherit] = [
        bind("nodes", nodes, _PINS),
        bind("fetch", fetch),
        Inherit(("lib",), Var("pkgs")),
    ]
    for name, url in _FLAKES.items():
        repository = text(f"https://github.com/{url.removeprefix('github:')}")
        arguments = Attrs((Inherit(("lib", *(n for n in _FOLLOWS[name] if n != "nixpkgs"))),))
        bindings.append(bind(name, call("import", call("fetch", text(name), repository), arguments)))
    handed = Attrs((Inherit(("pkgs", *_BUILDERS)),))
    body = Select(call("import", Path("./default.nix"), handed), ("shell",))
    title = f"The shell of {environment.name} without flakes: `nix-shell`."
    return render(
        comment_all([title, _WRITTEN], Lambda(Formals(tuple(formals_)), Let(tuple(bindings), body)))
    )


def render_local() -> str:
    """Write the initial ``overrides-local.nix``."""
    function = Lambda(formals("pkgs", "lib", ellipsis=True), Lambda("final", Lambda("prev", Attrs())))
    return render(comment_all([_LOCAL], function))


def _write_shell() -> Expr:
    variables = Attrs(
        (
            bind("UV_NO_SYNC", text("1"), "uv sees the environment and changes nothing"),
            bind("UV_PYTHON", Str((Var("environment"), "/bin/python"))),
            bind("UV_PYTHON_DOWNLOADS", text("never")),
        )
    )
    return call(
        "pkgs.mkShell",
        Attrs(
            (
                bind("packages", List((Var("environment"), select("pkgs", "uv")))),
                bind("env", variables),
                bind("shellHook", text("unset PYTHONPATH")),
            )
        ),
    )
