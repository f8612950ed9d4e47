"""Names of files that packages provide beside libraries: their kinds, and how a kind is told from a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from wheelfix.model.base import Struct


class NameKind(StrEnum):
    """Kinds of names that the index answers."""

    LIBRARY = "library"
    """A soname, or the file name of a library."""
    PKG_CONFIG = "pkg-config"
    """A pkg-config module: ``cairo``, or its file, ``cairo.pc``."""
    CMAKE = "cmake"
    """A package that CMake finds: ``fmt``, or its file, ``fmt-config.cmake`` or ``FmtConfig.cmake``."""
    HEADER = "header"
    """A header as sources include it: ``openssl/ssl.h``."""
    PROGRAM = "program"
    """An executable file: ``pg_config``."""


KIND_WORDS = {
    NameKind.LIBRARY: "library",
    NameKind.PKG_CONFIG: "pkg-config module",
    NameKind.CMAKE: "CMake package",
    NameKind.HEADER: "header",
    NameKind.PROGRAM: "program",
}
"""Each kind, as people call it."""


class Name(Struct):
    """A name of one kind.

    Attributes:
        kind: what it names.
        text: as a source, a build script or a user writes it.
    """

    kind: NameKind
    text: str


HEADER_ENDINGS = (".h", ".hh", ".hpp", ".hxx", ".h++")
"""Endings by which a header is told; a header without one (``Eigen/Core``) has to be called one."""
CMAKE_ENDINGS = ("Config.cmake", "-config.cmake")
PKG_CONFIG_ENDING = ".pc"

_LIBRARY = re.compile(r"\.so(?:\.[^/]*)?\Z")


def tell_kind(text: str) -> NameKind | None:
    """Tell what a file name or path names, by the name alone.

    The first rule that fits decides: ``.so`` at the end, or followed by a dot, is a library's; ``.pc`` at the
    end is a pkg-config module's; ``Config.cmake`` and ``-config.cmake`` are a CMake package's; ``.h``,
    ``.hh``, ``.hpp``, ``.hxx`` and ``.h++`` are a header's.

    Returns:
        None if no rule fits: it is a program if the index has one of that name, else a library.

    Example:
        >>> tell_kind("libz.so.1").value, tell_kind("/usr/include/zlib.h").value, tell_kind("pg_config")
        ('library', 'header', None)
    """
    last = text.rpartition("/")[2]
    if _LIBRARY.search(last):
        return NameKind.LIBRARY
    if last.endswith(PKG_CONFIG_ENDING) and last != PKG_CONFIG_ENDING:
        return NameKind.PKG_CONFIG
    if last.endswith(CMAKE_ENDINGS) and last not in CMAKE_ENDINGS:
        return NameKind.CMAKE
    if last.endswith(HEADER_ENDINGS) and last not in HEADER_ENDINGS:
        return NameKind.HEADER
    return None


def list_files(name: Name) -> tuple[str, ...]:
    """Return the files that answer a name, the likeliest first; of a header, with its directory.

    Example:
        >>> list_files(Name(kind=NameKind.CMAKE, text="Fmt"))
        ('FmtConfig.cmake', 'fmt-config.cmake')
        >>> list_files(Name(kind=NameKind.HEADER, text="/usr/include/openssl/ssl.h"))
        ('openssl/ssl.h',)
    """
    text = name.text
    last = text.rpartition("/")[2]
    match name.kind:
        case NameKind.PKG_CONFIG:
            return (last if last.endswith(PKG_CONFIG_ENDING) else f"{last}{PKG_CONFIG_ENDING}",)
        case NameKind.CMAKE:
            # find_package(Fmt) looks for both; a file that was asked for by name is looked for alone
            known = last.endswith(CMAKE_ENDINGS) and last not in CMAKE_ENDINGS
            return (last,) if known else (f"{last}Config.cmake", f"{last.lower()}-config.cmake")
        case NameKind.HEADER:
            return (re.sub(r"(?:\A|.*/)include/", "", text).strip("/"),)
        case _:
            return (last,)


def find_stems(kind: NameKind, file: str) -> Sequence[str]:
    """Return what a file's name says about the package that has it, the most telling first.

    Args:
        kind: kind of the file.
        file: its name; of a header, its path below ``include``.

    Example:
        >>> find_stems(NameKind.HEADER, "openssl/ssl.h"), find_stems(NameKind.PKG_CONFIG, "glib-2.0.pc")
        (('ssl', 'openssl'), ('glib-2.0', 'glib'))
    """
    directory, _, last = file.rpartition("/")
    match kind:
        case NameKind.PKG_CONFIG:
            stem = last.removesuffix(PKG_CONFIG_ENDING)
        case NameKind.CMAKE:
            stem = last.removesuffix("Config.cmake").removesuffix("-config.cmake")
        case NameKind.HEADER:
            stem = last.rpartition(".")[0] or last
        case _:
            stem = last
    bare = re.sub(r"(?<=\w)[-_.]?\d+(?:[._]\d+)*\Z", "", stem)
    return tuple(part for part in dict.fromkeys([stem, bare, *directory.split("/")]) if part)
