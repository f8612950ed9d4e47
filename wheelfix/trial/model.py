"""Models of trials: what is imported where, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wheelfix.explain.model import Explanation
from wheelfix.model.base import Struct, field
from wheelfix.model.scan import Finding
from wheelfix.outside.namespace import Namespace


class BasePython(Struct):
    """The Python that an environment was made of.

    Attributes:
        program: the interpreter, with all links resolved.
        version: such as ``3.12``, or ``3.13t``.
        prefixes: directories that it was installed into, by all names that the environment has for it.
        library: its standard library; None if it is in none of the prefixes.
        sites: further directories of packages that the environment uses.
    """

    program: str
    version: str
    prefixes: tuple[str, ...]
    library: str | None
    sites: tuple[str, ...] = ()


class Linked(Struct):
    """Where an editable install has its modules.

    Attributes:
        roots: directories, absolute.
        names: of its modules at the top; empty if nothing tells them.
    """

    roots: tuple[str, ...]
    names: frozenset[str] = frozenset()


class Stage(Struct):
    """Where modules are imported.

    Attributes:
        python: the environment's interpreter.
        namespace: what it has there; None if no namespace can be made, and this system as it is has to do.
        variables: environment variables, in a namespace or without one.
        borrowed: libraries of this system that its Python needs itself, and that packages find there as
            well, sorted.
    """

    python: str
    namespace: Namespace | None
    variables: Mapping[str, str] = field(default_factory=dict)
    borrowed: tuple[str, ...] = ()


class Attempt(Struct):
    """Modules of one distribution that one process imports.

    Attributes:
        distribution: normalised name.
        version: as its metadata writes it.
        top: a module at the top of the distribution, or None.
        compiled: compiled modules below it that it need not import itself, in the order of their import.
    """

    distribution: str
    version: str
    top: str | None
    compiled: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """All modules, in the order of their import."""
        return (*([self.top] if self.top else []), *self.compiled)


class Ending(StrEnum):
    """How the import of a module ended."""

    IMPORTED = "imported"
    RAISED = "raised"
    KILLED = "killed"
    EXITED = "exited"
    SILENT = "silent"
    UNTRIED = "untried"


class Answer(Struct):
    """How the import of one module went.

    Attributes:
        line: first and last line of the exception, or empty.
        file: source that raised it, or empty.
        text: the traceback, or the last messages of a process that ended.
        absent: the module that was not found, if that is what the exception says.
        code: number of the signal, or exit code, that ended the process; else 0.
    """

    module: str
    ending: Ending
    line: str = ""
    file: str = ""
    text: str = ""
    absent: str | None = None
    code: int = 0


class Outcome(StrEnum):
    """What became of a module, and why."""

    IMPORTED = "imported"
    LIBRARY = "library"
    """A shared library is missing, or does not fit."""
    DRIVER = "driver"
    """Only libraries of a GPU driver are missing."""
    UNINSTALLED = "uninstalled"
    """It imports a module of a distribution that is not installed."""
    ERROR = "error"
    """It raised another exception."""
    CRASH = "crash"
    """A signal ended the process."""
    EXIT = "exit"
    """It ended the process."""
    TIMEOUT = "timeout"
    """It was not done in time."""
    UNTRIED = "untried"
    """Too many modules before it ended the process."""


class Tried(Struct):
    """A module that was tried.

    Attributes:
        distribution: normalised name.
        version: as its metadata writes it.
        module: dotted name.
        compiled: whether it is a compiled module that was imported by itself.
        outcome: what became of it.
        counts: whether the environment is not whole because of it.
        line: first and last line of the exception, or empty.
        text: the traceback, or the last messages of the process.
        code: number of the signal, or exit code, that ended the process; else 0.
        absent: the module that was not found, for ``UNINSTALLED``; else None.
        explanation: of the text, if it is about shared libraries; or what the distribution that raised an
            error lacks, which may be why.
    """

    distribution: str
    version: str
    module: str
    compiled: bool
    outcome: Outcome
    counts: bool
    line: str = ""
    text: str = ""
    code: int = 0
    absent: str | None = None
    explanation: Explanation | None = None


class Trial(Struct):
    """The imports of one environment.

    Attributes:
        environment: as the user named it.
        python: version of its Python.
        isolated: whether they were made in a namespace.
        borrowed: as for :class:`Stage`.
        tried: sorted by distribution, then modules at the top, then compiled ones.
        below: number of compiled modules that were not tried, as the module at the top failed.
        now: what helps: shell lines, or sentences.
        findings: what was left out, and why.
    """

    environment: str
    python: str
    isolated: bool
    borrowed: tuple[str, ...]
    tried: tuple[Tried, ...]
    below: int = 0
    now: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing that counts failed."""
        return not any(one.counts for one in self.tried)
