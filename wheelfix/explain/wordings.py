"""Table of messages: one expression per wording, each with its source.

Here are those that report a missing library, and what the lines around a message tell; other kinds of
messages are beside their explanations, in :mod:`wheelfix.explain.troubles`.
"""

from __future__ import annotations

import re
from typing import Final

from wheelfix.explain.model import SymptomKind
from wheelfix.explain.troubles.table import SUBJECTS
from wheelfix.explain.wording import FILE, SONAME, word

_NEEDED = r"(?: or directory)?(?: \(needed by (?P<by>[^)\n]{1,1024})\))?"

_LIBRARIES = (
    # glibc: elf/dl-load.c, elf/dl-open.c; Python puts "ImportError: " or "OSError: " before it.
    word(SymptomKind.MISSING, "cannot open shared object file", rf"{FILE}: cannot open shared object file"),
    # musl: ldso/dynlink.c.
    word(
        SymptomKind.MISSING,
        "Error loading shared library",
        rf"Error loading shared library (?P<soname>[^\s:]{{1,512}}): "
        rf"(?:No such file|Permission denied){_NEEDED}",
    ),
    # ldd: a shell script of glibc around the loader's LD_TRACE_LOADED_OBJECTS.
    word(SymptomKind.MISSING, "=> not found", r"^\s*(?P<soname>[^\s:=]+) => not found"),
    # nixpkgs: pkgs/by-name/au/auto-patchelf/source/auto-patchelf.py, and the shell function before it.
    word(
        SymptomKind.UNSATISFIED,
        "could not satisfy dependency",
        r"could not satisfy dependency (?P<soname>any\([^)]*\)|\S+) wanted by (?P<by>\S[^\n]*)",
    ),
    word(SymptomKind.UNSATISFIED, "-> not found!", r"^\s*(?P<soname>any\([^)]*\)|\S+) -> not found!"),
    # Python packages that look for libraries themselves: cffi, cairocffi, sounddevice, pyzbar, python-magic.
    word(SymptomKind.NAMED, "library called", r"locate a library called '(?P<name>[^'\s]+)'"),
    word(SymptomKind.NAMED, "library called", r"no library called \"(?P<name>[^\"\s]+)\" was found"),
    word(SymptomKind.NAMED, "library not found", r"OSError: (?P<title>[A-Za-z][\w+-]*) library not found"),
    word(SymptomKind.NAMED, "Unable to find", r"Unable to find (?P<name>[a-z][\w+-]*) shared library"),
    word(SymptomKind.NAMED, "failed to find lib", r"failed to find (?P<name>lib[a-z][\w+-]*)"),
    # cuDNN 9: the names it tried, most exact first.
    word(
        SymptomKind.MISSING, "Unable to load any of", r"Unable to load any of \{(?P<soname>[^{}\n]{1,1024})\}"
    ),
    # Qt: src/gui/kernel/qguiapplication.cpp, src/plugins/platforms/xcb.
    word(SymptomKind.MISSING, "xcb-cursor0", r"(?P<xcb>xcb-cursor)0 or libxcb-cursor0 is needed"),
    # playwright: "Host system is missing dependencies", in a box.
    word(SymptomKind.MISSING, "║", rf"║\s{{1,80}}+(?P<soname>{SONAME})\s{{1,80}}+║"),
)

WORDINGS: Final = (*_LIBRARIES, *(one for subject in SUBJECTS for one in subject.WORDINGS))
"""All of them, in the order in which a line's symptoms are told."""

TRACEBACKS: Final = ("Traceback (most recent call last)", "Traceback:")
"""How tracebacks of Python and of pytest begin."""
SEARCHED: Final = (
    *dict.fromkeys(one.phrase for one in WORDINGS),
    *TRACEBACKS[:1],
    # what TRUNCATED, IGNORED, BUILDER, INSTALLER and PRINTED_JSON need
    "Error: lib",
    "shared libraries: lib",
    "ignoring missing ",
    "builder for '/",
    "annot build '/",
    "Failed to build",
    "Failed to download and build",
    "Failed building ",
    "ould not build wheels for ",
    "build installable wheels ",
    '"Dependency"',
)
"""Every line that is understood has one of these, so that most of a log is skipped."""

TRUNCATED: Final = re.compile(
    rf"(?:ImportError|OSError|error while loading shared libraries): (?P<soname>{SONAME})(?=[:\s.'\"`)]|$)"
)
"""A headline without the rest of the message, or with the rest in another language."""

IGNORED: Final = re.compile(r"ignoring missing (?P<soname>any\([^)]*\)|\S+) wanted by ")
BUILDER: Final = re.compile(
    r"(?:builder for|annot build) '(?P<drv>/nix/store/[\w.+?=-]+\.drv)'(?! succeeded)", re.ASCII
)
INSTALLER: Final = re.compile(
    # uv: a package with its version, or a project's directory; pip: one package, or the first of several.
    r"Failed to (?:build|download and build|build and install) [`'\"](?P<name>[A-Za-z0-9][\w.-]*?)"
    r"(?:==(?P<version>[\w.!+-]+)| @ [^`'\"\n]*)?[`'\"]"
    r"|(?:^\s*Failed to build (?=[\w.-]+\s*$)|ERROR: Failed building (?:wheel|editable) for "
    r"|  Building (?:wheel|editable) for "
    r"|Could not build wheels for "
    r"|build installable wheels for some pyproject\.toml based projects \()(?P<pip>[A-Za-z0-9][\w.-]*)"
)
COLLECTED: Final = re.compile(
    r"(?:Using cached|Downloading) (?:\S{1,300}/)?(?P<name>[A-Za-z0-9][\w.-]{0,80}?)"
    r"-(?P<version>\d[\w.!+]{0,40}?)\.(?:tar\.gz|zip)\b"
)
"""pip's message about the source distribution that it goes on to build."""
BUILT: Final = re.compile(
    r"/build/(?P<name>[A-Za-z][\w.-]{0,80}?)-(?P<version>\d[\w.]{0,40})/"
    r"|/pip-install-\w{1,20}/(?P<pip>[A-Za-z][\w.-]{0,80})_[0-9a-z]{1,40}/"
    r"|^\s*Project name: (?P<meson>[A-Za-z][\w.-]{0,80})\s*$"
    r"|help: `(?P<uv>[A-Za-z][\w.-]{0,80})` \(v(?P<number>[\w.!+-]{1,40})\) was included because"
    r"|Installing (?P<poetry>[A-Za-z][\w.-]{0,80}) \((?P<release>[\w.!+-]{1,40})\)(?:: Failed)?\s*$"
)
"""What names a package that is built: its directory, meson, or uv behind a failure."""
PRINTED_JSON: Final = re.compile(r"\{\s*\"Dependency\"\s*:")
LOADING: Final = ": error while loading shared libraries: "
"""Text of glibc's loader (``elf/rtld.c``) between a program and its message."""
WANTING: Final = re.compile(
    r"(?:"
    r"[Cc]annot load library (?P<plugin>/[^:\n]+): \("  # Qt: qlibrary_unix.cpp
    r"|shared library '(?P<opened>/[^'\n]+)': "  # llama-cpp-python and its like
    r")$"
)
"""Text before a loader's message that names the file that needs the library."""
OPENING: Final = re.compile(r"cannot load library '?(?P<name>[^'\s]+?)'?: $")
"""Text of cffi (``c/_cffi_backend.c``) before a loader's message: what it was asked to open."""
RAISED: Final = re.compile(r"(?<![\w.])(?:\w+\.)*+(\w*(?:Error|Exception)): ", re.ASCII)
"""The name of an exception before its message."""
SEARCHING: Final = re.compile(r"^\s*searching for dependencies of (?P<by>\S[^\n]*)")
LDD_HEAD: Final = re.compile(r"^(?P<by>(?=[^\s:]*(?:/|\.so))[^:\n]*+):\s*$")
FRAME: Final = re.compile(
    r"File \"?(?P<path>[^\"\n]{1,1024}?)\"?(?:, line (?P<line>\d{1,9})|:(?P<number>\d{1,9}), in )"
    r"|^(?:[│|] )?(?P<pytest>\S+\.py):(?P<row>\d{1,9}):? in "
)
IMPORT: Final = re.compile(
    r"^\s*+(?:[-—>]*\s*\d+\s+)?(?:from\s+(?P<origin>[\w.]+)\s+import\b|import\s+(?P<name>[\w.]+))"
)
INTERPRETER: Final = re.compile(r"(?:Querying Python at [`'\"]|Python [\d.]+ from \")(?P<path>/[^`'\"]+)")
