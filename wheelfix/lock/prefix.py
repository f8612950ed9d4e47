"""Writes Nix code that links packages of conda into one prefix, with a program of our own (``data/link.py``).

The program is not micromamba: a build with it has no home, no cache and no time in it, runs no scripts of
packages, gives the same bytes each time, and puts right in the same step what a Nix store wants otherwise.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from urllib.parse import unquote, urlsplit

from wheelfix.errors import InputError
from wheelfix.model.conda import CondaPackage
from wheelfix.model.tables import read_data
from wheelfix.nix.tree import (
    FALSE,
    Attrs,
    Binary,
    Binding,
    Expr,
    Lambda,
    List,
    Path,
    Script,
    Select,
    Str,
    Var,
    bind,
    call,
    select,
    strings,
    text,
)
from wheelfix.wheel.tree import escape_path

PREFIX = "conda-environment"
"""Name of every prefix in the store: paths of one length, so that one can stand where another one stood."""
LINK = Var("link")
"""The variable of :func:`bind_link`."""
FETCH = Var("fetch")
"""The variable of :func:`bind_fetch`."""
_TOOLS = ("python3", "zstd", "patchelf")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9+._?=-]")
"""What no name in a Nix store has."""


@cache
def read_link() -> str:
    """Read the program that links packages."""
    return read_data(__name__, "link.py").decode()


def bind_link() -> Binding:
    """Write the program as a file of the store, which :func:`write_prefix` and :func:`write_view` use."""
    code = Script(tuple((line,) if line else () for line in read_link().splitlines()))
    return bind("link", call("pkgs.writeText", text("link.py"), code))


def bind_fetch() -> Binding:
    """Write the function that fetches a package of :func:`write_packages`."""
    package = Var("package")
    arguments = Attrs(
        (
            bind("url", select(package, "url")),
            bind("hash", select(package, "hash")),
            bind("name", Select(package, ("stored",), select(package, "file"))),
        )
    )
    archive = Attrs((bind("archive", call("pkgs.fetchurl", arguments)),))
    return bind("fetch", Lambda("package", Binary("//", package, archive)))


def write_packages(packages: Sequence[CondaPackage]) -> Expr:
    """Write a list of packages, each with its archive.

    Raises:
        InputError: one has no hash, or no place.
    """
    return List(tuple(_write_package(one) for one in sorted(packages, key=lambda one: one.name)))


def write_prefix(
    packages: Expr,
    system: str,
    runpaths: Mapping[str, Sequence[Expr]] | None = None,
    *,
    more: Sequence[Binding] = (),
) -> Expr:
    """Write a prefix of packages, for which :func:`bind_link` and :func:`bind_fetch` have to be in scope.

    Args:
        packages: from :func:`write_packages`.
        system: the Nix system that they are for.
        runpaths: directories to append to the run paths of files, by path relative to the prefix.
        more: further settings of the program.
    """
    platform = select("pkgs", "stdenv", "buildPlatform", "canExecute")
    given = [
        bind("mode", text("prefix")),
        bind("machine", text(system.partition("-")[0])),
        bind("packages", packages),
        bind("interpreter", select("pkgs", "stdenv", "cc", "bintools", "dynamicLinker")),
        Binding(("programs", "bash"), select("pkgs", "runtimeShell")),
        bind("compile", call(platform, select("pkgs", "stdenv", "hostPlatform"))),
    ]
    if runpaths:
        files = tuple(bind(path, List(tuple(places))) for path, places in sorted(runpaths.items()))
        given.append(bind("runpaths", Attrs(files)))
    return write_run(PREFIX, [*given, *more])


def write_view(prefix: Expr, name: str, site_packages: Expr, *, label: str = "") -> Expr:
    """Write one package of a prefix as Python packages of Nix have it: what is in its site-packages, alone.

    Run paths of its files lead into the prefix, where everything else stays.

    Args:
        prefix: from :func:`write_prefix`, or a variable for it.
        name: of the package, as conda has it.
        site_packages: where the files go, such as ``lib/python3.12/site-packages``.
        label: of the derivation; the name of the package if empty.
    """
    given = [
        bind("mode", text("view")),
        bind("prefix", Str((prefix,))),
        bind("name", text(name)),
        bind("site_packages", site_packages),
    ]
    return write_run(clean_name(label or name), given)


def write_run(name: str, given: Sequence[Binding], attributes: Sequence[Binding] = ()) -> Expr:
    """Write a build that runs the program; nothing strips, moves or patches what it leaves."""
    tools = List(tuple(select("pkgs", "buildPackages", tool) for tool in _TOOLS))
    settings = (
        bind("nativeBuildInputs", tools),
        bind("given", call("builtins.toJSON", Attrs(tuple(given)))),
        bind("passAsFile", strings(("given",))),
        *attributes,
    )
    return call("pkgs.runCommand", text(name), Attrs(settings), Str(("python3 -I ", LINK, ' "$givenPath"')))


def clean_name(name: str) -> str:
    """Return a name that a path of a Nix store may have.

    Example:
        >>> clean_name("tzdata-1!2024a-0.conda"), clean_name(".x")
        ('tzdata-1_2024a-0.conda', '_x')
    """
    return re.sub(r"\A\.", "_", _FORBIDDEN.sub("_", name))[:200] or "_"


def write_hash(package: CondaPackage) -> str:
    """Return the hash of a package as Nix writes it: SHA-256, or MD5 where the lock has no other.

    Raises:
        InputError: it has none.
    """
    for kind, digits in (("sha256", package.sha256), ("md5", package.md5)):
        if digits:
            return f"{kind}-{b64encode(bytes.fromhex(digits)).decode()}"
    raise InputError(
        escape_path(package.filename),
        "has no hash in the lock, without which Nix fetches nothing",
        "lock it again with a tool that writes sha256",
    )


def _write_package(package: CondaPackage) -> Expr:
    stored = clean_name(package.filename)
    bindings = [
        bind("name", text(package.name)),
        bind("version", text(package.version)),
        bind("build", text(package.build)),
        bind("subdir", text(package.subdir)),
        bind("file", text(package.filename)),
    ]
    if package.site_packages:
        bindings.append(bind("site_packages", text(package.site_packages)))
    if package.depends:
        bindings.append(bind("depends", strings(package.depends)))
    local = _find_local(package)
    if local is not None:
        sum_ = [bind("sha256", text(package.sha256))] if package.sha256 else []
        arguments = (bind("path", local), bind("name", text(stored)), bind("recursive", FALSE), *sum_)
        return Attrs((*bindings, bind("archive", call("builtins.path", Attrs(arguments)))))
    bindings += [bind("url", text(package.url)), bind("hash", text(write_hash(package)))]
    if stored != package.filename:
        bindings.append(bind("stored", text(stored)))
    return call(FETCH, Attrs(tuple(bindings)))


def _find_local(package: CondaPackage) -> Expr | None:
    """Write the path of a file that is beside the lock, or anywhere on the machine."""
    if package.path is not None:
        return Binary("+", Path("./."), text(f"/{package.path.removeprefix('./')}"))
    parts = urlsplit(package.url)
    if parts.scheme == "file":
        return Binary("+", Path("/."), text(unquote(parts.path)))
    if not parts.scheme:
        raise InputError(escape_path(package.filename), "has no place in the lock", "lock it again")
    return None
