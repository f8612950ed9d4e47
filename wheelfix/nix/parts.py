"""Pieces of code that several dialects share. ``old`` is the argument of ``overrideAttrs``' function."""

from __future__ import annotations

import posixpath
import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from wheelfix.nix.licenses import write_license
from wheelfix.nix.printer import render
from wheelfix.nix.quote import clean_comment, is_identifier
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Formal,
    Formals,
    Has,
    Lambda,
    List,
    Script,
    Select,
    Var,
    bind,
    call,
    find_variables,
    select,
    text,
)

if TYPE_CHECKING:
    from wheelfix.model.hook import LostOpening
    from wheelfix.model.index import Permission
    from wheelfix.model.override import (
        Adapter,
        DependencyDecision,
        Ignored,
        Input,
        Override,
        PackageDetails,
        Search,
        StripPlan,
    )
    from wheelfix.model.sdist import PythonProject

OLD = Var("old")
HACKS = bind("hacks", call("pkgs.callPackage", select("pyproject-nix", "build", "hacks"), Attrs()))
"""pyproject.nix's functions for adapters: ``nixpkgsPrebuilt`` and ``importCargoLock``."""
_SITE = "lib/python/site-packages"
_PLAIN = re.compile(r"[a-z-]+[,:]?(?= |$)")
_ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\S)", re.IGNORECASE)

PRESERVE_ORIGIN = "--preserve-origin"
"""Option by which auto-patchelf keeps the entries of run paths that begin with ``$ORIGIN``."""

FindPython = Callable[[str], Expr]
"""Finds the expression for a distribution's package by its name."""


def take(attr: str, root: str = "pkgs") -> Expr:
    """Write an attribute of nixpkgs by its dotted path."""
    return select(root, *attr.split("."))


def take_pkgs(body: Expr) -> Formals:
    """Write the arguments of a function of ``pkgs``, with ``lib`` where its body uses that."""
    lib = [Formal("lib", select("pkgs", "lib"))] if "lib" in find_variables(body) else []
    return Formals((Formal("pkgs"), *lib))


def take_bare(attr: str) -> Expr:
    """Write an attribute whose first part is a parameter of the function."""
    return select(*attr.split("."))


def take_package(name: str) -> Expr:
    """Write a Python package by its parameter, or from ``pythonPackages`` if its name cannot be one."""
    return Var(name) if is_identifier(name) else select("pythonPackages", name)


def write_digest(sha256: bytes) -> str:
    """Write 32 bytes as a hash in the form of Subresource Integrity."""
    return f"sha256-{b64encode(sha256).decode()}"


def write_meta(described: PackageDetails | PythonProject, more: Iterable[Binding] = ()) -> Attrs:
    """Write ``meta`` of a complete package; a license that cannot be told is a comment.

    Args:
        described: what the package says of itself.
        more: further attributes.
    """
    bindings = []
    if summary := _trim_summary(described.summary):
        bindings.append(bind("description", text(summary)))
    if described.homepage:
        bindings.append(bind("homepage", text(described.homepage)))
    if described.changelog:
        bindings.append(bind("changelog", text(described.changelog)))
    written = write_license(described.spdx)
    if written.value:
        bindings.append(bind("license", written.value, written.remark))
    named = written.remark or described.license or "the metadata names none"
    return Attrs((*bindings, *more), trailer="" if written.value else f"license: {named}")


def _trim_summary(summary: str) -> str:
    """Write a summary by nixpkgs' rules: no article before it, no full stop after it, a capital first.

    Example:
        >>> _trim_summary("an audio library."), _trim_summary("iOS tools")
        ('Audio library', 'iOS tools')
    """
    words = _ARTICLE.sub("", summary.strip().rstrip("."), count=1)
    return words[:1].upper() + words[1:] if _PLAIN.match(words) else words


def formals(*names: str, ellipsis: bool = False) -> Formals:
    """``{ a, b, ... }``."""
    return Formals(tuple(Formal(name) for name in dict.fromkeys(names)), ellipsis=ellipsis)


def list_inputs(inputs: Iterable[Input], find: Callable[[str], Expr] = take) -> List:
    """List attributes, each below its reason."""
    return List(tuple(Commented(one.reason, find(one.attr)) for one in inputs))


def list_attributes(attrs: Iterable[str]) -> List:
    """List attributes of nixpkgs without comments."""
    return List(tuple(map(take, attrs)))


def list_ignored(ignored: Iterable[Ignored]) -> List:
    """List sonames below their reasons; a repeated reason is written once."""
    items: list[Expr] = []
    said = ""
    for one in ignored:
        # The list becomes a variable of words separated by blanks, and each word is a pattern.
        item = text(escape_glob(one.soname).replace(" ", "?"))
        items.append(item if one.reason == said else Commented(one.reason, item))
        said = one.reason
    return List(tuple(items))


def list_flags(lost: Sequence[LostOpening]) -> List:
    """List the options of auto-patchelf that keep run paths through which libraries are opened by name."""
    one, more = lost[0], len(lost) - 1
    reason = (
        f"{posixpath.basename(one.file)} opens {one.name} through its run path {one.entry}, which "
        f"auto-patchelf drops without this{f'; so are {more} more opened' if more else ''}. Known since "
        "nixpkgs 26.05"
    )
    return List((Commented(reason, text(PRESERVE_ORIGIN)),))


def list_sonames(sonames: Iterable[str], omitted: str = "") -> List:
    """List sonames without comments, for ``autoPatchelfIgnoreMissingDeps``.

    Args:
        sonames: sonames to ignore; each is escaped, so that it matches only itself as a pattern.
        omitted: a remark on those that are left out.
    """
    return List(tuple(text(escape_glob(soname)) for soname in sonames), omitted)


def escape_glob(name: str) -> str:
    """Escape a name for a pattern, as in ``autoPatchelfIgnoreMissingDeps``, so that it matches only itself.

    Example:
        >>> escape_glob("libcuda.so.1"), escape_glob("*")
        ('libcuda.so.1', '[*]')
    """
    return re.sub(r"[*?\[]", r"[\g<0>]", name)


def list_names(judged: Iterable[DependencyDecision]) -> List:
    """List names of distributions below their reasons; a repeated reason is written once."""
    items: list[Expr] = []
    said = ""
    for one in judged:
        items.append(text(one.name) if one.reason == said else Commented(one.reason, text(one.name)))
        said = one.reason
    return List(tuple(items))


def add_to_old(name: str, more: Expr) -> Binding:
    """``name = (old.name or [ ]) ++ more;``."""
    return bind(name, Binary("++", Select(OLD, (name,), List()), more))


def add_code_to_old(name: str, code: Expr, comment: str = "") -> Binding:
    """``name = (old.name or "") + code;``, for a phase of the build."""
    return bind(name, Binary("+", Select(OLD, (name,), text("")), code), comment)


def remove_dependencies(plan: StripPlan) -> Binding:
    """Write ``passthru`` without the redundant dependencies, which pyproject.nix reads there.

    An extra whose dependencies all go stays, as pyproject.nix refuses extras that a package does not have.
    """
    required = [one for one in plan.stripped if one.required]
    optional = [one for one in plan.stripped if one.extras]
    bindings = []
    if required:
        dependencies: Expr = Select(OLD, ("passthru", "dependencies"))
        dependencies = call("builtins.removeAttrs", dependencies, list_names(required))
        if plan.added:
            added = Attrs(tuple(bind(name, List()) for name in plan.added))
            dependencies = Binary("//", dependencies, added)
        bindings.append(bind("dependencies", dependencies))
    if optional:
        extras = Select(OLD, ("passthru", "optional-dependencies"), Attrs())  # a lock may have none
        strip = Lambda("_", Lambda("extra", call("builtins.removeAttrs", Var("extra"), list_names(optional))))
        bindings.append(bind("optional-dependencies", call("lib.mapAttrs", strip, extras)))
    changed = Binary("//", select(OLD, "passthru"), Attrs(tuple(bindings)))
    return bind("passthru", changed, describe_strip(plan))


def describe_strip(plan: StripPlan) -> str:
    """Describe in one comment what is removed with the stripped dependencies, and what is not."""
    words = []
    if plan.added:
        words.append(f"Added: {', '.join(plan.added)}, which those that go require")
    if plan.leaving:
        names = ", ".join(one.name for one in plan.leaving)
        words.append(f"With them go {names}, which nothing else requires")
    if plan.kept:
        words.append("Kept: " + "; ".join(f"{one.name} ({one.reason})" for one in plan.kept))
    if plan.staying:
        names = "; ".join(f"{one.name} ({one.reason})" for one in plan.staying)
        words.append(f"Redundant and still in the environment: {names}")
    if plan.evidence:
        words.append(f"What they require is known from {plan.evidence}")
    return ". ".join(words) + "." if words else ""


def write_search(
    searches: Sequence[Search],
    package: FindPython,
    python: Expr,
    *,
    base: Expr | None = None,
    find: Callable[[str], Expr] = take,
    guarded: bool = True,
) -> Expr | None:
    """Write shell code that adds directories to the search of auto-patchelf.

    Args:
        searches: the directories.
        package: expression for the package of a distribution.
        python: the interpreter.
        base: code that comes first.
        find: expression for an attribute of nixpkgs.
        guarded: whether to test first that ``final`` has a distribution, which the lock may lack.

    Returns:
        Code for ``preFixup``, or None.
    """
    certain = [s for s in searches if s.certain or not guarded]
    code: list[Expr] = []
    if certain:
        code.append(Script(tuple(line for s in certain for line in _write_lines(s, package, python, find))))
    for search in searches:
        if search not in certain and search.distribution:
            lines = Script(tuple(_write_lines(search, package, python, find)))
            code.append(call("lib.optionalString", Has(Var("final"), (search.distribution,)), lines))
    if not code:
        return None
    whole, *rest = [base, *code] if base else code
    for more in rest:
        whole = Binary("+", whole, more)
    return whole


def _write_lines(
    search: Search, package: FindPython, python: Expr, find: Callable[[str], Expr]
) -> Iterable[tuple[str | Expr, ...]]:
    yield (f"# {clean_comment(search.reason)}",)
    command = "addAutoPatchelfSearchPath "
    if search.attr:
        yield (command, find(search.attr), f"/{quote_path(search.directory)}")
        return
    base = package(search.distribution or "")
    path = posixpath.normpath(posixpath.join(_SITE, search.directory))
    if path.startswith(f"{_SITE}/"):
        site = select(python, "sitePackages")
        yield (command, base, "/", site, f"/{quote_path(path.removeprefix(_SITE + '/'))}")
    else:
        yield (command, base, f"/{quote_path(path)}")


def quote_path(path: str) -> str:
    """Quote a path for the shell; characters that are not printable, such as newlines, become ``?``."""
    return shlex.quote("".join(c if c.isprintable() else "?" for c in path))


def describe(override: Override) -> str:
    """Write the first line of a file or package."""
    if not override.name:  # files of no distribution
        return override.target
    return f"{f'{override.name} {override.version}'.strip()}, from {override.target}"


def describe_permissions(
    overrides: Iterable[Override],
    adapters: Iterable[Adapter] = (),
    more: Iterable[tuple[str, Sequence[Permission]]] = (),
) -> list[str]:
    """Write the settings of nixpkgs that a file needs, one line each; empty without any.

    Args:
        overrides: whose inputs are in the file.
        adapters: whose builds are in the file.
        more: what else needs settings: how it is called, and which.
    """
    found = find_refused(overrides, adapters, more).items()
    return [
        f"Needs {permission} in the configuration of nixpkgs, for {', '.join(refused)}."
        for permission, refused in found
    ]


def find_refused(
    overrides: Iterable[Override],
    adapters: Iterable[Adapter] = (),
    more: Iterable[tuple[str, Sequence[Permission]]] = (),
) -> dict[Permission, list[str]]:
    """Find what nixpkgs refuses without a setting, sorted, by that; arguments as those above."""
    inputs = [one for override in overrides for one in override.written]
    named = [
        *((one.attr, one.permissions) for one in inputs),
        *((".".join(one.attr), one.permissions) for one in adapters),
        *more,
    ]
    return {
        permission: sorted({name for name, several in named if permission in several})
        for permission in sorted({permission for _, several in named for permission in several})
    }


def comment_all(paragraphs: Iterable[str], value: Expr) -> Expr:
    """Put several comments above one expression."""
    for paragraph in reversed(list(paragraphs)):
        value = Commented(paragraph, value)
    return value


def write_guarded(name: str, package: Expr) -> Expr:
    """``lib.optionalAttrs (prev ? name) { name = package; }``."""
    return call("lib.optionalAttrs", Has(Var("prev"), (name,)), Attrs((bind(name, package),)))


def render_attributes(attrs: Sequence[str]) -> str:
    r"""Write a list of nixpkgs attributes, as for ``buildInputs``.

    Example:
        >>> render_attributes(["zlib", "stdenv.cc.cc.lib"])
        '[ pkgs.zlib pkgs.stdenv.cc.cc.lib ]\n'
    """
    return render(list_attributes(attrs))


def render_sonames(sonames: Sequence[str]) -> str:
    r"""Write a list of strings, as for ``autoPatchelfIgnoreMissingDeps``.

    Example:
        >>> render_sonames(["libcuda.so.1"])
        '[ "libcuda.so.1" ]\n'
    """
    return render(list_sonames(sonames))
