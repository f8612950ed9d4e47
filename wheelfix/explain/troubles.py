"""Explains problems between a wheel and a loader other than missing libraries, and how to fix them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from wheelfix.explain.model import Interpreter, Symptom, SymptomKind, Trouble

_HOST = r"/(?:usr/)?lib"
_GLIBC = re.compile(r"-glibc-(?P<version>\d+\.\d+)")
_MUSL_LACKS = re.compile(
    r"__\w+_chk|__register_atfork|gnu_get_libc_version|__cxa_thread_atexit_impl|__\w+_finite|backtrace"
)
_TORCH = re.compile(r"_ZNK?(?:2at|3c10|5torch|5caffe)")
_FROM_NIX = "$(nix-build --no-out-link '<nixpkgs>' -A {attr})"
_GCC = _FROM_NIX.format(attr="stdenv.cc.cc.lib")
_UNSET = "env -u LD_LIBRARY_PATH -u LD_PRELOAD COMMAND"


def find_trouble(symptom: Symptom, *, interpreter: Interpreter | None, glibc: str | None) -> Trouble:
    """Explain a symptom that is not a missing library.

    Args:
        symptom: a symptom of any other kind.
        interpreter: the Python that ran.
        glibc: version of the C library in the nixpkgs of the index (``2.42``).
    """
    if symptom.kind is SymptomKind.VERSION:
        return _explain_version(symptom, glibc)
    if symptom.kind is SymptomKind.NO_LOADER:
        return _explain_loader(symptom, interpreter)
    return _EXPLAIN[symptom.kind](symptom)


def _explain_version(symptom: Symptom, glibc: str | None) -> Trouble:
    version, file, by = symptom.version or "", symptom.soname or "", symptom.wanted_by or "a file"
    head = f"{by} wants {version}, and {file} does not have it."
    family = version.partition("_")[0]
    if family == "GLIBC" and version != "GLIBC_PRIVATE":
        what, *now = _explain_glibc(version, file, by, glibc)
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
                f"Or, if LD_LIBRARY_PATH is what brings the old one: {_UNSET}",
            ),
        )
    return Trouble(
        kind=SymptomKind.VERSION,
        what=f"{head} It is another version of the library than the one this was built with.",
        now=(f"See where it comes from; if from LD_LIBRARY_PATH: {_UNSET}",),
    )


def _explain_glibc(version: str, file: str, by: str, glibc: str | None) -> tuple[str, ...]:
    """Explain a missing version of glibc: what happened, then the fix."""
    wanted = version.removeprefix("GLIBC_")
    has = match["version"] if (match := _GLIBC.search(file)) else None
    running = f"The program runs on glibc {has}" if has else "The program runs on an older glibc"
    keep_out = f"Keep it out: {_UNSET}"
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
        now=(f"Take LD_LIBRARY_PATH away, it is what mixes them: {_UNSET}",),
    )


def _explain_symbol(symptom: Symptom) -> Trouble:
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
        now = (f"Leave CUDA to the wheels: {_UNSET}",)
    elif _MUSL_LACKS.fullmatch(symbol):
        what = "It is glibc's, and musl has none such: a wheel for manylinux runs on musl."
        now = ("Install the wheel for musllinux, or use a Python on glibc.",)
    elif re.match(_HOST, file):
        what = (
            "A library of the host is mixed with other versions of what it needs, from a wheel or from Nix."
        )
        now = (f"Keep the host's libraries out: {_UNSET}",)
    else:
        return Trouble(
            kind=SymptomKind.SYMBOL,
            what=f"{head} Some library is another version than it was built with.",
            now=("See which ones are loaded: LD_DEBUG=libs,bindings LD_DEBUG_OUTPUT=$PWD/loader COMMAND",),
            answered=False,
        )
    return Trouble(kind=SymptomKind.SYMBOL, what=f"{head} {what}", now=now)


def _explain_class(symptom: Symptom) -> Trouble:
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


def _explain_broken(symptom: Symptom) -> Trouble:
    return Trouble(
        kind=SymptomKind.BROKEN,
        what=f"{symptom.soname} is no whole ELF file: a linker script, a Git LFS pointer, or cut short.",
        now=("See what it is with `file`, and install the package again.",),
    )


def _explain_stack(symptom: Symptom) -> Trouble:
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


def _explain_tls(symptom: Symptom) -> Trouble:
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


def _explain_loader(symptom: Symptom, interpreter: Interpreter | None) -> Trouble:
    program = symptom.wanted_by or "A program"
    now = ["Turn nix-ld on as above, once for the whole system."]
    if interpreter is Interpreter.UV or "/uv/python/" in program:
        python = f"{_FROM_NIX.format(attr='python3')}/bin/python3"
        now.insert(0, f'UV_PYTHON_DOWNLOADS=never UV_PYTHON="{python}" uv sync')
    return Trouble(
        kind=SymptomKind.NO_LOADER,
        what=f"{program} was not built by Nix: it asks for a loader in /lib64, and NixOS has none there.",
        now=tuple(now),
        nix_ld=True,
    )


def _explain_plugin(symptom: Symptom) -> Trouble:
    return Trouble(
        kind=SymptomKind.PLUGIN,
        what=f"Qt found its platform plugin {symptom.soname} and could not load it; it does not say why.",
        now=("QT_DEBUG_PLUGINS=1 wheelfix explain -- COMMAND",),
        answered=False,
    )


def _explain_ldconfig(_symptom: Symptom) -> Trouble:
    return Trouble(
        kind=SymptomKind.NO_LDCONFIG,
        what="A package asks /sbin/ldconfig where libcuda.so.1 is. NixOS has no such program.",
        now=("TRITON_LIBCUDA_PATH=/run/opengl-driver/lib COMMAND",),
    )


_EXPLAIN: dict[SymptomKind, Callable[[Symptom], Trouble]] = {
    SymptomKind.SYMBOL: _explain_symbol,
    SymptomKind.WRONG_CLASS: _explain_class,
    SymptomKind.BROKEN: _explain_broken,
    SymptomKind.EXECUTABLE_STACK: _explain_stack,
    SymptomKind.STATIC_TLS: _explain_tls,
    SymptomKind.PLUGIN: _explain_plugin,
    SymptomKind.NO_LDCONFIG: _explain_ldconfig,
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
