"""Tells for which modules a shim has to answer, so that sources find what they open by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wheelfix.model.hints import OpeningKind
from wheelfix.model.scan import Opening
from wheelfix.scan.layout import find_install_path, relative_to_site


def find_source(opening: Opening) -> str | None:
    """Return where a source is, relative to site-packages; None for one outside, which is no module.

    A name that cannot be printed cannot be written into code, and imported hardly.
    """
    path = relative_to_site(find_install_path(opening.file))
    return path if path and path.isprintable() else None


def find_modules(openings: Iterable[Opening], files: Iterable[str]) -> tuple[str, ...]:
    """Find the outermost modules with code that have the sources of some openings, sorted.

    Args:
        openings: of Python sources in site-packages.
        files: paths of all files of the distribution; empty if they are not known.
    """
    installed = {site for file in files if (site := relative_to_site(find_install_path(file)))}
    paths = {path for opening in openings if (path := find_source(opening))}
    return tuple(sorted({_find_module(path, installed) for path in paths}))


def has_module(name: str, files: Collection[str]) -> bool:
    """Whether a distribution may have a module: it has, or its files are not known.

    Args:
        name: dotted.
        files: paths of all files of the distribution; empty if they are not known.
    """
    path = name.replace(".", "/")
    sources = {f"{path}.py", f"{path}/__init__.py"}
    return not files or any(relative_to_site(find_install_path(file)) in sources for file in files)


def list_preloaded(openings: Iterable[Opening], files: Iterable[str]) -> tuple[str, ...]:
    """List the sonames that compiled modules of cffi may open by themselves, sorted.

    Args:
        openings: of Python sources.
        files: paths of all files of the distribution.
    """
    if not any(file.endswith(".so") for file in files):
        return ()
    names = {o.answered or o.names[0] for o in openings if o.kind is OpeningKind.CFFI}
    return tuple(sorted(name for name in names if ".so." in name))


def _find_module(path: str, installed: Collection[str]) -> str:
    """Return the outermost module with code that has a source: its top package, or one below namespaces."""
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    for depth in range(1, len(parts)):
        if f"{'/'.join(parts[:depth])}/__init__.py" in installed:
            return ".".join(parts[:depth])
    return ".".join(parts) if installed else parts[0]
