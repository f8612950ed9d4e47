"""Models of explanations of loader and build messages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wheelfix.index.named_table import NamedIndex
from wheelfix.index.table import SonameTable
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import Struct
from wheelfix.model.classes import OPEN_CLASSES, Classed
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import IndexInfo, Provider
from wheelfix.model.override import Dialect, Input
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Opening


class SymptomKind(StrEnum):
    """The kind of problem that a message reports."""

    MISSING = "missing"
    """A library was not found at run time."""
    UNSATISFIED = "unsatisfied"
    """auto-patchelf found no file of that name among the inputs."""
    NAMED = "named"
    """``find_library`` found nothing; ``soname`` is the unversioned ``libNAME.so``."""
    VERSION = "version"
    """A library was found, and lacks a symbol version."""
    SYMBOL = "symbol"
    """A library was found, and lacks a symbol."""
    WRONG_CLASS = "wrong-class"
    """A 32-bit library instead of a 64-bit one, the other way round, or one for another machine."""
    BROKEN = "broken"
    """Not an ELF file, or only a part of one."""
    EXECUTABLE_STACK = "executable-stack"
    STATIC_TLS = "static-tls"
    NO_LOADER = "no-loader"
    """A program's loader (``/lib64/ld-linux-x86-64.so.2``) does not exist, or refuses to run."""
    PLUGIN = "plugin"
    """A Qt platform plugin did not load, and the message does not name the missing library."""
    TWO_LIBCS = "two-libcs"
    """Two C libraries are in one process: the loader of one, and a library of another."""
    NO_PRELOAD = "no-preload"
    """A library of LD_PRELOAD does not exist; the program runs without it."""
    INSECURE = "insecure"
    """A library that nixpkgs only has in an insecure release."""
    NO_LDCONFIG = "no-ldconfig"
    """A program runs ``/sbin/ldconfig``, which NixOS does not have."""
    NO_PROGRAM = "no-program"
    """A program that a package runs is not there; ``names`` are alternatives."""
    # Builds; `names` are what the build asks for.
    BUILD_SYSTEM = "build-system"
    """Python modules that build a package, by their distributions."""
    HEADER = "header"
    HEADER_PATH = "header-path"
    """Headers that a build script looks for itself, where distributions other than NixOS have them."""
    PKG_CONFIG = "pkg-config"
    """Modules of pkg-config; none if the program itself is missing."""
    CMAKE_PACKAGE = "cmake-package"
    LINKED = "linked"
    """Libraries by the linker's names (``-lz``)."""
    PROGRAM = "program"
    LIBRARY = "library"
    """Libraries or programs by names of people, in a sentence of a package's own build script."""
    NETWORK = "network"
    """A build of Nix wants to download; the first of ``names`` is ``crates``, ``git`` or ``files``."""
    # Evaluation, wheels that are refused, hooks, and environments that are put together.
    COLLISION = "collision"
    """Packages of one environment have the same file; ``names`` are the files' paths."""
    DUPLICATE = "duplicate"
    """A package depends on two builds of one distribution, the first of ``names``."""
    NO_WHEEL = "no-wheel"
    """No file of a lock fits; ``names`` are distribution and version, ``version`` the tag that does not."""
    WHEEL_TAG = "wheel-tag"
    """A wheel is refused; the first of ``names`` is its file name."""
    BROKEN_LINK = "broken-link"
    """A package has a symbolic link that leads nowhere; ``names`` are the link and its target."""
    HOOK = "hook"
    """A function of a hook is called, and the hook is not among the inputs."""
    ATTRIBUTE = "attribute"
    """nixpkgs does not have an attribute; ``names`` are its name, and what took its place if that is told."""
    REFUSED = "refused"
    """nixpkgs refuses a package; ``names`` are why and the package's name with its version."""
    HASH = "hash"
    """A file is another one than was locked; ``names`` are its name, the old hash and the new one."""
    OUTDATED = "outdated"
    """A build is for other releases of its tools; ``names`` are which, and what the message tells of it."""
    PROJECT = "project"
    """Nix does not take a project as it is; ``names`` are why, and what the message names."""
    # programs that do not start
    FOREIGN_PROGRAM = "foreign-program"
    """A program is for another kind of machine."""
    # GPU
    NO_DRIVER = "no-driver"
    """A program finds no GPU driver, or none that it can use."""
    STUB_DRIVER = "stub-driver"
    """A program was given the stub of the driver's library, which is for linkers."""
    DRIVER_MISMATCH = "driver-mismatch"
    """The driver's libraries are of another version than the kernel's module."""
    NO_CUDA = "no-cuda"
    """A framework does not find libraries of CUDA; ``names`` are theirs, as it calls them."""
    DRIVER_FILE = "driver-file"
    """A driver of Mesa, VA-API or Vulkan is not where it is searched for; ``soname`` is its file or name."""
    NO_OPENCL = "no-opencl"
    NO_VULKAN = "no-vulkan"
    NO_OPENGL = "no-opengl"
    """A program makes no OpenGL context: GLX or EGL is not found, or finds no driver."""
    # computing on GPUs
    NO_TOOLKIT = "no-toolkit"
    """What compiles for CUDA does not find the compiler."""
    CPU_BUILD = "cpu-build"
    """A framework (``names``) was built without CUDA."""
    NO_COMPILER = "no-compiler"
    """What compiles while the program runs finds no C compiler."""
    NO_KERNELS = "no-kernels"
    """ROCm has no code for a card; ``names`` are the card, then those for which it has some."""
    NO_CONTAINER_DRIVER = "no-container-driver"
    """The runtime of containers does not find the driver."""
    # toolkits
    NO_PLUGIN = "no-plugin"
    """Qt has no platform plugin of that name (``soname``) where it looks (``wanted_by``)."""
    TWO_QTS = "two-qts"
    """Libraries of two Qts are in one process."""
    NO_DISPLAY = "no-display"
    """A program found no display to draw on: no library is missing."""
    NO_VIDEO = "no-video"
    """SDL cannot use a system of windows: its libraries are missing, or its display."""
    NO_AUDIO = "no-audio"
    NO_TYPELIB = "no-typelib"
    """GObject Introspection does not find a namespace (``names``: it, and its version)."""
    NO_TKINTER = "no-tkinter"
    """The interpreter was built without Tk."""
    NO_TCL = "no-tcl"
    NO_FONTS = "no-fonts"
    """fontconfig finds no configuration."""
    NO_ODBC = "no-odbc"
    """The driver manager of ODBC does not find a driver (``names``)."""
    NO_GEODATA = "no-geodata"
    """PROJ or GDAL (``names``) does not find its data."""
    NO_BROWSER = "no-browser"
    """A browser, or its driver, does not start."""
    NO_ELEMENT = "no-element"
    """GStreamer does not find an element (``names``)."""
    NO_PLACE = "no-place"
    """A program does not find a part of its own; ``names`` is the variable that leads there."""


BUILD_KINDS = frozenset(
    {
        SymptomKind.BUILD_SYSTEM,
        SymptomKind.HEADER,
        SymptomKind.HEADER_PATH,
        SymptomKind.PKG_CONFIG,
        SymptomKind.CMAKE_PACKAGE,
        SymptomKind.LINKED,
        SymptomKind.PROGRAM,
        SymptomKind.LIBRARY,
        SymptomKind.NETWORK,
    }
)
"""Kinds of failed builds: the files of a traceback are those of build tools, and tell no package."""
FRAMELESS = BUILD_KINDS | {
    SymptomKind.COLLISION,
    SymptomKind.DUPLICATE,
    SymptomKind.NO_WHEEL,
    SymptomKind.WHEEL_TAG,
    SymptomKind.BROKEN_LINK,
    SymptomKind.HOOK,
    SymptomKind.ATTRIBUTE,
    SymptomKind.REFUSED,
    SymptomKind.HASH,
    SymptomKind.OUTDATED,
    SymptomKind.PROJECT,
}
"""Kinds for which the files of a traceback tell nothing."""


class Symptom(Struct):
    """One problem that a text reports.

    Attributes:
        soname: the missing or unsuitable library; may be a path.
        wanted_by: path of the file that needs it, or of the program that cannot start.
        version: missing symbol version (``GLIBC_2.38``).
        symbol: missing symbol.
        module: top-level module whose import failed, if a traceback names it.
        frame: path of the last file below ``site-packages`` in the traceback around it, other than those of
            cffi, which opens libraries for others.
        line: number of the line in that file.
        call: the call by which Python code opens the library, if the message shows that it does so by name.
        unsure: whether Python code opens the library by name, or a file that is linked against it, and the
            message does not tell which. Of a program: whether it may not be there at all. Of a variable:
            whether the code shows nothing that it could be an attribute of.
        names: other names that the message has, as its kind tells: packages, headers, attributes …
        distribution: the package that says it, in words of its own, or whose compiled code does.
        by_caller: whether the frames of the traceback may be those of a caller: compiled code raised another
            error than one of an import or of ctypes.
        place: the set that an attribute was selected from, as far as code around it tells: ``pkgs``,
            ``python3Packages``, or ``set`` for a package set made of a lock; ``arguments`` for the name of a
            function's argument, ``removed`` for what nixpkgs says that it has removed.
    """

    kind: SymptomKind
    soname: str | None = None
    wanted_by: str | None = None
    version: str | None = None
    symbol: str | None = None
    module: str | None = None
    frame: str | None = None
    line: int | None = None
    call: OpeningKind | None = None
    unsure: bool = False
    names: tuple[str, ...] = ()
    distribution: str | None = None
    by_caller: bool = False
    place: str | None = None


class Interpreter(StrEnum):
    """The origin of the Python that ran, as far as paths tell."""

    NIXPKGS = "nixpkgs"
    UV = "uv-managed"
    CONDA = "conda"
    PYENV = "pyenv"
    FHS = "FHS"


class Package(Struct):
    """The distribution that a message is about.

    Attributes:
        name: distribution name, normalised (PEP 503).
        version: its version, or None if no path contains it.
        site: path of its ``site-packages``, as the text writes it.
        environment: path of its virtual environment; None in the Nix store or elsewhere.
        file: path of one of its files, relative to ``site``, or None.
        prefixed: whether a store path or derivation has the name that nixpkgs and poetry2nix give
            (``python3.12-numba-0.60.0``); sets of pyproject.nix leave the prefix out.
        installer: whether pip or uv tells that it builds it, as far as is known not in a build of Nix.
    """

    name: str
    version: str | None = None
    site: str | None = None
    environment: str | None = None
    file: str | None = None
    prefixed: bool = False
    installer: bool = False


class Account(Struct):
    """All information of a text.

    Attributes:
        symptoms: the problems without duplicates, in the order of the text.
        packages: distributions named by store paths, build logs and derivations, in the order of the text.
        paths: paths that tell which Python ran, in the order of the text; a few of each kind.
        words: words of the lines with symptoms, for texts without any path.
        lines: cleaned lines that may have words of packages: all of a short text, else those with words of
            failures, and what tracebacks end with.
        frames: paths of the files in tracebacks among them, in the order of the text.
        left_out: whether there were more symptoms than are kept; the rest of the text was then not read.
    """

    symptoms: tuple[Symptom, ...]
    packages: tuple[Package, ...] = ()
    paths: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    left_out: bool = False


class Installed(Struct):
    """The distribution that a text is about, as it is installed on this machine.

    Attributes:
        package: the installed package, else the one the text names; None if it names none.
        reading: its reading; None if it is not installed.
        at_hand: the distributions installed beside it; None if ``reading`` is.
        python: path of an interpreter in the directory that its environment names (``home`` in
            ``pyvenv.cfg``), or None.
        files: names of the entries of the project's directory.
    """

    package: Package | None = None
    reading: Reading | None = None
    at_hand: AtHand | None = None
    python: str | None = None
    files: frozenset[str] = frozenset()


class ProgramState(StrEnum):
    """What a program of this machine is."""

    NO_LOADER = "no-loader"
    """An ELF file whose loader does not exist."""
    NO_INTERPRETER = "no-interpreter"
    """A script whose first line names a file that does not exist."""
    RUNS = "runs"
    """A program that the kernel can start."""
    DANGLING = "dangling"
    """A link to a file that does not exist."""
    ABSENT = "absent"
    """Nothing, where a command ran that names it."""


class Seen(Struct):
    """What is seen on this machine.

    Attributes:
        ran: whether the text is of a command that ran here; if not, it may be from another machine, and only
            ``programs`` is filled.
        nixos: whether this is NixOS.
        driver: whether the GPU driver's libraries are in ``/run/opengl-driver/lib``.
        variables: variables of the environment that loaders, Qt, SDL and X11 read; those that are set.
        programs: programs that the text names, as far as they are found here.
        owners: distributions whose RECORD lists such a program.
    """

    ran: bool = False
    nixos: bool = False
    driver: bool = False
    variables: Mapping[str, str] = {}
    programs: Mapping[str, ProgramState] = {}
    owners: Mapping[str, str] = {}


class Situation(Struct):
    """What is known beside a symptom.

    Attributes:
        package: the distribution that the text is about; None if it is unknown.
        interpreter: the Python that ran; None if it is unknown.
        dialect: the tool that code is written for.
        files: names of the entries of the project's directory.
        glibc: version of the C library in the nixpkgs of the index (``2.42``), or None.
        index: the index for attributes; None where nothing is looked up.
        names_of: its tables of names other than sonames; None where these are not looked up.
        account: all information of the text.
        seen: what is seen on this machine.
    """

    package: Package | None = None
    interpreter: Interpreter | None = None
    dialect: Dialect = Dialect.UV2NIX
    files: frozenset[str] = frozenset()
    glibc: str | None = None
    index: SonameTable | None = None
    names_of: NamedIndex | None = None
    account: Account = Account(symptoms=())
    seen: Seen = Seen()


class Missing(Classed):
    """A library that is missing now, or will be missing next.

    Attributes:
        wanted_by: path of a file that needs it, or None.
        providers: its providers, best first.
        gone: attributes that had it until nixpkgs removed them.
        carriers: distributions that are known to contain it, sorted, if another class answers.
        fixed: whether the text has its absolute path, which the program then contains.
        openings: where the package opens it by name, with the answers.
        linked: whether a file is, or may be, linked against it; if not, inputs do nothing for it.
        unsure: whether Python code may open it by name as well.
        by_elf: whether compiled code opens it by name: a run path has to lead to it.
        named: whether the text names it; False if the scan of the installed package found it.
    """

    soname: str
    wanted_by: str | None = None
    providers: tuple[Provider, ...] = ()
    gone: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()
    fixed: bool = False
    named: bool = True
    openings: tuple[Opening, ...] = ()
    linked: bool = True
    unsure: bool = False
    by_elf: bool = False


class BuildNeeds(Struct):
    """What a build lacks.

    Attributes:
        systems: distributions that build it, normalised, with a bound where the newest does not do.
        native: attributes for ``nativeBuildInputs``, programs that run while it builds.
        inputs: attributes for ``buildInputs``.
        includes: attributes whose headers a build script looks for itself.
    """

    systems: tuple[str, ...] = ()
    native: tuple[Input, ...] = ()
    inputs: tuple[Input, ...] = ()
    includes: tuple[Input, ...] = ()


class Trouble(Struct):
    """A problem other than a missing library.

    Attributes:
        what: what happened, in a sentence or two.
        now: fixes without a build: shell lines, or sentences in the imperative.
        clear_stack: names of files in the package whose executable stack has to be cleared.
        nix_ld: whether programs that were not built by Nix are to be run through nix-ld.
        answered: whether the advice is known to help; False if the message does not tell enough.
        paste: pieces of Nix code, each with the place to paste it.
        build: what the package's build lacks, which becomes one piece of code with that of other troubles.
    """

    kind: SymptomKind
    what: str
    paste: tuple[tuple[str, str], ...] = ()
    build: BuildNeeds | None = None
    now: tuple[str, ...] = ()
    clear_stack: tuple[str, ...] = ()
    nix_ld: bool = False
    answered: bool = True


class Explanation(Struct):
    """The explanation of a text.

    Attributes:
        package: the distribution; None if it is unknown.
        interpreter: the Python that ran; None if it is unknown.
        missing: libraries that the text names, in its order, then those that will be missing next, sorted.
        troubles: other problems, in the order of the text.
        build_inputs: nixpkgs attributes of the missing libraries, sorted.
        ignore_missing: exact entries for ``autoPatchelfIgnoreMissingDeps``, sorted.
        siblings: distributions that supply the rest, sorted.
        openings: everything that the package opens by name and that nothing finds yet.
        looked_into: what was scanned to find libraries that will be missing next, or None.
        left_out: whether there were more symptoms than are kept.
    """

    package: Package | None
    interpreter: Interpreter | None
    missing: tuple[Missing, ...]
    troubles: tuple[Trouble, ...]
    build_inputs: tuple[str, ...]
    ignore_missing: tuple[str, ...]
    siblings: tuple[str, ...]
    index: IndexInfo
    openings: tuple[Opening, ...] = ()
    looked_into: str | None = None
    left_out: bool = False

    @property
    def concerned(self) -> bool:
        """Whether the text is about shared libraries."""
        return bool(self.missing or self.troubles)

    @property
    def answered(self) -> bool:
        """Whether everything has an answer: exit code 0."""
        return all(m.need_class not in OPEN_CLASSES for m in self.missing) and all(
            t.answered for t in self.troubles
        )


class Explained(Struct):
    """An explanation, and the code that follows from it.

    Attributes:
        dialect: the tool that ``paste`` is written for.
        paste: pieces of Nix code, each with the place to paste it.
        now: fixes without a build, shell lines or sentences.
        command: command that reads the package itself and writes the code, where the text does not tell all
            that it opens; else None.
        warnings: warnings about the scanned package.
    """

    explanation: Explanation
    dialect: Dialect
    paste: tuple[tuple[str, str], ...] = ()
    now: tuple[str, ...] = ()
    command: str | None = None
    warnings: tuple[Finding, ...] = ()
