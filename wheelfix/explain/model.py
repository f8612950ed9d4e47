"""From the messages of loaders and builds to an explanation."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import Struct
from wheelfix.model.classes import OPEN_CLASSES, Brought, Cause, NeedClass
from wheelfix.model.index import IndexInfo, Provider
from wheelfix.model.override import Dialect
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding


class SymptomKind(StrEnum):
    """What a message complains about."""

    MISSING = "missing"
    """A library was not found at run time."""
    UNSATISFIED = "unsatisfied"
    """auto-patchelf found no file of that name among the inputs."""
    NAMED = "named"
    """``find_library`` found nothing; ``soname`` is the unversioned ``libNAME.so``."""
    VERSION = "version"
    """A library was found and lacks a symbol version."""
    SYMBOL = "symbol"
    """A library was found and lacks a symbol."""
    WRONG_CLASS = "wrong-class"
    """32-bit where 64-bit was wanted, the other way round, or another machine."""
    BROKEN = "broken"
    """No ELF file, or only a part of one."""
    EXECUTABLE_STACK = "executable-stack"
    STATIC_TLS = "static-tls"
    NO_LOADER = "no-loader"
    """A program asks for a loader (``/lib64/ld-linux-x86-64.so.2``) that is not there, or refuses."""
    PLUGIN = "plugin"
    """A Qt platform plugin did not load, and the message does not say which library it lacks."""
    NO_LDCONFIG = "no-ldconfig"
    """A program runs ``/sbin/ldconfig``, which NixOS has not."""


class Symptom(Struct):
    """One thing that a text complains about.

    Attributes:
        soname: the library in question: the one that is missing, or the one that is wrong. May be a path.
        wanted_by: path of the file that wants it, or of the program that cannot start.
        version: symbol version that is not there (``GLIBC_2.38``).
        symbol: symbol that is not there.
        module: top-level module whose import failed, if a traceback says so.
        frame: path of the last file below ``site-packages`` in the traceback around it.
    """

    kind: SymptomKind
    soname: str | None = None
    wanted_by: str | None = None
    version: str | None = None
    symbol: str | None = None
    module: str | None = None
    frame: str | None = None


class Interpreter(StrEnum):
    """Whose Python ran, as far as paths tell."""

    NIXPKGS = "nixpkgs"
    UV = "uv-managed"
    CONDA = "conda"
    PYENV = "pyenv"
    FHS = "FHS"


class Package(Struct):
    """The distribution that a message is about.

    Attributes:
        name: distribution name, normalised (PEP 503).
        version: or None where no path names it.
        site: path of the ``site-packages`` it lies in, as the text writes it.
        environment: path of the virtual environment around it; None in the Nix store or elsewhere.
    """

    name: str
    version: str | None = None
    site: str | None = None
    environment: str | None = None


class Account(Struct):
    """All that a text says, gathered once.

    Attributes:
        symptoms: without doubles, in the order of the text.
        packages: distributions named by store paths, build logs and derivations, in the order of the text.
        paths: paths that say whose Python ran, in the order of the text; a few of each kind.
        words: words of the lines with symptoms, for texts without any path.
        left_out: there were more symptoms than are kept; the rest of the text was not read.
    """

    symptoms: tuple[Symptom, ...]
    packages: tuple[Package, ...] = ()
    paths: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    left_out: bool = False


class Installed(Struct):
    """What the machine has of the distribution that a text is about.

    Attributes:
        package: as it is installed; else as the text tells of it; None if the text tells nothing.
        reading: what was read of it; None if it is not installed here.
        at_hand: what is installed beside it; None together with ``reading``.
        python: path of an interpreter in the directory that its environment names (``home`` in
            ``pyvenv.cfg``), or None.
        files: names of the entries of the project's directory.
    """

    package: Package | None = None
    reading: Reading | None = None
    at_hand: AtHand | None = None
    python: str | None = None
    files: frozenset[str] = frozenset()


class Missing(Struct):
    """A library that is missing now, or will be next.

    Attributes:
        need_class: who can bring it.
        cause: why.
        wanted_by: path of a file that wants it, or None.
        providers: best first.
        carriers: distributions that are known to carry it, sorted; where another class answers.
        fixed: the text has its whole path, which is then written into the program.
        by_name: Python code looked for it (``find_library``): no run path of the package leads there.
        named: the text names it; False for what the look into the installed package found.
    """

    soname: str
    need_class: NeedClass
    cause: Cause
    wanted_by: str | None = None
    providers: tuple[Provider, ...] = ()
    carriers: tuple[str, ...] = ()
    fixed: bool = False
    named: bool = True
    by_name: bool = False

    @property
    def distribution(self) -> str | None:
        """Who brings it, for class ``sibling``."""
        return self.cause.distribution if isinstance(self.cause, Brought) else None

    @property
    def directory(self) -> str | None:
        """Where that distribution has it, relative to site-packages, if known."""
        return self.cause.directory if isinstance(self.cause, Brought) else None


class Trouble(Struct):
    """Something else than a missing library.

    Attributes:
        what: what happened, in a sentence or two.
        now: what helps without a build: shell lines, or sentences in the imperative.
        clear_stack: file names whose executable stack has to be cleared in the package.
        nix_ld: programs that were not built by Nix are to be run through nix-ld.
        answered: the advice is known to help; False if the message does not tell enough.
    """

    kind: SymptomKind
    what: str
    now: tuple[str, ...] = ()
    clear_stack: tuple[str, ...] = ()
    nix_ld: bool = False
    answered: bool = True


class Explanation(Struct):
    """The answer.

    Attributes:
        package: None if nothing tells which distribution it is.
        interpreter: None if nothing tells.
        missing: libraries the text names, in its order, then those that will be missing next, sorted.
        troubles: other things that went wrong, in the order of the text.
        build_inputs: nixpkgs attributes, sorted; all that the missing libraries come from.
        ignore_missing: exact entries for ``autoPatchelfIgnoreMissingDeps``, sorted.
        siblings: distributions that bring the rest, sorted.
        looked_into: what was scanned to find what comes next, or None.
        left_out: there were more symptoms than are kept.
    """

    package: Package | None
    interpreter: Interpreter | None
    missing: tuple[Missing, ...]
    troubles: tuple[Trouble, ...]
    build_inputs: tuple[str, ...]
    ignore_missing: tuple[str, ...]
    siblings: tuple[str, ...]
    index: IndexInfo
    looked_into: str | None = None
    left_out: bool = False

    @property
    def concerned(self) -> bool:
        """The text says anything about shared libraries."""
        return bool(self.missing or self.troubles)

    @property
    def answered(self) -> bool:
        """Everything has an answer: exit code 0."""
        return all(m.need_class not in OPEN_CLASSES for m in self.missing) and all(
            t.answered for t in self.troubles
        )


class Explained(Struct):
    """An explanation, and the code that follows from it.

    Attributes:
        dialect: the tool that ``paste`` is written for.
        paste: pieces of Nix code, each with where it belongs.
        now: what helps without a build, shell lines or sentences.
        warnings: about the package that was looked into.
    """

    explanation: Explanation
    dialect: Dialect
    paste: tuple[tuple[str, str], ...] = ()
    now: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
