"""Table of messages: one expression per wording, each with its source.

The groups of the expressions are fields of :class:`wheelfix.explain.model.Symptom`: ``soname``, ``by``
(wanted by), ``version``, ``symbol``; ``name`` and ``title`` are names of a library other than its file name.
"""

from __future__ import annotations

import re
from typing import Final

from wheelfix.explain.model import SymptomKind

# A file as messages name it: up to the last ": " before the words of the message, as paths may have spaces.
# Repetitions do not backtrack: they end before ": ", and shorter matches would be tried in vain.
# Not `(?:…*+)*+`: Python 3.11.2 loses the beginning of a match of such nested repetitions.
_FILE = r"(?P<soname>(?:/(?>(?:[^:\n'\"`(]++|:(?!\s))*)|[^\s:'\"`(){}<>,=]{1,512}+))"
_REQUIRED = r"(?: \(required by (?P<by>[^)\n]+)\)?)?"
_NEEDED = r"(?: or directory)?(?: \(needed by (?P<by>[^)\n]+)\))?"
_SO = r"lib[\w.+-]*\.so(?:\.\d[\w.]*)?"

MARKERS: Final = (
    b"shared obj",
    b"shared lib",
    b"ELFCLASS",
    b"ELF header",
    b"too short",
    b"static TLS",
    b"version `",
    b"from LD_PRELOAD",
    b"not found (required",
    b"undefined symbol",
    b"link time reference",
    b"Exec format",
    b"initial-exec TLS",
    b"symbol not found",
    b"=> not found",
    b"-> not found",
    b"satisfy dep",
    b"ignoring missing",
    b'"Dependency"',
    b"dynamically linked",
    b"unpatched binary",
    b"nix-ld",
    b"required file not",
    b"library called",
    b"library not found",
    b"failed to find lib",
    b"libcuda.so cannot",
    b"/sbin/ldconfig",
    b"Unable to load any of",
    b"xcb-cursor0",
    b"Qt platform plugin",
    b"\xe2\x95\x91     lib",
    b"Error: lib",
    b"builder for '/",
    b"annot build '/",
)
"""Every message contains one of these words, so that most of a log is skipped."""

_WORDINGS = (
    # glibc: elf/dl-load.c, elf/dl-open.c; Python puts "ImportError: " or "OSError: " before it.
    (SymptomKind.MISSING, "cannot open shared object file", rf"{_FILE}: cannot open shared object file"),
    (
        SymptomKind.MISSING,
        "from LD_PRELOAD",
        r"object '(?P<soname>[^']+)' from LD_PRELOAD cannot be preloaded",
    ),
    (SymptomKind.WRONG_CLASS, "wrong ELF class", rf"{_FILE}: wrong ELF class: ELFCLASS(?:32|64)"),
    (SymptomKind.BROKEN, "invalid ELF header", rf"{_FILE}: invalid ELF header"),
    (SymptomKind.BROKEN, "file too short", rf"{_FILE}: file too short"),
    (
        SymptomKind.EXECUTABLE_STACK,
        "cannot enable exec",
        rf"{_FILE}: cannot enable executable stack as shared obj",
    ),
    # glibc: elf/dl-reloc.c.
    (SymptomKind.STATIC_TLS, "in static TLS", rf"{_FILE}: cannot allocate memory in static TLS block"),
    # glibc: elf/dl-version.c. Markdown eats the quotes.
    (
        SymptomKind.VERSION,
        ": version ",
        rf"{_FILE}: version [`'‘\"]?(?P<version>[\w.+-]+)['’`\"]? not found{_REQUIRED}",
    ),
    # glibc: elf/dl-lookup.c. ldd -r has the file behind it, in parentheses.
    (
        SymptomKind.SYMBOL,
        "undefined symbol",
        rf"{_FILE}: undefined symbol: (?P<symbol>[^\s,()'\"`]+)(?:, version (?P<version>[^\s()'\"`]+))?",
    ),
    (
        SymptomKind.SYMBOL,
        "undefined symbol",
        r"^\s*undefined symbol: (?P<symbol>[^\s,()]+)\s+\((?P<soname>[^)]+)\)",
    ),
    (
        SymptomKind.SYMBOL,
        "not defined in file",
        rf"{_FILE}: symbol (?P<symbol>[^\s,]+),? version (?P<version>\S+) not defined in file \S+ with",
    ),
    # musl: ldso/dynlink.c.
    (
        SymptomKind.MISSING,
        "Error loading shared library",
        rf"Error loading shared library (?P<soname>[^\s:]+): (?:No such file|Permission denied){_NEEDED}",
    ),
    (
        SymptomKind.WRONG_CLASS,
        "Exec format",
        r"Error loading shared library (?P<soname>[^\s:]+): Exec format error",
    ),
    (
        SymptomKind.STATIC_TLS,
        "initial-exec TLS",
        r"Error relocating (?P<soname>[^:\n]+): \S+: initial-exec TLS resolves",
    ),
    (
        SymptomKind.SYMBOL,
        "symbol not found",
        r"Error relocating (?P<soname>[^:\n]+): (?P<symbol>\S+): symbol not found",
    ),
    # ldd: a shell script of glibc around the loader's LD_TRACE_LOADED_OBJECTS.
    (SymptomKind.MISSING, "=> not found", r"^\s*(?P<soname>[^\s:=]+) => not found"),
    # nixpkgs: pkgs/by-name/au/auto-patchelf/source/auto-patchelf.py, and the shell function before it.
    (
        SymptomKind.UNSATISFIED,
        "could not satisfy dependency",
        r"could not satisfy dependency (?P<soname>any\([^)]*\)|\S+) wanted by (?P<by>\S[^\n]*)",
    ),
    (SymptomKind.UNSATISFIED, "-> not found!", r"^\s*(?P<soname>any\([^)]*\)|\S+) -> not found!"),
    # nixpkgs: nixos/modules/config/stub-ld.nix.
    (
        SymptomKind.NO_LOADER,
        "Could not start dynamically",
        r"Could not start dynamically linked executable: (?P<by>\S[^\n]*)",
    ),
    (
        SymptomKind.NO_LOADER,
        "cannot run dynamically",
        r"cannot run dynamically linked executables intended for",
    ),
    # nix-ld: src/nix-ld.c before 2.0, src/main.rs and src/support.rs after it.
    (
        SymptomKind.NO_LOADER,
        "unpatched binary",
        r"cannot execute (?P<by>[^\n]+?): You are trying to run an unpatched binary",
    ),
    (SymptomKind.NO_LOADER, "[nix-ld] FATAL", r"\[nix-ld\] FATAL: "),
    (SymptomKind.NO_LOADER, "ould not find nix-ld", r"[Cc]ould not find nix-ld"),
    # bash 5.2 and newer, where execve says ENOENT for a file that is there.
    (
        SymptomKind.NO_LOADER,
        "required file not found",
        r"(?:^|: )(?P<by>[^:\n]+): cannot execute: required file not found",
    ),
    # Python packages that look for libraries themselves: cffi, cairocffi, sounddevice, pyzbar, python-magic.
    (SymptomKind.NAMED, "library called", r"locate a library called '(?P<name>[^'\s]+)'"),
    (SymptomKind.NAMED, "library called", r"no library called \"(?P<name>[^\"\s]+)\" was found"),
    (SymptomKind.NAMED, "library not found", r"OSError: (?P<title>[A-Za-z][\w+-]*) library not found"),
    (SymptomKind.NAMED, "shared library", r"Unable to find (?P<name>[a-z][\w+-]*) shared library"),
    (SymptomKind.NAMED, "failed to find lib", r"failed to find (?P<name>lib[a-z][\w+-]*)"),
    # triton: backends/nvidia/driver.py asks ldconfig, and says so if it got no answer.
    (SymptomKind.MISSING, "libcuda.so cannot", r"(?P<soname>libcuda\.so) cannot found"),
    (SymptomKind.NO_LDCONFIG, "/sbin/ldconfig", r"(?:No such file or directory|not found): '?/sbin/ldconfig"),
    # cuDNN 9: the names it tried, most exact first.
    (SymptomKind.MISSING, "Unable to load any of", r"Unable to load any of \{(?P<soname>[^}\n]+)\}"),
    # Qt: src/gui/kernel/qguiapplication.cpp, src/plugins/platforms/xcb.
    (SymptomKind.MISSING, "xcb-cursor0", r"(?P<xcb>xcb-cursor)0 or libxcb-cursor0 is needed"),
    (
        SymptomKind.PLUGIN,
        "Qt platform plugin",
        r"[Cc]ould not (?:load|find) the Qt platform plugin \"(?P<soname>\w+)\"",
    ),
    # playwright: "Host system is missing dependencies", in a box.
    (SymptomKind.MISSING, "║", rf"║\s+(?P<soname>{_SO})\s+║"),
)

WORDINGS: Final = tuple((kind, phrase, re.compile(expression)) for kind, phrase, expression in _WORDINGS)
"""Kind of message, words of it that are searched for first, and the expression."""

TRUNCATED: Final = re.compile(
    rf"(?:ImportError|OSError|error while loading shared libraries): (?P<soname>{_SO})(?=[:\s.'\"`)]|$)"
)
"""A headline without the rest of the message, or with the rest in another language."""

IGNORED: Final = re.compile(r"ignoring missing (?P<soname>any\([^)]*\)|\S+) wanted by ")
BUILDER: Final = re.compile(
    r"(?:builder for|annot build) '(?P<drv>/nix/store/[^'\s]+\.drv)'(?! succeeded)", re.ASCII
)
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
SEARCHING: Final = re.compile(r"^\s*searching for dependencies of (?P<by>\S[^\n]*)")
LDD_HEAD: Final = re.compile(r"^(?P<by>\S*(?:/|\.so)[^:\n]*):\s*$")
FRAME: Final = re.compile(
    r"File \"?(?P<path>[^\"\n]+?)\"?(?:, line (?P<line>\d{1,9})|:(?P<number>\d{1,9}), in )"
    r"|^(?P<pytest>\S+\.py):(?P<row>\d{1,9}): in "
)
IMPORT: Final = re.compile(
    r"^\s*(?:[-—>]*\s*\d+\s+)?(?:from\s+(?P<origin>[\w.]+)\s+import\b|import\s+(?P<name>[\w.]+))"
)
INTERPRETER: Final = re.compile(r"(?:Querying Python at [`'\"]|Python [\d.]+ from \")(?P<path>/[^`'\"]+)")
