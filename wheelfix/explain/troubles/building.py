"""Messages of failed builds: what a source distribution lacks.

Compilers, linkers, pkg-config, CMake and meson name one thing each; build scripts of packages say it in
sentences of their own. What all messages of a text ask for becomes one piece of code
(:mod:`wheelfix.explain.builds`).
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from wheelfix.explain.asked import Answer, Asked, find_asked, find_bare, find_system, load_names
from wheelfix.explain.builds import is_derivation
from wheelfix.explain.model import BuildNeeds, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.paths import find_distribution, normalize
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.model.override import Dialect, Input
from wheelfix.override.dialects import TRAITS
from wheelfix.scan.target import quote_target

_NAME = r"[A-Za-z0-9_][\w.+-]{0,80}"
_MODULE = r"[A-Za-z_][\w.]{0,80}"
_HEADER = r"(?P<names>(?!longintrepr)[\w.+-][\w./+-]{0,120}\.(?:h|hh|hpp|hxx|h\+\+|H)|Eigen/\w{1,40})"

# What shows that a text is a build's, and which phase of a build of Nix it is.
_BUILD = re.compile(
    r"builder for '/nix/store/|/nix/store/[^\s']{1,200}\.drv\b|/build/[\w.-]{1,80}/|/nix-build-"
    r"|(?:pyproject|pypa|pip|setuptools|egg|maturin)Build(?:Phase|Hook)|[Bb]uild_meta|pyproject_hooks|pep517"
    r"|_in_process\.py|subprocess-exited-with-error|metadata-generation-failed|BackendUnavailable"
    r"|Getting requirements to build|Preparing metadata|Failed to build|Failed building wheel|Building wheel"
    r"|Could not build wheels|build backend|get_requires_for_build|prepare_metadata_for_build|build_wheel"
    r"|setup\.py\b|running (?:bdist_wheel|build|build_ext|egg_info|install|develop)\b|Command errored out"
)
_NIX = re.compile(
    r"builder for '/nix/store/|/nix/store/[^\s']{1,200}\.drv\b|/build/[\w.-]{1,80}|/nix-build-"
    r"|(?:Executing|Running phase:) \w+"
)
_PHASE = re.compile(r"(?:Executing |[Rr]unning phase: |\"phase\": \")(?P<phase>\w+)")
_FRAME_OF_BUILD = re.compile(
    r"(?:_in_process\.py|setup\.py|build_meta\.py|hatch_build\.py|/pdm_build\.py|mesonpy/__init__\.py"
    r"|setuptools/\w+\.py|distutils/\w+\.py|<string>)\"?, line \d{1,9}"
)
_RUNS = re.compile(r"Check|[Tt]est")


def is_build(around: Around) -> bool:
    """Whether the lines around a message are those of a build, of Nix or of pip and uv."""
    lines = [*around.above(), *around.after()]
    phases = [match["phase"] for line in lines if (match := _PHASE.search(line))]
    if phases and _RUNS.search(phases[-1]):
        return False  # the package itself runs, and what it lacks is no build system
    return any(_BUILD.search(line) for line in lines)


def _is_nix_build(around: Around) -> bool:
    return any(_NIX.search(line) for line in (*around.above(), *around.after()))


def _make(kind: SymptomKind, names: Iterable[str]) -> Iterator[Symptom]:
    told = tuple(dict.fromkeys(name for name in names if name))
    if told:
        yield Symptom(kind=kind, names=told)


# Build systems


_BOUND = {"pkg_resources": "setuptools<82"}
"""Modules that the newest release of their distribution no longer has."""


def _read_module(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a Python module that is not there: of the tools that build, or imported by a build script."""
    module = match["module"]
    top = module.partition(".")[0]
    if not is_build(around):
        return
    distribution = _BOUND.get(top) or find_system(module)
    if distribution is None:
        frames = [line for line in around.before() if ", line " in line]
        if not any(_FRAME_OF_BUILD.search(line) for line in frames):
            return
        distribution = None if top in sys.stdlib_module_names else find_distribution(top)
    if distribution:
        yield from _make(SymptomKind.BUILD_SYSTEM, (distribution,))


def _read_backend(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Read a build backend, ``poetry.core.masonry.api``, that cannot be imported."""
    module = match["module"]
    yield from _make(
        SymptomKind.BUILD_SYSTEM, (find_system(module) or find_distribution(module.partition(".")[0]) or "",)
    )


_REQUIREMENT = re.compile(r"^\s+(?P<name>[A-Za-z0-9][\w.-]{0,80})(?=\s*(?:[<>=!~;\[@]|$| ->))")


def _read_requirements(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read the list of missing requirements below the message of ``python -m build``.

    Something that stands before the message, such as a time, stands before each of them.
    """
    names = []
    for line in around.after():
        one = _REQUIREMENT.match(line[match.start() :])
        if one is None:
            break
        names.append(normalize(one["name"]))
    yield from _make(SymptomKind.BUILD_SYSTEM, names)


def _read_quoted(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    names = re.findall(r"'([A-Za-z0-9][\w.-]{0,80})", match["names"])
    yield from _make(SymptomKind.BUILD_SYSTEM, map(normalize, names))


def _read_unfetched(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a requirement that pip did not find: a build system, where a build of Nix has no network."""
    name = normalize(match["name"])
    if is_build(around) and name in load_names().systems.values():
        yield from _make(SymptomKind.BUILD_SYSTEM, (name,))


_SYSTEMS = (
    # CPython: Lib/importlib/_bootstrap.py.
    word(
        SymptomKind.BUILD_SYSTEM,
        "No module named",
        rf"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>{_MODULE})",
        _read_module,
    ),
    # pyproject-hooks and pep517: BackendUnavailable; pip and build print it.
    word(
        SymptomKind.BUILD_SYSTEM,
        "annot import ",
        rf"(?:BackendUnavailable|BackendInvalid)\b[^\n]{{0,20}}?[Cc]annot import '?(?P<module>{_MODULE})",
        _read_backend,
    ),
    word(
        SymptomKind.BUILD_SYSTEM,
        "is not available",
        rf"[Bb]ackend '(?P<module>{_MODULE})(?::\w+)?' is not available",
        _read_backend,
    ),
    # build: src/build/__main__.py; with --no-isolation.
    word(
        SymptomKind.BUILD_SYSTEM,
        "Missing dependencies:",
        r"(?:ERROR )?Missing dependencies:\s*$",
        _read_requirements,
    ),
    # pip: operations/prepare.py, distributions/sdist.py.
    word(
        SymptomKind.BUILD_SYSTEM,
        "are missing: '",
        r"Some build dependencies for [^\n]{1,300}? are missing: (?P<names>'[^\n]{1,400})",
        _read_quoted,
    ),
    # setuptools since 58: dist.py.
    word(
        SymptomKind.BUILD_SYSTEM,
        "use_2to3 is invalid",
        r"use_2to3 is invalid",
        lambda _match, _around: _make(SymptomKind.BUILD_SYSTEM, ("setuptools<58",)),
    ),
    # setuptools: installer.py, for setup_requires; pkg_resources.
    word(
        SymptomKind.BUILD_SYSTEM,
        "ould not find suitable distribution",
        r"[Cc]ould not find suitable distribution for Requirement\.parse\('"
        r"(?P<names>[A-Za-z0-9][\w.-]{0,80})",
        lambda match, _around: _make(SymptomKind.BUILD_SYSTEM, (normalize(match["names"]),)),
    ),
    word(
        SymptomKind.BUILD_SYSTEM,
        "distribution was not found and is required",
        r"The '(?P<name>[A-Za-z0-9][\w.-]{0,80})[^'\n]{0,80}' distribution was not found and is required by",
        _read_unfetched,
    ),
    # pip: resolution; of build requirements, as there is no network in a build of Nix.
    word(
        SymptomKind.BUILD_SYSTEM,
        "Could not find a version that satisfies",
        r"Could not find a version that satisfies the requirement (?P<name>[A-Za-z0-9][\w.-]{0,80})",
        _read_unfetched,
    ),
)

# Headers


def _read_header_list(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read the headers before the words "include files are missing", which may be on several lines."""
    text = " ".join((*around.above()[-2:], _match.string))
    names = re.findall(r"['\"`<]([\w./+-]{1,120}\.h)['\">]", text)
    yield from _make(SymptomKind.HEADER_PATH, names)


_HEADERS = (
    # GCC: libcpp/files.cc.
    word(
        SymptomKind.HEADER,
        "No such file or directory",
        rf"(?:fatal )?error: {_HEADER}: No such file or directory",
    ),
    # Clang: DiagnosticLexKinds.td.
    word(SymptomKind.HEADER, "file not found", rf"error: ['\"<]{_HEADER}['\">] file not found"),
    # Microsoft's words, which Intel's compiler and some build scripts have too.
    word(
        SymptomKind.HEADER,
        "annot open ",
        rf"annot open (?:include|source) file:? ['\"<]?{_HEADER}",
    ),
    word(SymptomKind.HEADER, "annot find include file", rf"annot find include file:? ['\"<`]*{_HEADER}"),
    # autoconf and build scripts: "libfoo headers not found", "foo.h not found".
    word(
        SymptomKind.HEADER,
        " not found",
        rf"(?:[Ee]rror: |ERROR: |Exception: |header (?:file )?)['\"<`]?{_HEADER}['\">`]?"
        r" (?:header )?(?:was )?not found",
    ),
    word(
        SymptomKind.HEADER,
        "ould not ",
        rf"[Cc]ould not (?:find|locate|include) (?:the )?(?:header )?(?:file )?['\"<`]?{_HEADER}",
    ),
    word(
        SymptomKind.HEADER,
        "nable to ",
        rf"[Uu]nable to (?:find|locate|include) (?:the )?(?:header )?(?:file )?['\"<`]?{_HEADER}",
    ),
    word(
        SymptomKind.HEADER,
        "annot find ",
        rf"[Cc]annot find (?:the )?(?:header )?(?:file )?['\"<`]?{_HEADER}",
    ),
    # evdev: setup.py.
    word(
        SymptomKind.HEADER_PATH,
        "missing",
        r"(?:include|header) files are missing|are missing\.? You will have to install the kernel header",
        _read_header_list,
    ),
)

# pkg-config, CMake, the linker


def _read_pkg_config(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Read a module; ``names`` is empty where pkg-config itself is missing."""
    yield Symptom(
        kind=SymptomKind.PKG_CONFIG, names=(match["names"],) if "names" in match.groupdict() else ()
    )


def _read_required(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a package of CMake that is required: of others, CMake prints the same behind two hyphens."""
    if not match.string[: match.start()].rstrip().endswith("--"):
        name = match["names"]
        if name in {"PkgConfig", "PKGCONFIG"}:
            yield Symptom(kind=SymptomKind.PKG_CONFIG)
        else:
            yield from _make(SymptomKind.CMAKE_PACKAGE, (name,))


def _read_tried(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Read the first of the names that CMake tried, of a program or a library."""
    program = re.search(r"EXECUTABLE|PROGRAM|COMMAND|COMPILER|_BIN\b", match[0])
    kind = SymptomKind.PROGRAM if program else SymptomKind.LINKED
    name = re.sub(r"\d+(?:\.\d+)+\Z", "", match["names"])
    yield from _make(kind, (name if program else name.removeprefix("lib"),))


def _read_meson(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Read a dependency of meson, which looks for it with pkg-config, CMake, or a program of its own."""
    yield Symptom(kind=SymptomKind.PKG_CONFIG, names=(match["names"],))


def _read_absent(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a dependency that meson did not find, if it stops there: it goes on without optional ones."""
    if any("ERROR: " in line for line in islice(around.after(), 4)):
        yield Symptom(kind=SymptomKind.PKG_CONFIG, names=(match["names"],))


_MODULES = (
    # pkgconf and pkg-config.
    word(
        SymptomKind.PKG_CONFIG,
        "not found",
        rf"Package '(?P<names>{_NAME})', required by '[^'\n]{{1,200}}', not found",
    ),
    word(
        SymptomKind.PKG_CONFIG,
        "not found in the pkg-config",
        rf"Package '?(?P<names>{_NAME})'? was not found in the pkg-config search path",
    ),
    word(SymptomKind.PKG_CONFIG, "No package '", rf"No package '(?P<names>{_NAME})' found"),
    # The crates pkg-config and system-deps.
    word(
        SymptomKind.PKG_CONFIG,
        "The system library `",
        rf"The system library `(?P<names>{_NAME})` required by crate `[^`\n]{{1,80}}` was not found",
    ),
    # The crate openssl-sys: build/find_normal.rs.
    word(
        SymptomKind.PKG_CONFIG,
        "ould not find directory of",
        r"[Cc]ould not find directory of (?P<names>OpenSSL) installation",
    ),
    # The Python module pkgconfig.
    word(
        SymptomKind.PKG_CONFIG,
        "PackageNotFoundError: ",
        rf"pkgconfig\.PackageNotFoundError: (?P<names>{_NAME}) not found",
    ),
    # mysqlclient: setup.py.
    word(
        SymptomKind.PKG_CONFIG,
        "valid pkg-config name",
        r"Can not find valid pkg-config name",
        lambda _match, _around: _make(SymptomKind.PKG_CONFIG, ("mysqlclient",)),
    ),
    # PyICU: setup.py.
    word(
        SymptomKind.PKG_CONFIG,
        "set the ICU_VERSION",
        r"set the ICU_VERSION environment",
        lambda _match, _around: _make(SymptomKind.PKG_CONFIG, ("icu-uc",)),
    ),
    # meson: mesonbuild/interpreter, mesonbuild/dependencies/pkgconfig.py.
    word(
        SymptomKind.PKG_CONFIG,
        "not found",
        rf"ERROR: Dependency ['\"](?P<names>{_NAME})['\"](?: is required but)? not found",
        _read_meson,
    ),
    word(
        SymptomKind.PKG_CONFIG,
        "found: NO",
        rf"Run-time dependency (?P<names>{_NAME}) (?:\([^)\n]{{1,80}}\) )?found: NO",
        _read_absent,
    ),
    word(
        SymptomKind.PKG_CONFIG,
        "lookup for ",
        rf"Dependency lookup for (?P<names>{_NAME}) with method '[\w-]{{1,20}}' failed: "
        r"[^\n]{1,80} not found",
        _read_meson,
    ),
    word(
        SymptomKind.PKG_CONFIG,
        "not found",
        r"[Pp]kg-?[Cc]onfig (?:for machine [^\n]{1,40} |binary |executable |script )?"
        r"(?:was |could |is )?(?:not (?:be )?found|not installed|missing)",
        _read_pkg_config,
    ),
    word(
        SymptomKind.PKG_CONFIG,
        "ould not ",
        r"(?:[Tt]he )?pkg-config (?:script|executable|program|command|binary) could not be found"
        r"|[Cc]ould not (?:run|find|execute) [`'\"]?(?:\"?PKG_CONFIG|pkg-config)\b",
        _read_pkg_config,
    ),
    # PyICU and others.
    word(
        SymptomKind.PKG_CONFIG,
        "nstall pkg-config",
        r"[Ii]nstall pkg-config on your system[^\n]{0,160}? installed",
        _read_pkg_config,
    ),
    word(
        SymptomKind.PKG_CONFIG,
        "nable to invoke pkg-config",
        r"[Uu]nable to invoke pkg-config",
        _read_pkg_config,
    ),
    # CMake: Modules/FindPackageHandleStandardArgs.cmake, Source/cmFindPackageCommand.cxx.
    word(
        SymptomKind.CMAKE_PACKAGE,
        "ould NOT find",
        rf"[Cc]ould NOT find (?P<names>{_NAME})(?= \(missing|:|\s|$)",
        _read_required,
    ),
    word(
        SymptomKind.CMAKE_PACKAGE,
        "package configuration file",
        rf"ould not find a package configuration file provided by \"(?P<names>{_NAME})\"",
        _read_required,
    ),
    # The sentence before that one, as CMake breaks lines at other words.
    word(
        SymptomKind.CMAKE_PACKAGE,
        'y not providing "Find',
        rf"By not providing \"Find(?P<names>{_NAME})\.cmake\" in CMAKE_MODULE_PATH",
        _read_required,
    ),
    # CMake: Source/cmFindBase.cxx, for find_program and find_library with REQUIRED.
    word(
        SymptomKind.CMAKE_PACKAGE,
        "using the following names: ",
        rf"ould not find \w{{1,80}} using the following names: (?P<names>{_NAME})",
        _read_tried,
    ),
    # meson: mesonbuild/interpreter/compiler.py.
    word(
        SymptomKind.LINKED,
        "shared or static library '",
        rf"(?:C|C\+\+|Fortran) shared or static library '(?P<names>{_NAME})' not found",
    ),
    # GNU ld and gold, mold, lld.
    word(SymptomKind.LINKED, "cannot find -l", rf"cannot find -l:?(?P<names>{_NAME})"),
    word(SymptomKind.LINKED, "library not found", rf"library not found: (?P<names>{_NAME})\s*$"),
    word(SymptomKind.LINKED, "nable to find library -l", rf"unable to find library -l(?P<names>{_NAME})"),
)

# Programs

_BUILDS = (
    r"cmake|ninja|meson|make|gmake|swig|gfortran|gcc|g\+\+|cc|c\+\+|clang|clang\+\+|rustc|cargo|git|hg|bison"
    r"|yacc|flex|lex|protoc|nasm|yasm|patchelf|pkg-config|pkgconf|autoconf|automake|autoreconf|aclocal"
    r"|libtool|libtoolize|m4|gperf|perl|go|javac|java|mvn|npm|node|yarn|pnpm|nvcc|mpicc|mpicxx|mpif90|h5cc|qmake"
    r"|sip|sip-build|cython|maturin|bazel|scons|ar|ld|ranlib|strip|objcopy|doxygen|gettext|msgfmt|xxd|rsync"
    r"|unzip|wget|curl|which|file|dpkg-architecture|[\w.+-]{1,40}[-_]config"
)
_PROGRAM = rf"(?P<names>{_BUILDS})"
_AFTER = r"(?: executable| binary| in (?:your )?\$?PATH|[.,]|\s*$)"


# Programs that nothing but a build asks for.
_CONFIGS = re.compile(
    r"(?:pg|mysql|mariadb)_config|(?:xml2|xslt|curl|gdal|geos|krb5|llvm|nc|sdl2?|freetype|icu|gsl|cups|net-snmp"
    r"|libpng|pcre|pcap|magick|apr|neon|gpgme|taglib|dbus|pcsc)-config|Wand-config"
)


def _read_program(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a program that builds run; one that is missing in a shell of its own is no build's matter."""
    name = match["names"]
    if _CONFIGS.fullmatch(name) or is_build(around):
        if name in {"pkg-config", "pkgconf"}:
            yield Symptom(kind=SymptomKind.PKG_CONFIG)
        else:
            yield from _make(SymptomKind.PROGRAM, (name,))


_QT5 = re.compile(r"py(?:qt|side)-?[25]\b|qt-?5|qtbase-5|QtWebKit", re.IGNORECASE)


def _read_qmake(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read which Qt's qmake is asked for: every release has its own."""
    older = any(_QT5.search(line) for line in (*around.above(), match.string, *around.after()))
    yield from _make(SymptomKind.PROGRAM, ("qmake of Qt 5" if older else "qmake",))


def _read_cuda(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    if is_build(around):
        yield from _make(SymptomKind.LIBRARY, ("cuda",))


_COMPILERS = {"gfortran", "cc", "gcc", "c++", "g++", "nvcc", "rustc", "cython"}


def _read_compiler(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Read the first of the compilers that meson tried: the others are those of other systems."""
    if match["names"] in _COMPILERS:
        yield from _make(SymptomKind.PROGRAM, (match["names"],))


def _read_rust(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield from _make(SymptomKind.PROGRAM, ("cargo", "rustc"))


_PROGRAMS = (
    # bash, dash, busybox.
    word(
        SymptomKind.PROGRAM,
        "not found",
        rf"(?:^|[:\s])(?P<shell>\d{{1,6}}: |line \d{{1,6}}: |sh: )?['`\"]?{_PROGRAM}['`\"]?: "
        r"(?:command )?not found",
        _read_program,
    ),
    # Python: subprocess and distutils; meson.
    word(
        SymptomKind.PROGRAM,
        "No such file or directory",
        rf"No such file or directory: ['\"]{_PROGRAM}['\"]",
        _read_program,
    ),
    word(
        SymptomKind.PROGRAM,
        "No such file or directory",
        rf"command ['\"](?:\S{{1,200}}[/-])?{_PROGRAM}['\"] failed: No such file or directory",
        _read_program,
    ),
    word(
        SymptomKind.PROGRAM,
        "No such file or directory",
        rf"(?:unable|failed) to execute ['\"](?:\S{{1,200}}[/-])?{_PROGRAM}['\"]: No such file or directory",
        _read_program,
    ),
    word(
        SymptomKind.PROGRAM,
        "No such file or directory",
        r"Running `(?P<names>[\w+-]{1,40}) --version` gave \"\[Errno 2\] No such file or directory",
        _read_compiler,
    ),
    # Crates that run programs: cc, cmake, prost-build, bindgen; make.
    word(
        SymptomKind.PROGRAM,
        "ailed to ",
        rf"[Ff]ailed to (?:find tool\.? Is|execute(?: command)?:?|run|spawn) [`'\"]{_PROGRAM}[`'\"]",
        _read_program,
    ),
    word(
        SymptomKind.PROGRAM,
        "ould not find `protoc`",
        r"[Cc]ould not find `(?P<names>protoc)`",
    ),
    word(
        SymptomKind.PROGRAM,
        "ould not find ",
        rf"[Cc]ould not find (?:the |a )?['`\"]?{_PROGRAM}['`\"]?{_AFTER}",
        _read_program,
    ),
    word(
        SymptomKind.PROGRAM,
        "annot find ",
        rf"[Cc]annot find (?:the |a )?['`\"]?{_PROGRAM}['`\"]?{_AFTER}",
        _read_program,
    ),
    word(
        SymptomKind.PROGRAM,
        "-config",
        r"(?:[Cc]annot|[Cc]ould not|[Uu]nable to|[Ff]ailed to) [^\n]{0,60}?(?<![\w.-])"
        r"(?P<names>[A-Za-z][\w+]{1,30}-config)(?![\w-])",
        _read_program,
    ),
    # Words of packages: psycopg2, mysqlclient, GDAL, scikit-build and others.
    word(
        SymptomKind.PROGRAM,
        "not found",
        rf"(?:^|[\s:'\"`]){_PROGRAM}['`\"]? (?:executable |command |binary |program )?"
        r"(?:was |is |could )?not (?:be )?found",
        _read_program,
    ),
    # meson: mesonbuild/interpreter/interpreter.py.
    word(
        SymptomKind.PROGRAM,
        "not found or not executable",
        r"Program '(?P<names>[\w+-]{1,60})(?: [^'\n]{1,80})?' not found or not executable",
    ),
    # meson-python: mesonpy/__init__.py.
    word(
        SymptomKind.PROGRAM,
        "ould not find ninja version",
        r"[Cc]ould not find (?P<names>ninja) version",
    ),
    # PyQt-builder: pyqtbuild/builder.py.
    word(SymptomKind.PROGRAM, "working qmake", r"[Ss]pecify a working (?P<names>qmake)", _read_qmake),
    word(
        SymptomKind.PROGRAM,
        "PyProjectOptionException('qmake'",
        r"raise PyProjectOptionException\('(?P<names>qmake)'",
        _read_qmake,
    ),
    # torch: utils/cpp_extension.py.
    word(
        SymptomKind.LIBRARY,
        "CUDA_HOME environment variable is not set",
        r"Error: CUDA_HOME environment variable is not set",
        _read_cuda,
    ),
    # CMake: Source/cmGlobalNinjaGenerator.cxx, cmake.cxx.
    word(
        SymptomKind.PROGRAM,
        "nable to find a build program",
        r"unable to find a build program corresponding to \"(?P<names>Ninja)\"",
        lambda match, _around: _make(SymptomKind.PROGRAM, (match["names"].lower(),)),
    ),
    word(
        SymptomKind.PROGRAM,
        "could be found",
        r"No CMAKE_(?P<names>C|CXX|Fortran)_COMPILER could be found",
        lambda match, _around: _make(
            SymptomKind.PROGRAM, ("gfortran" if match["names"] == "Fortran" else "gcc",)
        ),
    ),
    # scikit-build-core, scikit-build.
    word(
        SymptomKind.PROGRAM,
        "ould not find ",
        r"[Cc]ould not find (?:CMake|cmake) with version",
        lambda _match, _around: _make(SymptomKind.PROGRAM, ("cmake",)),
    ),
    # setuptools-rust, maturin, and packages that ask for Rust themselves.
    word(SymptomKind.PROGRAM, "an't find ", r"can't find Rust compiler", _read_rust),
    word(
        SymptomKind.PROGRAM,
        " installed",
        r"Cargo, the Rust package manager, is not installed|Rust (?:toolchain |compiler )?is not installed"
        r"|Rust not found, installing into a temporary directory",
        _read_rust,
    ),
)

# Sentences of packages' own build scripts

_LISTED = r"(?P<names>[A-Za-z][\w.+-]{1,40}(?:(?:,| and|, and| or|/) [A-Za-z][\w.+-]{1,40}){0,5})"
_KINDS = r"(?:development |dev |devel )?(?:packages?|librar(?:y|ies)|headers?(?: files?)?|files?)"


_FILLERS = frozenset(
    {"a", "all", "an", "and", "both", "compiler", "development", "files", "headers", "it", "libraries"}
    | {"library", "of", "or", "package", "packages", "required", "system", "that", "the", "these", "they"}
    | {"this", "those", "tools", "what", "which", "your"}
)


def _read_listed(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    if is_build(around):
        yield from _make(SymptomKind.LIBRARY, _list_names(match["names"]))


def _list_names(text: str) -> Iterator[str]:
    """List the names in a part of a sentence, without the programs that have wordings of their own."""
    for name in re.findall(r"[A-Za-z][\w.+-]*", text):
        if name.lower() not in _FILLERS and not name.endswith(("-config", "_config")):
            yield name.strip(".")


_SENTENCES = (
    # lxml, and what is like it.
    word(
        SymptomKind.LIBRARY,
        " installed",
        rf"(?:make sure|ensure|check)(?: that)?(?: you have)?(?: the)? {_LISTED}(?: {_KINDS}){{0,2}}"
        r"(?: (?:is|are))? installed",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        " installed",
        rf"(?:make sure|ensure|check)(?: that)?(?: you have)?(?: the)? {_KINDS} (?:of|for) {_LISTED}"
        r"(?: (?:is|are))? installed",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        " installed",
        r"(?:^|[\s:'\"`])(?P<names>[A-Za-z][\w+-]{1,40})(?: [\d.]{1,12})? "
        r"(?:must|needs to|has to) be installed",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        " not found",
        rf"(?:^|[\s:'\"`])(?P<names>{_NAME}) executable (?:was )?not found",
        _read_listed,
    ),
    # systemd-python, pystemd and others: a library by its file's name, without more.
    word(
        SymptomKind.LIBRARY,
        " find lib",
        r"(?:[Cc]annot|[Cc]ould not|[Uu]nable to|[Ff]ailed to) find (?P<names>lib[\w+-]{1,40})(?![\w.])",
        _read_listed,
    ),
    # numpy, scipy: meson.build.
    word(
        SymptomKind.LIBRARY,
        "No BLAS",
        r"No (?P<names>BLAS|LAPACK)(?:/LAPACK)? librar(?:y|ies) (?:detected|found)",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        "ould not ",
        rf"[Cc]ould not (?:find|locate|detect)(?: (?:the|any))? {_LISTED} {_KINDS}",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        "nable to ",
        rf"[Uu]nable to (?:find|locate|detect)(?: (?:the|any))? {_LISTED} {_KINDS}",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        "annot find ",
        rf"[Cc]annot find(?: (?:the|any))? {_LISTED} {_KINDS}",
        _read_listed,
    ),
    word(
        SymptomKind.LIBRARY,
        "not found",
        rf"(?:[Ee]rror: |Exception: |^\s*){_LISTED} {_KINDS}(?: (?:was|were|is|are))? not found",
        _read_listed,
    ),
    # netCDF4, tables and others.
    word(
        SymptomKind.LIBRARY,
        "id not find ",
        rf"[Dd]id not find (?:the )?(?P<names>{_NAME})(?: version \S{{1,20}})? "
        r"(?:headers?|librar(?:y|ies)|header files|installation)",
        _read_listed,
    ),
    # autoconf's macros of GTK, wxWidgets.
    word(
        SymptomKind.LIBRARY,
        "development files for ",
        rf"[Tt]he development files for (?P<names>{_NAME}\+?) were not found",
        _read_listed,
    ),
    # The crate clang-sys, of bindgen.
    word(
        SymptomKind.LIBRARY,
        "nable to find libclang",
        r"[Uu]nable to find (?P<names>libclang)",
    ),
    # Pillow: setup.py; the names are those of its features.
    word(
        SymptomKind.LIBRARY,
        "The headers or library files could not be found for ",
        rf"headers or library files could not be found for (?P<names>{_NAME})",
    ),
    # matplotlib, h5py, netCDF4, tables: "Unable to load dependency HDF5", "did not find HDF5 headers".
    word(
        SymptomKind.LIBRARY,
        "nable to load dependency",
        rf"[Uu]nable to load dependency (?P<names>{_NAME})",
    ),
    word(
        SymptomKind.LIBRARY,
        "ould not find a local",
        rf"[Cc]ould not find a local (?P<names>{_NAME}) installation",
    ),
)


# Network


def _read_download(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    if _is_nix_build(around):
        text = " ".join((*around.above()[-8:], match.string, *around.after()[:8]))
        crates = re.search(r"crates\.io|Cargo\.|cargo|Updating .{1,40} index|registry `", text)
        kind = "crates" if crates else "git" if "git" in match[0] or "fatal: " in text else "files"
        yield Symptom(kind=SymptomKind.NETWORK, names=(kind,))


_NETWORK = (
    word(
        SymptomKind.NETWORK,
        "ould not resolve host",
        r"[Cc]ould not resolve host(?:name)?\b",
        _read_download,
    ),
    word(
        SymptomKind.NETWORK,
        "ailed to ",
        r"failed to (?:download from `|download replaced source registry|get `[\w-]{1,80}` as a dependency"
        r"|fetch `https?:|lookup address information|load source for dependency)"
        r"|[Ff]ailed to (?:establish a new connection|resolve 'pypi\.org'|fetch: `https?:)",
        _read_download,
    ),
    word(SymptomKind.NETWORK, "nable to update registry", r"[Uu]nable to update registry `", _read_download),
    word(
        SymptomKind.NETWORK,
        "in name resolution",
        r"Temporary failure in name resolution",
        _read_download,
    ),
    word(
        SymptomKind.NETWORK,
        "Name or service not known",
        r"Name or service not known",
        _read_download,
    ),
    word(SymptomKind.NETWORK, "ould not fetch URL", r"[Cc]ould not fetch URL https?:", _read_download),
)


# Messages without any word that logs are searched for, near the end of a failed build

_PLUGIN = re.compile(
    r"UnknownPluginError: Unknown (?:version source|metadata hook|build hook|[\w ]{1,20}): (?P<name>\S{1,60})"
)
_WHEEL = re.compile(r"invalid command 'bdist_wheel'")
_GDAL = re.compile(r"A GDAL API version must be specified")
_WANTED = re.compile(
    rf"(?:^|[\s:'\"`])(?P<names>{_NAME}) (?:is |are )?(?:required|needed) (?:to|for|in order to) "
    r"(?:build|compil|install)"
)
_CMAKE = re.compile(r"Problem with the CMake installation, aborting build")
_RUST_WANTED = re.compile(r"This package requires Rust and Cargo to compile extensions")


def _read_end(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    for line in (*around.above()[-60:], *around.after()):
        if match := _PLUGIN.search(line):
            known = load_names().plugins.get(match["name"]) or f"hatch-{match['name']}"
            yield from _make(SymptomKind.BUILD_SYSTEM, (normalize(known),))
        elif match := _WANTED.search(line):
            yield from _make(SymptomKind.LIBRARY, _list_names(match["names"]))
        elif _WHEEL.search(line):
            yield from _make(SymptomKind.BUILD_SYSTEM, ("wheel",))
        elif _GDAL.search(line):
            yield from _make(SymptomKind.PROGRAM, ("gdal-config",))
        elif _CMAKE.search(line):
            yield from _make(SymptomKind.PROGRAM, ("cmake",))
        elif _RUST_WANTED.search(line):
            yield from _make(SymptomKind.PROGRAM, ("cargo", "rustc"))


_ENDS = (
    word(SymptomKind.BUILD_SYSTEM, "builder for '", r"builder for '/nix/store/", _read_end),
    word(
        SymptomKind.BUILD_SYSTEM,
        "ailed to build",
        r"[Ff]ailed to build (?:[`'\"]|installable wheels|[A-Za-z0-9][\w.-]{0,80}\s*$)",
        _read_end,
    ),
)

WORDINGS: tuple[Wording, ...] = (
    *_SYSTEMS,
    *_HEADERS,
    *_MODULES,
    *_PROGRAMS,
    *_SENTENCES,
    *_NETWORK,
    *_ENDS,
)


# Explanations


def _say_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _say_package(situation: Situation) -> str:
    return situation.package.name if situation.package else "the package"


_WHY_OLDER = {
    "setuptools<82": "version 82 no longer has pkg_resources",
    "setuptools<58": "version 58 no longer runs 2to3, on code of Python 2",
}


def _explain_systems(symptom: Symptom, situation: Situation) -> Trouble:
    names = tuple(find_bare(name) for name in symptom.names)
    now: list[str] = []
    if situation.dialect in {Dialect.UV2NIX, Dialect.PYPROJECT_NIX}:
        now.append(
            f"If the lock lacks {'it' if len(names) == 1 else 'them'}: `uv add --dev {shlex.join(names)}`, "
            "or compose in the overlay of pyproject-build-systems."
        )
    locked = ": a lock does not tell these" if TRAITS[situation.dialect].locked else ""
    what = (
        f"{_say_package(situation)} is built from source, and its build imports {_say_names(names)}, which "
        f"{'is' if len(names) == 1 else 'are'} not among its build systems{locked}."
    )
    build, lacking = _find_systems(symptom.names, situation)
    if lacking:
        what += f" nixpkgs has no {_say_names(lacking)} among its Python packages."
        now += [f"Write it as one: wheelfix override --dialect nixpkgs {quote_target(n)}" for n in lacking]
    if bounds := [name for name in symptom.names if name not in names]:
        why = _WHY_OLDER[bounds[0]]
        what = f"{_say_package(situation)} is built from source, and its build needs {bounds[0]}: {why}."
        if bounds[0] == "setuptools<58":
            now = [f"Take a newer release of {_say_package(situation)}, for Python 3, if there is one."]
            build = build if TRAITS[situation.dialect].listed else None  # nixpkgs has newer ones only
    return Trouble(
        kind=symptom.kind,
        what=what,
        build=build,
        now=(*now, *_find_wheel(situation)),
        answered=not lacking,
    )


def _find_systems(names: Sequence[str], situation: Situation) -> tuple[BuildNeeds | None, list[str]]:
    """Find build systems where they are taken from: a lock, PyPI, or the Python packages of nixpkgs.

    Returns:
        What the build lacks, and the names of those that nixpkgs does not have.
    """
    dialect, index = situation.dialect, situation.index
    of_nixpkgs = dialect in {Dialect.NIXPKGS, Dialect.POETRY2NIX, Dialect.MACH_NIX} or (
        TRAITS[dialect].listed and is_derivation(situation.package)
    )
    if index is None or not of_nixpkgs:
        return BuildNeeds(systems=tuple(names)), []
    systems, native, lacking = [], list[Input](), []
    for name in names:
        found = index.attributes.find_python(find_bare(name))
        if name == "maturin":  # no Python package there
            native += [Input(attr=hook, reason="builds with maturin") for hook in _MATURIN]
        elif found and found.removed is None:
            systems.append(found.attr)
        else:
            lacking.append(name)
    needs = BuildNeeds(systems=tuple(systems), native=tuple(native)) if systems or native else None
    return needs, lacking


_MATURIN = ("rustPlatform.cargoSetupHook", "rustPlatform.maturinBuildHook")


def _find_wheel(situation: Situation) -> Iterator[str]:
    """Name the distribution that has the same modules as a wheel."""
    package = situation.package
    if package and (other := load_names().wheels.get(package.name)):
        yield f"Or build nothing: require {other} in place of {package.name}, which has wheels on PyPI."


_FETCH = (
    "See what it downloads: fetch that with pkgs.fetchurl or pkgs.fetchFromGitHub, and give its path to the "
    "build; most build scripts have a variable or an option for a library of the system."
)
_SAID = {
    SymptomKind.HEADER: ("the header", "the compiler does not find"),
    SymptomKind.HEADER_PATH: ("the header", "a build script does not find"),
    SymptomKind.PKG_CONFIG: ("the pkg-config module", "the build does not find"),
    SymptomKind.CMAKE_PACKAGE: ("the CMake package", "CMake does not find"),
    SymptomKind.LINKED: ("the library", "the linker does not find"),
    SymptomKind.PROGRAM: ("the program", "the build does not find"),
    SymptomKind.LIBRARY: ("", "the build does not find"),
}


def _explain_asked(symptom: Symptom, situation: Situation) -> Trouble | None:
    kind = symptom.kind
    names = symptom.names or ("pkg-config",)
    wanted = SymptomKind.PROGRAM if not symptom.names else kind
    found = find_asked([Asked(wanted, name) for name in names], situation.index, situation.names_of)
    if kind is SymptomKind.LIBRARY:
        found = {asked: answer for asked, answer in found.items() if answer.attrs}
        if not found:
            return None  # words of people that name nothing
    noun, who = _SAID[wanted]
    told = _say_names([asked.name for asked in found])
    plural = "s" if noun and len(found) > 1 else ""
    lacking = [asked.name for asked, answer in found.items() if not answer.attrs]
    owners = sorted({attr for answer in found.values() for attr in answer.attrs})
    what = f"In the build of {_say_package(situation)}, {who} {f'{noun}{plural} ' if noun else ''}{told}"
    verb, them = "has" if len(owners) == 1 else "have", "it" if len(found) == 1 else "them"
    what += f": {_say_names(owners)} {verb} {them}." if owners else "."
    if lacking:
        what += f" This index does not know who has {_say_names(lacking)}."
    now = [f"wheelfix locate {shlex.quote(name)}" for name in lacking]
    if "cargo" in names and situation.package:
        now.append(_say_rust(situation))
    return Trouble(
        kind=kind,
        what=what,
        build=_collect_needs(found, kind),
        now=(*now, *_find_wheel(situation)),
        answered=not lacking,
    )


def _collect_needs(found: Mapping[Asked, Answer], kind: SymptomKind) -> BuildNeeds | None:
    systems = tuple(dict.fromkeys(name for answer in found.values() for name in answer.systems))
    native = tuple(one for answer in found.values() for one in answer.native)
    inputs = tuple(one for answer in found.values() for one in answer.inputs)
    includes = inputs if kind is SymptomKind.HEADER_PATH else ()
    if not (systems or native or inputs):
        return None
    return BuildNeeds(systems=systems, native=native, inputs=inputs, includes=includes)


def _say_rust(situation: Situation) -> str:
    package = situation.package
    assert package
    wanted = f"{package.name}=={package.version}" if package.version else package.name
    option = "" if situation.dialect is not Dialect.NIXPKGS else " --dialect nixpkgs"
    return f"wheelfix sdist{option} {quote_target(wanted)}  # writes the whole build, with its crates"


def _explain_network(symptom: Symptom, situation: Situation) -> Trouble | None:
    systems = any(one.kind is SymptomKind.BUILD_SYSTEM for one in situation.account.symptoms)
    if systems and symptom.names[0] == "files":
        return None  # it is those that were to be downloaded
    what = f"The build of {_say_package(situation)} wants to download"
    end = ", and a build of Nix has no network: what it needs has to be fetched before, with a hash."
    if symptom.names[0] == "crates":
        command = (
            (_say_rust(situation),)
            if situation.package
            else ("wheelfix sdist PACKAGE  # writes the whole build, with its crates",)
        )
        return Trouble(kind=symptom.kind, what=f"{what} crates of Rust{end}", now=command)
    others = {"git": " a repository of git", "files": ""}[symptom.names[0]]
    return Trouble(
        kind=symptom.kind,
        what=f"{what}{others}{end}",
        now=(
            _FETCH,
            *_find_wheel(situation),
        ),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.BUILD_SYSTEM: _explain_systems,
    **dict.fromkeys(_SAID, _explain_asked),
    SymptomKind.NETWORK: _explain_network,
}
