"""Writes what packages do after their installation, for what their Python code opens by name."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from functools import partial, reduce

from wheelfix.model.override import OpenedLibrary, Override, Shim, Substitution
from wheelfix.nix.parts import quote_path, take
from wheelfix.nix.quote import clean_comment
from wheelfix.nix.tree import (
    FALSE,
    TRUE,
    Attrs,
    Binary,
    Binding,
    Expr,
    Lambda,
    Let,
    List,
    Script,
    Str,
    Var,
    bind,
    call,
    select,
    strings,
    text,
)
from wheelfix.pysource.shim import STARTERS, TABLE, name_shim, read_shim

Parts = tuple[str | Expr, ...]
"""Literal text and expressions, in order."""

LOADER_SHIM = "loaderShim"
"""Name of the function that :func:`add_shim` makes."""
_CODE = "loaderCode"
WRITER = select("pkgs", "writeText")


def write_install(
    override: Override,
    site: Parts,
    *,
    find: Callable[[str], Expr] = take,
    writer: Expr = WRITER,
    by_import: bool = False,
    python: Expr | None = None,
) -> Expr | None:
    """Write shell code for the end of ``installPhase``.

    Args:
        override: the package.
        site: the directory of its site-packages, as shell code.
        find: expression for an attribute of nixpkgs.
        writer: expression for nixpkgs' ``writeText``.
        by_import: start a shim from the sources that need it, wherever that is possible: ``.pth`` files do
            not run for what PYTHONPATH names, as in the checks of nixpkgs' builds.
        python: expression for an interpreter that compiles what is written here; None where the build
            compiles everything once more. Nothing else can: a store is read-only, and every start would
            compile a shim again, in 3 ms.
    """
    lines = [line for one in override.substitutions for line in _write_substitution(one, site, find)]
    shim, name = override.shim, name_shim(override.name)
    parts: list[Expr] = []
    if shim and by_import:
        for file, anchor in shim.anchors:
            lines.append((f"# {clean_comment(file)}: starts the shim",))
            lines.append(_replace(file, site, anchor, (f"{STARTERS['.pth'].format(name)}; {anchor}",)))
    if lines:
        parts.append(Script(tuple(lines)))
    if shim:
        parts.append(_write_shim(shim, name, find, (writer, Str(site)), by_import=by_import))
    if parts and python:
        files = dict.fromkeys(one.file for one in override.substitutions)
        names = [quote_path(file) for file in files] + ([f"{name}.py"] if shim else [])
        words = [part for file in names for part in (" ", *site, f"/{file}")]
        # A source that this Python cannot compile could not be compiled before, either.
        parts.append(Script(((python, " -m compileall -q", *words, " || true"),)))
    return reduce(partial(Binary, "+"), parts) if parts else None


def is_started(override: Override) -> bool:
    """Whether every source that needs the shim of a package can start it."""
    shim = override.shim
    return shim is not None and len(shim.anchors) == shim.sources


def _write_substitution(one: Substitution, site: Parts, find: Callable[[str], Expr]) -> Iterable[Parts]:
    yield (f"# {clean_comment(f'{one.library.reason}: {one.library.why}')}",)
    yield _replace(
        one.file, site, one.edit.old, (one.edit.before, *_find_path(one.library, find), one.edit.after)
    )


def _replace(file: str, site: Parts, old: str, new: Parts) -> Parts:
    return (
        "substituteInPlace ",
        *site,
        f"/{quote_path(file)} --replace-fail ",
        *_quote((old,)),
        " ",
        *_quote(new),
    )


def _quote(parts: Parts) -> Parts:
    """Quote a word for the shell, in one pair of quotes if possible; expressions are store paths."""
    literals = [part for part in parts if isinstance(part, str)]
    for quote, special in (("'", "'"), ('"', '"$`\\!')):
        if not any(char in literal for literal in literals for char in special):
            return (quote, *parts, quote)
    return tuple(shlex.quote(part) if isinstance(part, str) else part for part in parts)


def _find_path(library: OpenedLibrary, find: Callable[[str], Expr]) -> Parts:
    return (call("lib.getLib", find(library.attr)), library.path) if library.attr else (library.path,)


def _write_shim(
    shim: Shim, name: str, find: Callable[[str], Expr], place: tuple[Expr, Expr], *, by_import: bool
) -> Expr:
    def write(library: OpenedLibrary) -> Str:
        return Str(_find_path(library, find))

    known = dict(shim.libraries)
    libraries = tuple(
        bind(key, write(library), f"{library.reason}: {library.why}") for key, library in shim.libraries
    )
    table = (
        bind("modules", strings(shim.modules)),
        bind("libraries", Attrs(libraries)),
        *([bind("preload", List(tuple(write(known[key]) for key in shim.preload)))] if shim.preload else []),
        *([bind("variables", Attrs(tuple(_write_variables(shim, write))))] if shim.variables else []),
    )
    return call(LOADER_SHIM, *place, text(name), Attrs(table), *([FALSE] if by_import else [TRUE]))


def _write_variables(shim: Shim, write: Callable[[OpenedLibrary], Str]) -> Iterable[Binding]:
    for name, library in shim.variables:
        yield bind(name, write(library), f"{library.reason}: {library.why}")
    if shim.r_packages:
        packages = List(tuple(take(f"rPackages.{attr}") for attr in shim.r_packages))
        named = bind("name", text("r-packages"))
        linked = bind("pathsToLink", strings(("/library",)))
        built = call("pkgs.buildEnv", Attrs((named, bind("paths", packages), linked)))
        yield bind("R_LIBS_SITE", Str((built, "/library")), "R packages, with those that they depend on")


def _fill(said: str, name: Expr) -> Parts:
    """Put an expression into a text of STARTERS."""
    first, *rest = said.split("{0}")
    return (first, *(part for one in rest for part in (name, one)))


def add_shim(overrides: Iterable[Override], body: Expr, lib: str = "lib") -> Expr:
    """Put the function by which packages get their shims around code, if one of them has a shim.

    Args:
        overrides: the packages.
        body: the code.
        lib: path to nixpkgs' library of functions around that code.
    """
    if not any(override.shim for override in overrides):
        return body
    code = Script(tuple((line,) if line else () for line in read_shim().splitlines()))
    name = Var("name")
    before, after = TABLE
    table = Str((before, call("builtins.toJSON", Var("table")), after))
    made = call("writeText", Str((name, ".py")), Binary("+", Var(_CODE), table))
    file: Parts = (Var("site"), "/", name)
    starters = Script(
        tuple(('echo "', *_fill(said, name), '" > ', *file, end) for end, said in STARTERS.items())
    )
    module = Script((("cp ", made, " ", *file, ".py"),))
    written = Binary("+", module, call(f"{lib}.optionalString", Var("starts"), starters))
    function: Expr = written
    for parameter in ("starts", "table", "name", "site", "writeText"):
        function = Lambda(parameter, function)
    why = (
        "Finds libraries for one package by the names that it opens. A .pth file starts it with the "
        "interpreter, and a .start file from Python 3.15 on"
    )
    return Let((bind(_CODE, code), bind(LOADER_SHIM, function, why)), body)
