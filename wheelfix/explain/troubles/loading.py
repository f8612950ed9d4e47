"""Messages of loaders about libraries that are there: not whole, not fitting, of another version."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum

from wheelfix.explain.model import Interpreter, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import FROM_NIX, UNSET, Explain
from wheelfix.explain.troubles.settings import SHELL
from wheelfix.explain.wording import FILE, word
from wheelfix.index.lookup import find_providers
from wheelfix.nix.parts import comment_all, take
from wheelfix.nix.printer import render
from wheelfix.nix.tree import Attrs, Formal, Formals, Lambda, List, SearchPath, bind, call, text

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
    # glibc: elf/rtld.c; elf/dl-call-libc-early-init.c, and others that meet a file of another glibc.
    word(
        SymptomKind.NO_PRELOAD,
        "from LD_PRELOAD",
        r"object '(?P<soname>[^']+)' from LD_PRELOAD cannot be preloaded",
    ),
    word(
        SymptomKind.TWO_LIBCS,
        "_dl_call_libc_early_init",
        r"_dl_call_libc_early_init: Assertion",
    ),
    word(
        SymptomKind.TWO_LIBCS,
        "Inconsistency detected by ld",
        r"Inconsistency detected by ld(?:\.so|-linux[\w.-]*): [\w./-]{1,60}: \d+: [\w ]{1,60}: Assertion",
    ),
    # OpenSSL 1.1, of whoever opens it.
    word(
        SymptomKind.INSECURE,
        ".so.1.1: cannot open shared",
        r"(?P<soname>lib(?:ssl|crypto)\.so\.1\.1): cannot open shared",
    ),
    # musl: ldso/dynlink.c.
    word(
        SymptomKind.WRONG_CLASS,
        "Exec format",
        r"Error loading shared library (?P<soname>[^\s:]{1,512}): Exec format error",
    ),
    word(
        SymptomKind.STATIC_TLS,
        "initial-exec TLS",
        r"Error relocating (?P<soname>[^:\n]{1,512}): \S+: initial-exec TLS resolves",
    ),
    word(
        SymptomKind.SYMBOL,
        "symbol not found",
        r"Error relocating (?P<soname>[^:\n]{1,512}): (?P<symbol>\S+): symbol not found",
    ),
)

_HOST = r"/(?:usr/)?lib"
_GLIBC = re.compile(r"-glibc-(?P<version>\d+\.\d+)")
_MUSL_LACKS = re.compile(
    r"__\w{1,40}_chk|__register_atfork|gnu_get_libc_version|__cxa_thread_atexit_impl|__\w{1,40}_finite|backtrace"
)
_TORCH = re.compile(r"_ZNK?(?:2at|3c10|5torch|5caffe)")
_GCC = FROM_NIX.format(attr="stdenv.cc.cc.lib")
_MOST_NAMED = 3


class _Side(StrEnum):
    """Who made a file, as far as its path tells."""

    STORE = "Nix"
    """A library or program in the Nix store, by whatever profile."""
    BUILT = "Nix, as a Python package"
    DEVENV = "the profile of devenv"
    PROFILE = "a profile of Nix"
    HOST = "the host"
    CONDA = "conda"
    WHEEL = "a wheel"
    IMAGE = "an AppImage"
    STEAM = "the runtime of Steam"
    COMMAND = "a program, called by its name"
    OTHER = "others"


_SIDES = tuple(
    (side, re.compile(pattern))
    for side, pattern in (
        (_Side.IMAGE, r"/\.mount_|\.AppImage|squashfs-root/"),
        (_Side.STEAM, r"(?i:/steam/|steam-runtime|/steamapps/|pressure-vessel)"),
        (_Side.DEVENV, r"/\.devenv/(?:profile|state/profile)/|/nix/store/[^/\n]+-devenv-profile/"),
        (_Side.BUILT, r"/nix/store/[^\n]*/(?:site|dist)-packages/"),
        (_Side.STORE, r"/nix/store/"),
        (_Side.PROFILE, r"/\.nix-profile/|/\.local/state/nix/profiles/|/run/current-system/|/etc/profiles/"),
        (_Side.CONDA, r"/[^/\n]*(?:conda|mambaforge|miniforge|micromamba)[^/\n]*/|/\.pixi/"),
        (_Side.WHEEL, r"/(?:site|dist)-packages/|/archive-v\d+/"),
        (_Side.HOST, r"^/(?:usr/|s?bin/|lib(?:32|64)?/|opt/|snap/)"),
        (_Side.COMMAND, r"^[^/\n]+$"),
    )
)


def _find_side(path: str) -> _Side:
    return next((side for side, pattern in _SIDES if pattern.search(path)), _Side.OTHER)


def _explain_version(symptom: Symptom, situation: Situation) -> Trouble:
    """Explain missing symbol versions; those with one cause get one explanation, word by word."""
    version, file = symptom.version or "", symptom.soname or ""
    family = version.partition("_")[0]
    side = _find_side(symptom.wanted_by or "")
    alike = [
        one
        for one in situation.account.symptoms
        if one.kind is SymptomKind.VERSION
        and one.soname == file
        and (one.version or "").partition("_")[0] == family
        and (one.version == "GLIBC_PRIVATE") is (version == "GLIBC_PRIVATE")
        and _find_side(one.wanted_by or "") is side
    ] or [symptom]
    head = f"{_list_users(alike)} {_list_versions(alike)}, and {file} does not have it."
    if version == "GLIBC_PRIVATE":
        return _explain_two_libcs(symptom.kind, head)
    if family == "GLIBC":
        wanted = max((one.version or "" for one in alike), key=_split_version)
        what, now = _explain_glibc(wanted, file, symptom.wanted_by or "", situation)
    elif family in {"GLIBCXX", "CXXABI"}:
        what, now = _explain_libstdcxx(file, side, situation)
    else:
        what, now = _explain_other(file, symptom.wanted_by or "", situation)
    return Trouble(kind=SymptomKind.VERSION, what=f"{head} {what}", now=now)


def _list_users(symptoms: Sequence[Symptom]) -> str:
    users = list(dict.fromkeys(one.wanted_by or "a file" for one in symptoms))
    if len(users) == 1:
        return f"{users[0]} wants"
    more = f" and {len(users) - _MOST_NAMED} more" if len(users) > _MOST_NAMED else ""
    return f"{', '.join(users[:_MOST_NAMED])}{more} want"


def _list_versions(symptoms: Sequence[Symptom]) -> str:
    return ", ".join(sorted({one.version or "" for one in symptoms}, key=_split_version))


def _split_version(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:4])


def _explain_glibc(version: str, file: str, by: str, situation: Situation) -> tuple[str, tuple[str, ...]]:
    """Explain a missing version of glibc: who runs on which C library, and whose file came into it."""
    # GLIBC_ABI_DT_RELR, which has no number, came with this release.
    wanted = version.removeprefix("GLIBC_") if _split_version(version) else "2.36"
    who, libc = _find_side(by), _find_side(file)
    has = match["version"] if (match := _GLIBC.search(file)) else None
    older = f"glibc {has}" if has else "an older glibc"
    keep_out = (_say_path(file, by, situation), UNSET)
    if _Side.IMAGE in {who, libc}:
        return "An AppImage brings libraries of its own, for another system.", ("appimage-run FILE.AppImage",)
    if _Side.STEAM in {who, libc}:
        return "The runtime of Steam brings libraries of its own.", ("steam-run COMMAND", UNSET)
    if "musl" in file:
        return (
            "It runs on musl, and this was built for glibc.",
            ("Install the wheel for musllinux, or use a Python on glibc.",),
        )
    if libc is _Side.HOST and who in {_Side.STORE, _Side.BUILT, _Side.DEVENV, _Side.PROFILE}:
        return (
            (
                "The program runs on the host's glibc, which is older, and a library of Nix was loaded into "
                "it. LD_LIBRARY_PATH, or a run path, leads there."
            ),
            (
                *keep_out,
                "Or take the program, or the Python that runs it, from the same nixpkgs as the library.",
            ),
        )
    if libc is _Side.HOST:
        return (
            "The program runs on the host's glibc, and the file was built for a newer one: libc is too old.",
            (
                "Take Python from nixpkgs, which brings a newer glibc, and make the environment with it.",
                f"Or take an older release of the package, {_say_tag(wanted)}.",
            )
            if who is _Side.WHEEL
            else ("Take the program from nixpkgs, or an older release of it.",),
        )
    if who is _Side.HOST:
        what = (
            "a library of the host was loaded into it"
            if ".so" in by
            else "the program is the host's: it was built for the host's own glibc"
        )
        return f"The program runs on {older} of Nix, and {what}.", keep_out
    if who in {_Side.COMMAND, _Side.PROFILE} or (who is _Side.STORE and ".so" not in by):
        return (
            (
                f"{by or 'The program'} was built with a newer glibc than {older}, which was found first. "
                "LD_LIBRARY_PATH of a shell leads there: every program in that shell gets it, this one too."
            ),
            (*keep_out, "And take glibc out of LD_LIBRARY_PATH in the shell: a program finds its own."),
        )
    if who in {_Side.STORE, _Side.BUILT, _Side.DEVENV}:
        return (
            (
                f"The program runs on {older}, and a library of another nixpkgs was loaded into it, built "
                "against a newer one."
            ),
            (
                *(_leave_profile(who, _find_attr(by, situation)) if who is _Side.DEVENV else ()),
                *keep_out,
                "Or take the program, its Python and its libraries from one and the same nixpkgs.",
            ),
        )
    if who is _Side.CONDA:
        return (
            f"The program runs on {older} of Nix, and a library of conda was loaded into it.",
            (*keep_out, "Or run conda's Python outside of this shell: conda deactivate, or conda-shell."),
        )
    glibc = situation.glibc
    known = f" (that of the index has glibc {glibc})" if glibc and _at_least(glibc, wanted) else ""
    return (
        f"The program runs on {older}, and the wheel was built for a newer one: libc is too old.",
        (
            f"Take Python from a newer nixpkgs{known},",
            f"or an older release of the package, {_say_tag(wanted)}.",
        ),
    )


def _say_tag(wanted: str) -> str:
    return f"with a wheel for less than manylinux_{wanted.replace('.', '_')}"


def _say_path(file: str, by: str, situation: Situation) -> str:
    """Say what leads a loader to the wrong file, with certainty where the variable is seen."""
    seen = situation.seen
    if not seen.ran:
        return "Keep it out, as LD_LIBRARY_PATH is what leads there in most cases:"
    entries = seen.variables.get("LD_LIBRARY_PATH", "").split(":")
    for path in (file, by):
        if (directory := path.rpartition("/")[0]) and directory in entries:
            return f"LD_LIBRARY_PATH has {directory}. Keep it out:"
    if preloaded := seen.variables.get("LD_PRELOAD"):
        return f"LD_PRELOAD is {preloaded}. Keep it out:"
    if any(entries):
        return "LD_LIBRARY_PATH is set. Keep it out:"
    return "LD_LIBRARY_PATH is not set here: the run path of a file leads there. If a wrapper sets it:"


def _explain_libstdcxx(file: str, who: _Side, situation: Situation) -> tuple[str, tuple[str, ...]]:
    side = _find_side(file)
    what = f"An older libstdc++ is found first than the one this was built with{_say_origin(file)}."
    newer = f'Put a newer one first: LD_LIBRARY_PATH="{_GCC}/lib" COMMAND'
    if side in {_Side.DEVENV, _Side.PROFILE}:
        return what, (*_leave_profile(side, "gcc"), newer)
    if who is _Side.CONDA or situation.interpreter is Interpreter.CONDA:
        # Never that of Nix: conda's Python runs on the host's glibc, which may be older than it needs.
        own = "conda install -c conda-forge libstdcxx-ng"
        if side is _Side.CONDA:
            return what, (f"{own}  # a newer one", UNSET)
        return what, (
            'LD_LIBRARY_PATH="$CONDA_PREFIX/lib" COMMAND',
            f"{own}  # if it has none, or an old one",
        )
    if side is _Side.HOST and who in {_Side.STORE, _Side.BUILT}:
        return what, ("Keep the host's out; LD_LIBRARY_PATH, of a module for example, leads there:", UNSET)
    if side is _Side.HOST:
        return f"{what} That of Nix does not go with a program of the host.", (
            "Take Python from nixpkgs, which brings a newer one, and make the environment with it.",
            "Or take an older release of the package; a newer one of the host comes with its distribution.",
        )
    return what, (newer, f"Or, if LD_LIBRARY_PATH is what brings the old one: {UNSET}")


def _explain_other(file: str, by: str, situation: Situation) -> tuple[str, tuple[str, ...]]:
    """Explain a missing version of any other library: OPENSSL_3.3.0, CURL_OPENSSL_4, ZLIB_1.2.9."""
    side, soname = _find_side(file), file.rpartition("/")[2]
    attr = _find_attr(file, situation)
    what = f"{_say_who(by)} another {soname} than it was built with: that of {side.value}."
    keep_out = (_say_path(file, by, situation), UNSET)
    if side in {_Side.DEVENV, _Side.PROFILE}:
        return what, (*_leave_profile(side, attr), *keep_out)
    if side is _Side.CONDA:
        return what, (*keep_out, "Or leave conda's environment: conda deactivate.")
    if side is _Side.IMAGE:
        return what, ("appimage-run FILE.AppImage",)
    if side is _Side.WHEEL:
        return what, (
            "Import the package that wants the newer one first, before the one that brings the older.",
            *keep_out,
        )
    if side is _Side.HOST and attr:
        newer = f'LD_LIBRARY_PATH="{FROM_NIX.format(attr=attr)}/lib" COMMAND'
        return what, (*keep_out, f"Or, if nothing else is to be had, put that of nixpkgs first: {newer}")
    return what, (*keep_out, "Or take the program, Python and its libraries from one and the same nixpkgs.")


def _find_attr(file: str, situation: Situation) -> str:
    """Find the attribute of nixpkgs that has a library; empty if none is known."""
    soname = file.rpartition("/")[2]
    found = find_providers(situation.index, [soname])[0].providers if situation.index else ()
    return found[0].attr if found else ""


def _say_who(by: str) -> str:
    if "/lib-dynload/" in by:
        return f"Python's own module {by.rpartition('/')[2].partition('.')[0]} gets"
    return "The file gets"


def _leave_profile(side: _Side, attr: str) -> tuple[str, ...]:
    """Say how to take a library out of a profile, by the name of its attribute."""
    name = attr or "the package that brings it"
    if side is _Side.DEVENV:
        return (
            (
                f"Take {name} out of `packages` in devenv.nix (or of `languages` and `services` that bring "
                "it): devenv's profile comes before Python's own libraries."
            ),
        )
    return (f"Take {name} out of the profile: nix profile remove NAME, or environment.systemPackages.",)


def _explain_two_libcs(kind: SymptomKind, head: str) -> Trouble:
    return Trouble(
        kind=kind,
        what=f"{head} Two C libraries are mixed in one process: one library of a pair comes from the host, "
        "the other from Nix, or from another nixpkgs.",
        now=(f"Take LD_LIBRARY_PATH away, it is what mixes them: {UNSET}",),
    )


def _explain_libcs(symptom: Symptom, _situation: Situation) -> Trouble:
    return _explain_two_libcs(symptom.kind, "A loader met a library that belongs to another loader.")


def _explain_preload(symptom: Symptom, situation: Situation) -> Trouble:
    file = symptom.soname or "?"
    attr = _find_attr(file, situation)
    soname = file.rpartition("/")[2]
    there = f'LD_PRELOAD="{FROM_NIX.format(attr=attr)}/lib/{soname}" COMMAND  # if it is wanted'
    return Trouble(
        kind=SymptomKind.NO_PRELOAD,
        what=f"LD_PRELOAD names {file}, which is not there. The loader says so of every program, and runs it "
        "without: this line is harmless, and not the cause of anything else.",
        now=("env -u LD_PRELOAD COMMAND", *((there,) if attr else ())),
    )


def _explain_insecure(symptom: Symptom, situation: Situation) -> Trouble:
    """Explain that OpenSSL 1.1 is wanted: nixpkgs has it, and refuses it unless it is permitted."""
    allowed = Attrs(
        (
            bind(
                "config",
                Attrs((bind("permittedInsecurePackages", List((text("openssl-1.1.1w"),))),)),
            ),
        )
    )
    nixpkgs = call("import", SearchPath("nixpkgs"), allowed)
    libraries = call("pkgs.lib.makeLibraryPath", List((take("openssl_1_1"),)))
    shell = Lambda(
        Formals((Formal("pkgs", nixpkgs),)),
        call("pkgs.mkShell", Attrs((bind("OPENSSL_LIBRARIES", libraries),))),
    )
    head = ["OpenSSL 1.1, which gets no fixes any more: insecure. Written by wheelfix."]
    package = situation.package
    return Trouble(
        kind=SymptomKind.INSECURE,
        what=f"{symptom.soname} is of OpenSSL 1.1, which is insecure: nixpkgs has it as openssl_1_1, and "
        "refuses "
        "it unless it is permitted.",
        paste=((SHELL, render(comment_all(head, shell))),),
        now=(
            "Best, take a newer release, built for OpenSSL 3 or with its own:",
            f"pip install -U {package.name if package else 'PACKAGE'}",
            "LD_LIBRARY_PATH=$OPENSSL_LIBRARIES COMMAND  # in the shell above",
        ),
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
    if _find_side(file) in {_Side.WHEEL, _Side.BUILT}:
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
    SymptomKind.TWO_LIBCS: _explain_libcs,
    SymptomKind.NO_PRELOAD: _explain_preload,
    SymptomKind.INSECURE: _explain_insecure,
    SymptomKind.VERSION: _explain_version,
    SymptomKind.SYMBOL: _explain_symbol,
    SymptomKind.WRONG_CLASS: _explain_class,
    SymptomKind.BROKEN: _explain_broken,
    SymptomKind.EXECUTABLE_STACK: _explain_stack,
    SymptomKind.STATIC_TLS: _explain_tls,
}


def _say_origin(file: str) -> str:
    side = _find_side(file)
    if side is _Side.CONDA:
        return ": conda's own"
    if side is _Side.STORE:
        return ": that of an older gcc from Nix"
    return ": the host's" if side is _Side.HOST else ""


def _at_least(version: str, wanted: str) -> bool:
    return _split_version(version)[:2] >= _split_version(wanted)[:2]
