"""Messages of loaders about libraries that are there: not whole, not fitting, of another version."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import FROM_NIX, UNSET, Explain
from wheelfix.explain.wording import FILE, word

_REQUIRED = r"(?: \(required by (?P<by>[^)\n]+)\)?)?"

WORDINGS = (
    # glibc: elf/dl-load.c, elf/dl-open.c; Python puts "ImportError: " or "OSError: " before it.
    word(SymptomKind.WRONG_CLASS, "wrong ELF class", rf"{FILE}: wrong ELF class: ELFCLASS(?:32|64)"),
    word(SymptomKind.BROKEN, "invalid ELF header", rf"{FILE}: invalid ELF header"),
    word(SymptomKind.BROKEN, "file too short", rf"{FILE}: file too short"),
    word(
        SymptomKind.EXECUTABLE_STACK,
        "cannot enable exec",
        rf"{FILE}: cannot enable executable stack as shared obj",
    ),
    # glibc: elf/dl-reloc.c.
    word(SymptomKind.STATIC_TLS, "in static TLS", rf"{FILE}: cannot allocate memory in static TLS block"),
    # glibc: elf/dl-version.c. Markdown eats the quotes.
    word(
        SymptomKind.VERSION,
        ": version ",
        rf"{FILE}: version [`'‘\"]?(?P<version>[\w.+-]+)['’`\"]? not found{_REQUIRED}",
    ),
    # glibc: elf/dl-lookup.c. ldd -r has the file behind it, in parentheses.
    word(
        SymptomKind.SYMBOL,
        "undefined symbol",
        rf"{FILE}: undefined symbol: (?P<symbol>[^\s,()'\"`]+)(?:, version (?P<version>[^\s()'\"`]+))?",
    ),
    word(
        SymptomKind.SYMBOL,
        "undefined symbol",
        r"^\s*undefined symbol: (?P<symbol>[^\s,()]+)\s+\((?P<soname>[^)]+)\)",
    ),
    word(
        SymptomKind.SYMBOL,
        "not defined in file",
        rf"{FILE}: symbol (?P<symbol>[^\s,]+),? version (?P<version>\S+) not defined in file \S+ with",
    ),
    # musl: ldso/dynlink.c.
    word(
        SymptomKind.WRONG_CLASS,
        "Exec format",
        r"Error loading shared library (?P<soname>[^\s:]+): Exec format error",
    ),
    word(
        SymptomKind.STATIC_TLS,
        "initial-exec TLS",
        r"Error relocating (?P<soname>[^:\n]+): \S+: initial-exec TLS resolves",
    ),
    word(
        SymptomKind.SYMBOL,
        "symbol not found",
        r"Error relocating (?P<soname>[^:\n]+): (?P<symbol>\S+): symbol not found",
    ),
)

_HOST = r"/(?:usr/)?lib"
_GLIBC = re.compile(r"-glibc-(?P<version>\d+\.\d+)")
_MUSL_LACKS = re.compile(
    r"__\w+_chk|__register_atfork|gnu_get_libc_version|__cxa_thread_atexit_impl|__\w+_finite|backtrace"
)
_TORCH = re.compile(r"_ZNK?(?:2at|3c10|5torch|5caffe)")
_GCC = FROM_NIX.format(attr="stdenv.cc.cc.lib")


def _explain_version(symptom: Symptom, situation: Situation) -> Trouble:
    version, file, by = symptom.version or "", symptom.soname or "", symptom.wanted_by or "a file"
    head = f"{by} wants {version}, and {file} does not have it."
    family = version.partition("_")[0]
    if family == "GLIBC" and version != "GLIBC_PRIVATE":
        what, *now = _explain_glibc(version, file, by, situation.glibc)
        return Trouble(kind=SymptomKind.VERSION, what=f"{head} {what}", now=tuple(now))
    if version == "GLIBC_PRIVATE":
        return _explain_two_libcs(symptom.kind, head)
    if family in {"GLIBCXX", "CXXABI"}:
        return Trouble(
            kind=SymptomKind.VERSION,
            what=f"{head} An older libstdc++ is found first than the one this was built with"
            f"{_say_origin(file)}.",
            now=(
                f'Put a newer one first: LD_LIBRARY_PATH="{_GCC}/lib" COMMAND',
                f"Or, if LD_LIBRARY_PATH is what brings the old one: {UNSET}",
            ),
        )
    return Trouble(
        kind=SymptomKind.VERSION,
        what=f"{head} It is another version of the library than the one this was built with.",
        now=(f"See where it comes from; if from LD_LIBRARY_PATH: {UNSET}",),
    )


def _explain_glibc(version: str, file: str, by: str, glibc: str | None) -> tuple[str, ...]:
    """Explain a missing version of glibc: what happened, then the fix."""
    wanted = version.removeprefix("GLIBC_")
    has = match["version"] if (match := _GLIBC.search(file)) else None
    running = f"The program runs on glibc {has}" if has else "The program runs on an older glibc"
    keep_out = f"Keep it out: {UNSET}"
    if re.match(_HOST, by) and file.startswith("/nix/store/"):
        return f"{running}, and a library of the host was loaded into it.", keep_out
    if by.startswith("/nix/store/") and "/site-packages/" not in by:
        origin = "another nixpkgs" if file.startswith("/nix/store/") else "nixpkgs"
        return (
            f"{running}, and a library of {origin} was loaded into it, built against a newer one.",
            keep_out,
            "Or take the program, its Python and its libraries from one and the same nixpkgs.",
        )
    known = f" (that of the index has glibc {glibc})" if glibc and _at_least(glibc, wanted) else ""
    tag = f"manylinux_{wanted.replace('.', '_')}"
    return (
        f"{running}, and the wheel was built for a newer one: libc is too old.",
        f"Take Python from a newer nixpkgs{known},",
        f"or an older release of the package, with a wheel for less than {tag}.",
    )


def _explain_two_libcs(kind: SymptomKind, head: str) -> Trouble:
    return Trouble(
        kind=kind,
        what=f"{head} Two C libraries are mixed in one process: one library of a pair comes from the host, "
        "the other from Nix, or from another nixpkgs.",
        now=(f"Take LD_LIBRARY_PATH away, it is what mixes them: {UNSET}",),
    )


def _explain_symbol(symptom: Symptom, _situation: Situation) -> Trouble:
    symbol, file = symptom.symbol or "", symptom.soname or "a file"
    head = f"{file} needs the symbol {symbol}, and nothing that is loaded has it."
    if symptom.version == "GLIBC_PRIVATE":
        return _explain_two_libcs(symptom.kind, head)
    if re.match(r"_?Py[A-Z_]", symbol):
        what = "It is Python's own: the wheel was built for another Python, or is loaded without one."
        now = ("Install the package again with the Python that runs it.",)
    elif _TORCH.match(symbol):
        what = "It is torch's: this was compiled against another version of torch than the one installed."
        now = ("Take the release that was built for this torch, or build it against this one.",)
    elif "nvidia/" in file or symbol.startswith(("__nvJitLink", "cublas", "cudnn", "cusparse")):
        what = "CUDA libraries of two versions are mixed: one from a wheel, the other from LD_LIBRARY_PATH."
        now = (f"Leave CUDA to the wheels: {UNSET}",)
    elif _MUSL_LACKS.fullmatch(symbol):
        what = "It is glibc's, and musl has none such: a wheel for manylinux runs on musl."
        now = ("Install the wheel for musllinux, or use a Python on glibc.",)
    elif re.match(_HOST, file):
        what = (
            "A library of the host is mixed with other versions of what it needs, from a wheel or from Nix."
        )
        now = (f"Keep the host's libraries out: {UNSET}",)
    else:
        return Trouble(
            kind=SymptomKind.SYMBOL,
            what=f"{head} Some library is another version than it was built with.",
            now=("See which ones are loaded: LD_DEBUG=libs,bindings LD_DEBUG_OUTPUT=$PWD/loader COMMAND",),
            answered=False,
        )
    return Trouble(kind=SymptomKind.SYMBOL, what=f"{head} {what}", now=now)


def _explain_class(symptom: Symptom, _situation: Situation) -> Trouble:
    file = symptom.soname or "a file"
    if "site-packages" in file or "dist-packages" in file:
        return Trouble(
            kind=SymptomKind.WRONG_CLASS,
            what=f"{file} is for another architecture: the wheel does not fit this machine.",
            now=("Install the package again on this machine, from a wheel with its platform tag.",),
        )
    return Trouble(
        kind=SymptomKind.WRONG_CLASS,
        what=f"{file} is for another architecture, and is found before the right one.",
        now=(
            "Take directories of 32-bit libraries out of LD_LIBRARY_PATH, and pkgsi686Linux out of inputs.",
        ),
    )


def _explain_broken(symptom: Symptom, _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.BROKEN,
        what=f"{symptom.soname} is no whole ELF file: a linker script, a Git LFS pointer, or cut short.",
        now=("See what it is with `file`, and install the package again.",),
    )


def _explain_stack(symptom: Symptom, _situation: Situation) -> Trouble:
    file = symptom.soname or "FILE"
    return Trouble(
        kind=SymptomKind.EXECUTABLE_STACK,
        what=f"{file} asks for an executable stack. glibc 2.41 and newer refuse that to a library that is "
        "opened at run time; hardly any library really needs it.",
        now=(
            f"patchelf --clear-execstack {shlex.quote(file)}",
            "GLIBC_TUNABLES=glibc.rtld.execstack=2 COMMAND",
        ),
        clear_stack=(file.rpartition("/")[2],),
    )


def _explain_tls(symptom: Symptom, _situation: Situation) -> Trouble:
    file = symptom.soname or "FILE"
    return Trouble(
        kind=SymptomKind.STATIC_TLS,
        what=f"{file} wants room for thread-local storage that is given out when a program starts, and none "
        "is left.",
        now=(
            "Import this package first, before the others; or give more room:",
            "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384 COMMAND",
            f"Or load it at the start: LD_PRELOAD={shlex.quote(file)} COMMAND",
        ),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.VERSION: _explain_version,
    SymptomKind.SYMBOL: _explain_symbol,
    SymptomKind.WRONG_CLASS: _explain_class,
    SymptomKind.BROKEN: _explain_broken,
    SymptomKind.EXECUTABLE_STACK: _explain_stack,
    SymptomKind.STATIC_TLS: _explain_tls,
}


def _say_origin(file: str) -> str:
    if re.search(r"conda|miniforge|mambaforge|\.pixi", file):
        return ": conda's own"
    if file.startswith("/nix/store/"):
        return ": that of an older gcc from Nix"
    return ": the host's" if re.match(_HOST, file) else ""


def _at_least(version: str, wanted: str) -> bool:
    def split(text: str) -> tuple[int, ...]:
        return tuple(int(n) for n in re.findall(r"\d+", text)[:2])

    return split(version) >= split(wanted)
