"""Models of the JSON that commands print, separate from the program's models because they are a contract.

Each class with a ``schema`` tag is a whole document; the others are parts. Keys are printed in the order of
the fields. Within a version fields may be added; none is removed, renamed or changes its meaning.
``scripts/write_schemas.py`` generates the files in ``schema/`` from this module: a docstring's first line is
the title, its ``Attributes`` are the descriptions of the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from wheelfix.model.backends import WishClue
from wheelfix.model.base import Meta, Struct, field
from wheelfix.model.classes import Cause, NeedClass
from wheelfix.model.index import Permission
from wheelfix.model.names import NameKind
from wheelfix.model.override import Dialect
from wheelfix.model.policies import BreachKind, TagState


def _one_of(*values: str) -> Meta:
    """Restrict a string in the schema to some values; what is spelt here is a part of the contract."""
    return Meta(extra_json_schema={"enum": list(map(str, values))})


Line = Annotated[int, Meta(ge=1)]
"""A line, or a column, from 1."""
ClassText = Annotated[str, _one_of(*NeedClass)]
LevelText = Annotated[str, _one_of("error", "warning", "note")]
DialectText = Annotated[str, _one_of(*Dialect)]
PermissionText = Annotated[str, _one_of(*Permission)]


class AskedIndexDocument(Struct):
    """Which index answered.

    Attributes:
        source: whose it is: inside the package, fetched, the user's own, or named with --index.
        system: Nix system of its entries.
        date: day of the nixpkgs that it describes, ISO 8601; null if nothing says it.
    """

    source: Annotated[str, _one_of("bundled", "fetched", "nix-index", "file")]
    system: Annotated[str, Meta(examples=["x86_64-linux"])]
    date: str | None


class AttributeDocument(Struct):
    """What nixpkgs says of an attribute.

    Attributes:
        version: of the package; null if it has none.
        unfree: nixpkgs refuses it without allowUnfree, itself or something that it is built with.
        insecure: the same for permittedInsecurePackages.
        size: bytes of the files in its outputs, except those for development and documentation; null if
            unknown.
    """

    version: str | None
    unfree: bool
    insecure: bool
    size: int | None


class NixpkgsDocument(Struct):
    """Which nixpkgs the answers were held against.

    Attributes:
        source: bundled, own (evaluated by this user's Nix and kept), or the reference that was asked now.
        release: of nixpkgs.
        revision: its commit; null if that is not known.
        date: day of the commit, ISO 8601; null if that is not known.
    """

    source: str
    release: Annotated[str, Meta(examples=["26.11"])]
    revision: str | None
    date: str | None


class FindingDocument(Struct):
    """Something that is no need, and should be known.

    Attributes:
        level: its weight; only an error changes the exit code.
        subject: what it is about.
        message: what is to be said of the subject, which it does not repeat.
    """

    level: LevelText
    subject: str
    message: str


class ProviderDocument(Struct):
    """A nixpkgs attribute that has a file of the wanted name.

    Attributes:
        attr: as one writes it below pkgs.
        output: that holds the file; where ``attr`` itself ends in an output, that one.
        path: of the file, below the store path.
        store_path: /nix/store/<hash>-<name> as the index recorded it; null if it did not.
    """

    attr: str
    output: str
    path: str
    store_path: str | None


class ObjectDocument(Struct):
    """An ELF file, as the loader sees it.

    Attributes:
        path: member path relative to the root of the wheel.
        machine: as uname -m names it; em-N for a machine number without a name.
        soname: DT_SONAME.
        needed: DT_NEEDED, sorted.
        rpath: DT_RPATH entries in search order.
        runpath: DT_RUNPATH entries in search order.
        interpreter: PT_INTERP; null for a library or a static program.
        versions: symbol versions asked of each soname.
    """

    path: str
    machine: str
    soname: str | None
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]
    interpreter: str | None
    versions: Mapping[str, tuple[str, ...]]


class UnusedDocument(Struct):
    """Why a need is not used.

    Attributes:
        backends: whose files alone want it, sorted.
        chosen: the backend that is used instead; empty if none is.
        clue: what decided between them.
        evidence: what says so, for all clues but nixpkgs.
        reason: the same in one clause.
    """

    backends: tuple[str, ...]
    chosen: str
    clue: Annotated[str, _one_of(*WishClue)]
    evidence: str
    reason: str


class RefusedDocument(Struct):
    """Why a need that only plugins have is left out: nixpkgs refuses its provider.

    Attributes:
        attr: the provider.
        permissions: settings of nixpkgs' configuration without which it refuses it.
        reason: the same in one clause.
    """

    attr: str
    permissions: tuple[PermissionText, ...]
    reason: str


class NeedDocument(Struct):
    """A soname wanted by some objects for one machine type.

    Attributes:
        soname: what is wanted.
        machine: machine type of the objects.
        need_class: who answers it.
        wanted_by: member paths, sorted.
        distribution: for class sibling: who brings it.
        reason: why it is in its class, in one clause.
        cause: the reason as data.
        providers: nixpkgs attributes that have the file, best first.
        versions: symbol versions asked of it by all of wanted_by.
        optional: plugins alone want it.
        unused: null, or why nothing is brought for it: only files for other backends want it.
        refused: null, or why nothing is brought for it: nixpkgs refuses what only plugins want.
    """

    soname: str
    machine: str
    need_class: ClassText = field(name="class")
    wanted_by: tuple[str, ...]
    distribution: str | None
    reason: str
    cause: Cause
    providers: tuple[ProviderDocument, ...]
    versions: tuple[str, ...]
    optional: bool
    unused: UnusedDocument | None
    refused: RefusedDocument | None


class AlternativeDocument(Struct):
    """Files of a wheel for one backend, beside others for other backends, of which one is used.

    Attributes:
        backend: name and major version: cuda12, rocm7, xpu2026, vulkan, cpu.
        family: paths of the files with * in place of the backend, sorted.
        files: member paths, sorted.
        chosen: whether these are used.
        missing: sonames that they need and nobody provides who is known to be there, sorted.
    """

    backend: str
    family: tuple[str, ...]
    files: tuple[str, ...]
    chosen: bool
    missing: tuple[str, ...]


class NoteDocument(Struct):
    """What an entry of .note.dlopen says beside the names.

    Attributes:
        feature: what the library is for, in one word.
        description: the same for people.
        priority: how much it is wanted.
    """

    feature: str | None
    description: str | None
    priority: Annotated[str, _one_of("required", "recommended", "suggested")]


class OpeningDocument(Struct):
    """A place where a file opens a library, or runs a program, by name at run time.

    Attributes:
        file: member path.
        line: of the call; null for an ELF file.
        kind: an entry of .note.dlopen, a string of an ELF file that uses dlopen, a call in a Python source,
            or a program that a Python source runs.
        names: file names, absolute paths, or libx.so for any version of a library, in the order in which they
            are tried.
        optional: failing is survived; false where that cannot be told.
        answered: the name that the answer is about: the first that has one; null without an answer.
        need_class: who answers that name; null for a program.
        distribution: for class sibling: who brings it.
        providers: nixpkgs attributes that have the file of that name, best first.
        form: how Nix code answers it: the source gets the path in place of the name, run paths of the ELF
            files lead to it, a shim that starts with the interpreter finds it, or not at all.
        held: why no code is written though there is an answer: the wheel has that library, the same file
            opens a newer one, it is for another GPU, nixpkgs refuses it without a permission; else null.
        permissions: settings of nixpkgs' configuration without which it refuses the first provider.
        note: what the note says, for kind note.
    """

    file: str
    line: Line | None
    kind: Annotated[str, _one_of("note", "string", "ctypes", "find_library", "cffi", "program")]
    names: Annotated[tuple[str, ...], Meta(min_length=1)]
    optional: bool
    answered: str | None
    need_class: ClassText | None = field(name="class")
    distribution: str | None
    providers: tuple[ProviderDocument, ...]
    form: Annotated[str, _one_of("substitute", "run-path", "shim", "none")]
    held: Annotated[str, _one_of("carried", "newer", "other-gpu", "refused")] | None
    permissions: tuple[PermissionText, ...]
    note: NoteDocument | None


class LostOpeningDocument(Struct):
    """A library that is opened through a run path that auto-patchelf drops without --preserve-origin.

    Attributes:
        file: member that opens it.
        name: as it is opened.
        entry: of the run path, which leads there.
        path: member that is opened.
    """

    file: str
    name: str
    entry: str
    path: str


class BreachDocument(Struct):
    """Something that files ask for and a policy does not allow.

    Attributes:
        kind: a version of symbols, a library, a private symbol of a library, a level of the processor.
        name: GLIBC_2.34, libxcb.so.1, inflate_fast, x86-64-v3.
        soname: library that a version or symbol is asked of; empty for the other kinds.
        files: member paths, sorted.
    """

    kind: Annotated[str, _one_of(*BreachKind)]
    name: str
    soname: str
    files: tuple[str, ...]


class TagDocument(Struct):
    """Whether the files do what a platform tag promises.

    Attributes:
        tag: platform tag of the file name.
        state: it holds; it is broken; no policy is for it, and the one before does not allow all while the
            one after may; no policy is for its C library and machine, or near enough; symbols of a file could
            not be read; no file is for its machine; it promises nothing (linux_*, any); it is not for Linux.
        policy: that was asked, without the machine; empty without one.
        breaches: what that policy does not allow.
        fitting: platform tags of the policy for the oldest systems that allows all; empty if none does.
    """

    tag: str
    state: Annotated[str, _one_of(*TagState)]
    policy: str
    breaches: tuple[BreachDocument, ...]
    fitting: tuple[str, ...]


class CondaDocument(Struct):
    """What a package of conda is, besides its name and version.

    Attributes:
        build: its build string.
        subdir: of the channel: linux-64, noarch.
        noarch: python, generic, or empty for a package of one platform.
        scripts: whether it has a program that conda runs before or after linking it.
    """

    build: str
    subdir: str
    noarch: str
    scripts: bool


class ScanDocument(Struct, tag_field="schema", tag="wheelfix.scan/2"):
    """Result of `wheelfix scan` for one target.

    Several targets give a JSON array of these documents. Fields may be added within version 2; none is
    removed or changes its meaning.

    Attributes:
        target: file name of the wheel.
        name: distribution name, normalised (PEP 503).
        version: of the distribution.
        tags: expanded compatibility tags.
        requires_dist: Requires-Dist lines of the metadata, as they are.
        index: which index answered.
        machine: machine type that build_inputs and ignore_missing are for; null without ELF files.
        objects: every ELF file, sorted by path.
        needs: sorted by soname, then machine.
        openings: sorted by file, then line.
        build_inputs: nixpkgs attributes the wheel needs, as one writes them below pkgs.
        baseline_inputs: the subset that uv2nix and poetry2nix add by themselves for the wheel's tag.
        ignore_missing: exact entries for autoPatchelfIgnoreMissingDeps.
        findings: what else is to be known.
        variant: label of the wheel variant (PEP 825); empty for a wheel that is none.
        alternatives: files for different backends, best first.
        lost_openings: sorted by file, then name.
        attributes: what nixpkgs says of the attributes that are named above, by attribute.
        nixpkgs: which nixpkgs says it.
        policies: whether each platform tag holds, by auditwheel's policies, sorted by tag.
        conda: of a package of conda, whose name is conda's own, and whose requires_dist are match
            specifications; null for any other distribution.
    """

    target: str
    name: str
    version: str
    tags: tuple[str, ...]
    requires_dist: tuple[str, ...]
    index: AskedIndexDocument
    machine: str | None
    objects: tuple[ObjectDocument, ...]
    needs: tuple[NeedDocument, ...]
    openings: tuple[OpeningDocument, ...]
    build_inputs: tuple[str, ...]
    baseline_inputs: tuple[str, ...]
    ignore_missing: tuple[str, ...]
    findings: tuple[FindingDocument, ...]
    variant: str
    alternatives: tuple[AlternativeDocument, ...]
    lost_openings: tuple[LostOpeningDocument, ...]
    attributes: Mapping[str, AttributeDocument]
    nixpkgs: NixpkgsDocument | None
    policies: tuple[TagDocument, ...]
    conda: CondaDocument | None


class StepDocument(Struct):
    """One question on the way to a class.

    Attributes:
        question: what was asked.
        answer: in one clause.
        need_class: set if the answer decides.
        cause: the answer as data.
        evidence: what the answer rests on, one line each.
    """

    question: str
    answer: str
    need_class: ClassText | None = field(name="class")
    cause: Cause
    evidence: tuple[str, ...]


class TraceDocument(Struct, tag_field="schema", tag="wheelfix.trace/1"):
    """Result of `wheelfix scan --explain SONAME` for one distribution and machine type.

    The command prints a JSON array of these documents.

    Attributes:
        target: file name of the wheel.
        need: what is wanted, and the answer.
        steps: the questions in the order in which they were asked; the last one decided.
        openings: who opens it by name, where nothing is linked against it.
    """

    target: str
    need: NeedDocument
    steps: tuple[StepDocument, ...]
    openings: tuple[OpeningDocument, ...]


class RankedProviderDocument(Struct):
    """A nixpkgs attribute that has a file of the wanted name, and how it is ranked.

    Attributes:
        attr: as one writes it below pkgs.
        output: that holds the file; where ``attr`` itself ends in an output, that one.
        path: of the file, below the store path.
        store_path: /nix/store/<hash>-<name> as the index recorded it; null if it did not.
        version: taken from the store path's name.
        score: its rank; comparable only among the providers of one name.
        why: one short sentence for each rule that moved the score.
    """

    attr: str
    output: str
    path: str
    store_path: str | None
    version: str | None
    score: int
    why: tuple[str, ...]


class LocatedDocument(Struct):
    """One name, and who provides it.

    Attributes:
        name: as it was asked for, or as a pattern found it.
        kind: what was looked for.
        soname: the name, if it is a library's; else null.
        need_class: who has it.
        note: a remark on the answer.
        providers: best first.
        nearest: other majors of a library in the index; for a name that nobody has, those that are near; for
            a program, the libraries that are called so. Nearest first.
        holders: the attributes that have them, by name, where the name itself has no provider.
        attributes: what nixpkgs says of the providers' attributes, by attribute.
    """

    name: str
    kind: Annotated[str, _one_of(*NameKind)]
    soname: str | None
    need_class: Annotated[str, _one_of("provided", "driver", "libc", "python", "unknown", "ambiguous")] = (
        field(name="class")
    )
    note: str | None
    providers: tuple[RankedProviderDocument, ...]
    nearest: tuple[str, ...]
    holders: Mapping[str, str]
    attributes: Mapping[str, AttributeDocument]


class LocateDocument(Struct, tag_field="schema", tag="wheelfix.locate/1"):
    """Result of `wheelfix locate`.

    Attributes:
        index: which index answered.
        results: one per name, in the order asked; a pattern stands for all names it matches, sorted.
    """

    index: AskedIndexDocument
    results: tuple[LocatedDocument, ...]


class FileDocument(Struct, tag_field="schema", tag="wheelfix.file/1"):
    """One file of one package, of those that `wheelfix locate --any-file` found.

    The command prints a JSON array of these documents, empty if there is no such file.

    Attributes:
        attr: as the database records it.
        output: that holds the file.
        store_path: /nix/store/<hash>-<name>.
        kind: regular, executable, symbolic link or directory.
        path: from the root of the store path.
        size: bytes of a file.
        toplevel: false for a package that is only known as a dependency of another one.
    """

    attr: str
    output: str
    store_path: str
    kind: Annotated[str, _one_of("r", "x", "s", "d")]
    path: str
    size: int
    toplevel: bool


class KnownNixpkgsDocument(NixpkgsDocument):
    """The nixpkgs that answers are held against, and how much of it is known.

    Attributes:
        source: bundled, or own: evaluated by this user's Nix, and kept.
        release: of nixpkgs.
        revision: its commit; null if that is not known.
        date: day of the commit, ISO 8601; null if that is not known.
        python: version of its python3.
        attributes: number of attributes that are known.
        python_packages: number of packages of python3Packages that are known.
    """

    python: str
    attributes: int
    python_packages: int


class IndexDocument(Struct, tag_field="schema", tag="wheelfix.index/1"):
    """One place where an index may be, of those that `wheelfix index info` tells.

    The command prints a JSON array of these documents, in the order in which the places are asked.

    Attributes:
        name: whose index it is.
        path: of the database or table.
        state: what is there, in one clause.
        used: a command without --index asks this one.
        nixpkgs: the nixpkgs that its answers are held against.
    """

    name: Annotated[str, _one_of("nix-index", "fetched", "bundled")]
    path: str
    state: str
    used: bool
    nixpkgs: KnownNixpkgsDocument


class MessagePackageDocument(Struct):
    """The distribution that a message is about.

    Attributes:
        name: normalised (PEP 503).
        version: null where no path names it.
        site: the site-packages it lies in, as the text writes it.
        environment: the virtual environment around it; null in the Nix store or elsewhere.
    """

    name: str
    version: str | None
    site: str | None
    environment: str | None


class MissingDocument(Struct):
    """A library that is missing now, or will be next.

    Attributes:
        soname: what is missing.
        need_class: who can bring it.
        reason: why it is in its class, in one clause.
        cause: the reason as data.
        wanted_by: path of a file that wants it.
        named: the text names it; false for what the look into the installed package found.
        distribution: for class sibling: who brings it.
        providers: nixpkgs attributes that have the file, best first.
        linked: a file is, or may be, linked against it; if not, inputs do nothing for it.
        openings: where the package opens it by name, and what answers that.
    """

    soname: str
    need_class: ClassText = field(name="class")
    reason: str
    cause: Cause
    wanted_by: str | None
    named: bool
    distribution: str | None
    providers: tuple[ProviderDocument, ...]
    linked: bool
    openings: tuple[OpeningDocument, ...]


class TroubleDocument(Struct):
    """Something else than a missing library.

    Attributes:
        kind: what the message complains about.
        what: what happened, in a sentence or two.
        answered: the advice is known to help; false if the message does not tell enough.
    """

    kind: Annotated[
        str,
        _one_of(
            "version",
            "symbol",
            "wrong-class",
            "broken",
            "executable-stack",
            "static-tls",
            "no-loader",
            "plugin",
            "two-libcs",
            "no-preload",
            "insecure",
            "no-ldconfig",
            "no-program",
            "build-system",
            "header",
            "header-path",
            "pkg-config",
            "cmake-package",
            "linked",
            "program",
            "library",
            "network",
            "collision",
            "duplicate",
            "no-wheel",
            "wheel-tag",
            "broken-link",
            "hook",
            "attribute",
            "refused",
            "hash",
            "outdated",
            "project",
            "foreign-program",
            "no-driver",
            "stub-driver",
            "driver-mismatch",
            "no-cuda",
            "driver-file",
            "no-opencl",
            "no-vulkan",
            "no-opengl",
            "no-toolkit",
            "cpu-build",
            "no-compiler",
            "no-kernels",
            "no-container-driver",
            "no-plugin",
            "two-qts",
            "no-display",
            "no-video",
            "no-audio",
            "no-typelib",
            "no-tkinter",
            "no-tcl",
            "no-fonts",
            "no-odbc",
            "no-geodata",
            "no-browser",
            "no-element",
            "no-place",
        ),
    ]
    what: str
    answered: bool


class PasteDocument(Struct):
    """A piece of Nix code.

    Attributes:
        place: where it belongs.
        code: what to paste there.
    """

    place: str
    code: str


class ExplainDocument(Struct, tag_field="schema", tag="wheelfix.explain/1"):
    """Why a shared library was not found, and what to do: result of `wheelfix explain`.

    Attributes:
        concerned: the text says anything about shared libraries.
        package: null if nothing tells which distribution it is.
        interpreter: whose Python ran; null if nothing tells.
        missing: what the text names, in its order; then what will be missing next.
        troubles: other things that went wrong, in the order of the text.
        build_inputs: nixpkgs attributes that the missing libraries come from.
        ignore_missing: exact entries for autoPatchelfIgnoreMissingDeps.
        siblings: distributions that bring the rest.
        looked_into: what was scanned to find what will be missing next.
        truncated: there was more than is kept; the rest of the text was not read.
        dialect: the tool that paste is written for.
        paste: what to paste into the Nix code.
        now: what helps without a build: shell lines, or sentences.
        command: reads the package itself and writes the code, where the text does not tell all that it opens
            by name; else null.
        index: which index answered.
    """

    concerned: bool
    package: MessagePackageDocument | None
    interpreter: Annotated[str, _one_of("nixpkgs", "uv-managed", "conda", "pyenv", "FHS")] | None
    missing: tuple[MissingDocument, ...]
    troubles: tuple[TroubleDocument, ...]
    build_inputs: tuple[str, ...]
    ignore_missing: tuple[str, ...]
    siblings: tuple[str, ...]
    looked_into: str | None
    truncated: bool
    dialect: DialectText
    paste: tuple[PasteDocument, ...]
    now: tuple[str, ...]
    command: str | None
    index: AskedIndexDocument


class TriedDocument(Struct):
    """A module that was imported, or was not.

    Attributes:
        distribution: normalised (PEP 503).
        version: as its metadata writes it.
        module: dotted name.
        compiled: it is a compiled module that was imported by itself, after the one at the top.
        outcome: what became of it: a shared library is missing or does not fit; only libraries of a GPU
            driver are missing; a distribution is not installed; another exception; a signal or an exit ended
            the process; it was not done in time, or not tried as others before it ended their process.
        counts: the exit code is 1 because of it.
        error: first and last line of the exception; null if there was none.
        code: number of the signal, or exit code, that ended the process; null if it went on.
        absent: for outcome uninstalled: the module that was not found.
        missing: libraries that are missing, and who has them; where the text names none, what the
            distribution that raised the error lacks, which may be why.
        troubles: other things that are wrong with libraries.
        output: the traceback, or what the process wrote last to stderr; empty for an imported module.
    """

    distribution: str
    version: str
    module: str
    compiled: bool
    outcome: Annotated[
        str,
        _one_of(
            "imported",
            "library",
            "driver",
            "uninstalled",
            "error",
            "crash",
            "exit",
            "timeout",
            "untried",
        ),
    ]
    counts: bool
    error: str | None
    code: int | None
    absent: str | None
    missing: tuple[MissingDocument, ...]
    troubles: tuple[TroubleDocument, ...]
    output: str


class TryDocument(Struct, tag_field="schema", tag="wheelfix.try/1"):
    """Which modules of an environment import: result of `wheelfix try`.

    Attributes:
        environment: as the user named it.
        python: version of its Python.
        namespace: they were imported where there is nothing else; false on this system as it is.
        borrowed: libraries of this system that its Python needs itself, so that packages find them, too.
        tried: sorted by distribution, then modules at the top, then compiled ones.
        below: number of compiled modules that were not tried, as the module at the top failed.
        now: what helps: shell lines, or sentences.
        findings: what was left out, and why.
        answered: all that count are imported.
    """

    environment: str
    python: str
    namespace: bool
    borrowed: tuple[str, ...]
    tried: tuple[TriedDocument, ...]
    below: int
    now: tuple[str, ...]
    findings: tuple[FindingDocument, ...]
    answered: bool


class CheckFindingDocument(Struct):
    """One thing to change in a file, or to know about it.

    Attributes:
        rule: which check found it.
        level: its weight; only an error changes the exit code.
        line: where it is; null if it is about something that is not there.
        column: in characters; null as line is.
        package: which package it is about.
        subject: the soname, attribute or entry in question.
        message: what is wrong, in one clause.
        suggestion: what to write instead; empty if there is nothing.
    """

    rule: Annotated[
        str,
        _one_of(
            "missing-override",
            "missing-input",
            "missing-ignore",
            "unanswered",
            "replaced-inputs",
            "misspelt-attribute",
            "misspelt-input",
            "misspelt-soname",
            "wrong-list",
            "unneeded-input",
            "already-added",
            "renamed-input",
            "unknown-input",
            "ignores-all",
            "ignored-pattern",
            "ignored-provided",
            "ignored-unwanted",
            "sibling-unreached",
            "not-understood",
            "not-checked",
        ),
    ]
    level: LevelText
    line: Line | None
    column: Line | None
    package: str | None
    subject: str
    message: str
    suggestion: str


class CheckDocument(Struct, tag_field="schema", tag="wheelfix.check/1"):
    """Result of `wheelfix override --check FILE`: what a check of a Nix file with overrides found.

    Attributes:
        file: as the user named it.
        findings: errors first, then warnings and notes, each in file order.
    """

    file: str
    findings: tuple[CheckFindingDocument, ...]


class ChosenPackageDocument(Struct):
    """A package of a lock, what it is taken from, and what that needs.

    Attributes:
        name: normalised (PEP 503).
        version: null where the lock has none.
        provider: what it is taken from.
        file: the wheel or source distribution; null for nixpkgs, and where only hashes are known.
        attr: nixpkgs' build, below pkgs.
        build_inputs: nixpkgs attributes the wheel needs.
        ignore_missing: exact entries for autoPatchelfIgnoreMissingDeps.
        searches: packages whose directories are searched.
        needs: of the wheel, sorted by soname, then machine.
        openings: of the wheel, sorted by file, then line.
        passed_over: the wheel that the package set takes by itself, which file replaces; else null.
    """

    name: str
    version: str | None
    provider: Annotated[str, _one_of("wheel", "sdist", "nixpkgs", "conda")]
    file: str | None
    attr: str | None
    build_inputs: tuple[str, ...]
    ignore_missing: tuple[str, ...]
    searches: tuple[str, ...]
    needs: tuple[NeedDocument, ...]
    openings: tuple[OpeningDocument, ...]
    passed_over: str | None


class BuildDocument(Struct):
    """A package that is built from source instead of taken as a wheel.

    Attributes:
        name: normalised (PEP 503).
        version: empty where the lock has none.
        requires: its build system, normalised names.
        cargo: Rust is compiled.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    cargo: bool


class LockAdapterDocument(Struct):
    """A package, and nixpkgs' build that replaces its wheel.

    Attributes:
        name: normalised (PEP 503).
        attr: the build, below pkgs.
        stripped: dependencies that are taken away.
        reason: why it is replaced with another package; empty where the user named it.
    """

    name: str
    attr: str
    stripped: tuple[str, ...]
    reason: str


class CollisionDocument(Struct):
    """Files that several distributions install to the same places.

    Attributes:
        kind: the same content, an __init__.py of a namespace package, tests and the like at the top of
            site-packages, licences and read-me files, two programs of one name, or two distributions with the
            same module.
        distributions: normalised names.
        paths: relative to the environment; site-packages is lib/python3/site-packages.
        fix: pattern that matches in the environment, for venvSkip and venvIgnoreCollisions; null where none
            is needed or possible.
    """

    kind: Annotated[str, _one_of("identical", "namespace", "leftover", "paper", "program", "real")]
    distributions: tuple[str, ...]
    paths: tuple[str, ...]
    fix: str | None


class CondaPackageDocument(Struct):
    """A package of conda in a lock, for one platform, and what that needs.

    Attributes:
        name: conda's own name.
        version: conda's own version; empty for a package without a file whose version is not locked.
        build: its build string.
        subdir: of the channel: linux-64, noarch.
        file: name of its file; null for a package that pixi builds from sources.
        source: where these sources are; null for a package with a file.
        url: null for a file beside the lock, and without one.
        path: of a file beside the lock, relative to it; else null.
        sha256: of the file; null where neither the lock nor a reading has it.
        md5: as the lock has it, or null.
        build_inputs: nixpkgs attributes that it needs, and that no package of the environment has.
        needs: sorted by soname, then machine; empty where it was not read.
    """

    name: str
    version: str
    build: str
    subdir: str
    file: str | None
    source: str | None
    url: str | None
    path: str | None
    sha256: str | None
    md5: str | None
    build_inputs: tuple[str, ...]
    needs: tuple[NeedDocument, ...]


class LockDocument(Struct, tag_field="schema", tag="wheelfix.lock/1"):
    """Result of `wheelfix lock`: what an overlay for a lock rests on.

    The overlay itself is not in it: it is written to the file named with -o.

    Attributes:
        lock: file name of the lock.
        python: version of Python that wheels are chosen for.
        system: Nix system.
        dialect: the tool that the overlay is written for.
        packages: what each is taken from.
        builds: packages that are built from source.
        adapters: packages that nixpkgs' build replaces.
        collisions: files that several distributions install to the same places.
        findings: what is left open, and what else is to be known.
        read: wheels and packages of conda that were read; the others were known.
        conda: packages of conda of the environment, sorted by name.
    """

    lock: str
    python: str
    system: str
    dialect: DialectText
    packages: tuple[ChosenPackageDocument, ...]
    builds: tuple[BuildDocument, ...]
    adapters: tuple[LockAdapterDocument, ...]
    collisions: tuple[CollisionDocument, ...]
    findings: tuple[FindingDocument, ...]
    read: tuple[str, ...]
    conda: tuple[CondaPackageDocument, ...]


class AnswerDocument(Struct):
    """What is done about one need of one file.

    Attributes:
        soname: what is wanted.
        answer: kept: it is answered as the file is. added: a directory is added to the run path. pinned: the
            directory of the copy that the file used to find is written into its own run path. left: somebody
            else brings it. brought: nixpkgs has it, in an attribute that Nix has to bring first. open:
            nothing at hand answers it.
        directory: entry that answers it from now on, where one is added; for what a Python source opens, the
            directory of the library.
        attr: path below pkgs of the output that Nix has to bring; else null.
        reason: one clause.
        opened: the file opens it by name; what is left of these is no need.
        optional: only plugins want it, and the rest works without; it does not count for the exit code.
    """

    soname: str
    answer: Annotated[str, _one_of("kept", "added", "pinned", "left", "brought", "open")]
    directory: str | None
    attr: str | None
    reason: str
    opened: bool
    optional: bool


class PatchedFileDocument(Struct):
    """An ELF file, and what becomes of it.

    Attributes:
        path: member path, or path relative to site-packages.
        distribution: normalised name; empty for files of none.
        changes: an edit was planned.
        run_path: entries after the edit, in search order.
        interpreter: program loader it is given.
        method: how the edit was done; null if it was not.
        problem: why the file is as it was though an edit was wanted.
        needs: in the order of DT_NEEDED, then what it opens by name.
    """

    path: str
    distribution: str
    changes: bool
    run_path: tuple[str, ...]
    interpreter: str | None
    method: str | None
    problem: str | None
    needs: tuple[AnswerDocument, ...]


class ShimFileDocument(Struct):
    """A file of a shim.

    Attributes:
        path: member path, or path relative to site-packages.
        method: write: it is new, or other than before. none: it is there. null: it could not be written.
        problem: why not.
    """

    path: str
    method: Annotated[str, _one_of("write", "none")] | None
    problem: str | None


class ShimDocument(Struct):
    """What finds the libraries that the Python sources of one distribution open by name.

    Attributes:
        distribution: normalised name.
        answers: one per name, sorted.
        modules: the modules for whose code it answers, sorted; empty if there is no shim.
        files: empty if there is no shim, and for the plan of a wheel.
    """

    distribution: str
    answers: tuple[AnswerDocument, ...]
    modules: tuple[str, ...]
    files: tuple[ShimFileDocument, ...]


class SupplyDocument(Struct):
    """An output of a package of nixpkgs that has what nothing at hand has.

    Attributes:
        attr: path below pkgs of the output, such as onetbb.out.
        sonames: what it has that is wanted, sorted: sonames, names that are opened, program loaders.
        files: paths of the ELF files that want it, sorted.
        distributions: whose Python sources want it, sorted.
        permissions: settings of nixpkgs' configuration without which it refuses the package.
        problem: why it is not brought; null if it is, or would be.
    """

    attr: str
    sonames: tuple[str, ...]
    files: tuple[str, ...]
    distributions: tuple[str, ...]
    permissions: tuple[PermissionText, ...]
    problem: str | None


class SuppliesDocument(Struct):
    """What Nix brought, or has to bring.

    Attributes:
        nixpkgs: a path, a path of NIX_PATH, or a flake reference; null if store paths of the index are taken.
        origin: who named it.
        outputs: sorted by attribute.
        command: brings them, with garbage collector roots; empty if there is nothing to bring.
        problem: why it could not be run; null if it was, or need not be.
    """

    nixpkgs: str | None
    origin: str
    outputs: tuple[SupplyDocument, ...]
    command: tuple[str, ...]
    problem: str | None


class PatchDocument(Struct, tag_field="schema", tag="wheelfix.patch/1"):
    """Result of `wheelfix patch`.

    Attributes:
        target: file name of the wheel, or directory of the environment.
        output: path of the patched wheel; null for an environment, and for a plan alone.
        applied: false under --dry-run, and where Nix would have to bring something and is not there: nothing
            was written.
        settled: nothing has changed since the last run, and all else is what that run would say now.
        supplies: what Nix brought, or has to bring; null if it is not asked.
        files: ELF files that were chosen, sorted by path; empty for --undo.
        shims: one per distribution whose Python sources open what nothing in it brings, sorted.
        findings: what else is to be known.
    """

    target: str
    output: str | None
    applied: bool
    settled: bool
    supplies: SuppliesDocument | None
    files: tuple[PatchedFileDocument, ...]
    shims: tuple[ShimDocument, ...]
    findings: tuple[FindingDocument, ...]


class InputDocument(Struct):
    """A nixpkgs attribute that supplies libraries.

    Attributes:
        attr: as one writes it below pkgs.
        reason: one clause.
        baseline: uv2nix and poetry2nix add it by themselves for the wheel's tag, so the code leaves it out.
        permissions: settings of nixpkgs' configuration without which it refuses the attribute.
    """

    attr: str
    reason: str
    baseline: bool
    permissions: tuple[PermissionText, ...]


class RunPathInputDocument(Struct):
    """A nixpkgs attribute whose libraries are opened by name, and reached by a run path alone.

    Attributes:
        attr: as one writes it below pkgs.
        reason: one clause.
    """

    attr: str
    reason: str


class IgnoredDocument(Struct):
    """A soname that auto-patchelf must not look for.

    Attributes:
        soname: the exact entry for autoPatchelfIgnoreMissingDeps.
        reason: one clause.
    """

    soname: str
    reason: str


class SearchDocument(Struct):
    """A directory that auto-patchelf would not look into by itself.

    Attributes:
        directory: relative to site-packages for a distribution, to the store path for an attribute.
        distribution: Python package that has it; null for an attribute.
        attr: nixpkgs attribute that has it; null for a distribution.
        certain: the wheel itself requires the distribution; else the package set may lack it.
        reason: one clause.
    """

    directory: str
    distribution: str | None
    attr: str | None
    certain: bool
    reason: str


class DependencyDocument(Struct):
    """A distribution, and why it goes or stays.

    Attributes:
        name: normalised (PEP 503).
        reason: one clause.
    """

    name: str
    reason: str


class DependenciesDocument(Struct):
    """What becomes of a package's dependencies when nixpkgs brings what is in them.

    Attributes:
        stripped: its own dependencies that are taken away, those of its extras too.
        added: what it requires only through those that are taken away, and keeps.
        leaving: distributions that leave the environment with them, as nobody else wants them.
        kept: dependencies that look like candidates and are not.
        staying: redundant distributions that another dependency still wants.
        evidence: where the dependencies' own dependencies come from, in one clause.
    """

    stripped: tuple[DependencyDocument, ...]
    added: tuple[str, ...]
    leaving: tuple[DependencyDocument, ...]
    kept: tuple[DependencyDocument, ...]
    staying: tuple[DependencyDocument, ...]
    evidence: str


class RequirementDocument(Struct):
    """A distribution that a complete package requires, and what nixpkgs has of it.

    Attributes:
        name: normalised (PEP 503).
        attr: its package in the Python package set; null if nixpkgs has not got it.
        extras: of it that are asked for, sorted.
        refused: the requirement that nixpkgs' version does not meet, and that version; null if it does.
        unfree: nixpkgs takes it with allowUnfree only.
        insecure: the same for permittedInsecurePackages.
        broken: nixpkgs marks it as broken.
    """

    name: str
    attr: str | None
    extras: tuple[str, ...]
    refused: str | None
    unfree: bool
    insecure: bool
    broken: bool


class OpenedLibraryDocument(Struct):
    """A library that Python code opens by name.

    Attributes:
        name: as it is opened.
        attr: nixpkgs attribute that has it; null for the GPU driver.
        path: path in an output of the attribute, or absolute for the GPU driver.
        reason: the call, and the form of the code, in one clause.
        permissions: settings of nixpkgs' configuration without which it refuses the attribute.
    """

    name: str
    attr: str | None
    path: str
    reason: str
    permissions: tuple[PermissionText, ...]


class SubstitutionDocument(Struct):
    """A text in a Python source that code replaces.

    Attributes:
        file: path relative to site-packages.
        old: text that is in the file once.
        before: what replaces it, up to the path of the library.
        after: what comes behind the path.
        library: what is opened by its path then.
    """

    file: str
    old: str
    before: str
    after: str
    library: OpenedLibraryDocument


class LoaderShimDocument(Struct):
    """A module beside a package that finds libraries by the names that its code opens.

    Attributes:
        modules: the modules for whose code it answers, sorted.
        libraries: sorted by name.
        preload: names among these that compiled code opens by itself, sorted.
        variables: of the environment, which it sets when one of the modules is imported; by name.
        r_packages: attributes below rPackages, sorted, which it lets R find.
    """

    modules: tuple[str, ...]
    libraries: tuple[OpenedLibraryDocument, ...]
    preload: tuple[str, ...]
    variables: tuple[OpenedLibraryDocument, ...]
    r_packages: tuple[str, ...]


class VariableDocument(Struct):
    """An environment variable, or a setting, by which a package finds what it opens or runs.

    Attributes:
        name: of the variable.
        attr: nixpkgs attribute that has it; null without one.
        value: path in an output of the attribute, or the value itself; null if it has to be unset.
        setting: it belongs to the program's own configuration, not to the environment.
        reason: one clause.
    """

    name: str
    attr: str | None
    value: str | None
    setting: bool
    reason: str


class OverriddenPackageDocument(Struct):
    """What the override of one wheel says, and what it rests on.

    Attributes:
        name: normalised (PEP 503); empty for files of no distribution.
        version: of the wheel.
        target: file name of the wheel.
        inputs: sorted by attribute.
        ignored: exact entries for autoPatchelfIgnoreMissingDeps, those of one reason together.
        searches: sorted.
        driver: libraries of the GPU driver, to which the run path has to lead.
        run_path_inputs: sorted by attribute.
        substitutions: in Python sources that open libraries by name, sorted by file.
        shim: what answers the sources that cannot be changed exactly; else null.
        variables: by which its code finds more.
        dependencies: what is taken away; null where nothing is.
        requirements: what a complete package for nixpkgs requires, sorted by name; null in other dialects.
        hints: what a person should read, one paragraph each.
        needs: sorted by soname, then machine.
        openings: sorted by file, then line.
        interpreter: why the package set's own Python is an input, where it is not one anyway; else null.
        lost_openings: sorted by file, then name.
    """

    name: str
    version: str
    target: str
    inputs: tuple[InputDocument, ...]
    ignored: tuple[IgnoredDocument, ...]
    searches: tuple[SearchDocument, ...]
    driver: tuple[str, ...]
    run_path_inputs: tuple[RunPathInputDocument, ...]
    substitutions: tuple[SubstitutionDocument, ...]
    shim: LoaderShimDocument | None
    variables: tuple[VariableDocument, ...]
    dependencies: DependenciesDocument | None
    requirements: tuple[RequirementDocument, ...] | None
    hints: tuple[str, ...]
    needs: tuple[NeedDocument, ...]
    openings: tuple[OpeningDocument, ...]
    interpreter: str | None
    lost_openings: tuple[LostOpeningDocument, ...]


class ReplacedPackageDocument(Struct):
    """A package whose wheel nixpkgs' build replaces.

    Attributes:
        name: normalised (PEP 503).
        version: of the wheel.
        target: file name of the wheel, or the requirement.
        attr: the build, below pkgs.
        python: attribute of the interpreter that the build belongs to.
        dependencies: what becomes of them.
        reason: why it is replaced with another package; empty where the user named it.
    """

    name: str
    version: str
    target: str
    attr: str
    python: str
    dependencies: DependenciesDocument
    reason: str


class OverrideDocument(Struct, tag_field="schema", tag="wheelfix.override/1"):
    """Result of `wheelfix override`.

    Attributes:
        dialect: the tool that the code is written for.
        cuda: where CUDA libraries come from.
        packages: wheels that stay, in the order of the targets.
        adapters: wheels that nixpkgs' build replaces, in the order of the targets.
        code: the Nix code.
        findings: what else is to be known.
        answered: nothing was left without an answer: the exit code is 0.
    """

    dialect: DialectText
    cuda: Annotated[str, _one_of("prebuilt", "nixpkgs", "wheels")]
    packages: tuple[OverriddenPackageDocument, ...]
    adapters: tuple[ReplacedPackageDocument, ...]
    code: str
    findings: tuple[FindingDocument, ...]
    answered: bool


class AdapterDocument(Struct, tag_field="schema", tag="wheelfix.adapter/1"):
    """Result of `wheelfix adapter`.

    Attributes:
        target: file name of the wheel, or the requirement.
        name: normalised (PEP 503).
        version: of the wheel.
        attr: nixpkgs' build, below pkgs.
        python: attribute of the interpreter that the build belongs to.
        dependencies: what becomes of them.
        together: packages that have to come from nixpkgs with it.
        code: the Nix code.
        findings: what else is to be known.
        answered: nothing was left without an answer: the exit code is 0.
    """

    target: str
    name: str
    version: str
    attr: str
    python: str
    dependencies: DependenciesDocument
    together: tuple[ReplacedPackageDocument, ...]
    code: str
    findings: tuple[FindingDocument, ...]
    answered: bool


class EvidenceDocument(Struct):
    """What shows that a build needs something.

    Attributes:
        kind: where it was found: in [build-system] and what that requires in turn, an included header, a call
            of pkg-config, CMake or meson, an extension module of setup.py, [external] of pyproject.toml
            (PEP 725), the wheel of the same version, or a crate that is compiled.
        file: path in the source distribution; null where it is no single file.
        line: in that file.
        text: what it says, in one clause.
    """

    kind: Annotated[
        str,
        _one_of(
            "build-system",
            "header",
            "pkg-config",
            "cmake",
            "meson",
            "extension",
            "external",
            "wheel",
            "crate",
        ),
    ]
    file: str | None
    line: Line | None
    text: str


class BuildSystemDocument(Struct):
    """A Python package that the build needs.

    Attributes:
        name: normalised (PEP 503).
        extras: asked of it, sorted.
        evidence: what shows it.
    """

    name: str
    extras: tuple[str, ...]
    evidence: Annotated[tuple[EvidenceDocument, ...], Meta(min_length=1)]


class NativeBuildInputDocument(Struct):
    """A nixpkgs attribute with programs that the build runs.

    Attributes:
        attr: as one writes it below pkgs.
        evidence: what shows it.
    """

    attr: str
    evidence: Annotated[tuple[EvidenceDocument, ...], Meta(min_length=1)]


class LinkedInputDocument(Struct):
    """A nixpkgs attribute with libraries that the build links.

    Attributes:
        attr: as one writes it below pkgs.
        evidence: what shows it.
        optional: the package is built without it, too.
    """

    attr: str
    evidence: Annotated[tuple[EvidenceDocument, ...], Meta(min_length=1)]
    optional: bool


class GitCratesDocument(Struct):
    """A commit of a repository that crates come from.

    Attributes:
        url: of the repository.
        commit: full id.
        crates: name-version, sorted; the first one stands for all in outputHashes.
        sha256: of the checkout as a Nix archive, 64 hexadecimal digits; null where it is not at hand.
    """

    url: str
    commit: str
    crates: tuple[str, ...]
    sha256: str | None


class RustVersionDocument(Struct):
    """The oldest Rust that the build takes.

    Attributes:
        version: two or three numbers.
        evidence: who asks for it, in one clause.
    """

    version: str
    evidence: str


class CargoDocument(Struct):
    """How cargo is called.

    Attributes:
        root: directory of Cargo.lock in the source distribution; . for its top.
        root_reason: how that is known, in one clause.
        locked: Cargo.lock is in the source distribution.
        lock_file: name of the one that goes beside the generated file instead.
        channel: nightly toolchain that its authors build with.
        rust_version: null where nobody asks for one.
        vendored: directory of the crates that the source distribution brings.
        git: commits that crates come from, sorted by URL.
    """

    root: str
    root_reason: str
    locked: bool
    lock_file: str | None
    channel: str | None
    rust_version: RustVersionDocument | None
    vendored: str | None
    git: tuple[GitCratesDocument, ...]


class SdistDocument(Struct, tag_field="schema", tag="wheelfix.sdist/1"):
    """Result of `wheelfix sdist`.

    Attributes:
        target: file name of the source distribution, or name of the directory.
        name: normalised (PEP 503).
        version: of the distribution.
        build_systems: Python packages that the build needs, sorted.
        native_build_inputs: sorted; without cargo, rustc and pkg-config, which come with what builds Rust.
        inputs: sorted.
        environment: variables of the build.
        cargo: null where no Rust is compiled.
        findings: what else is to be known.
        dialect: the tool that the code is written for.
        code: the Nix code.
        answered: no finding is an error: the exit code is 0.
    """

    target: str
    name: str
    version: str
    build_systems: tuple[BuildSystemDocument, ...]
    native_build_inputs: tuple[NativeBuildInputDocument, ...]
    inputs: tuple[LinkedInputDocument, ...]
    environment: Mapping[str, str]
    cargo: CargoDocument | None
    findings: tuple[FindingDocument, ...]
    dialect: DialectText
    code: str
    answered: bool


class WrittenFileDocument(Struct):
    """A file of an environment's definition.

    Attributes:
        name: below the directory.
        code: what is in it.
        changed: it was written this time; else it was as it should be.
    """

    name: str
    code: str
    changed: bool


class EnvDocument(Struct, tag_field="schema", tag="wheelfix.env/1"):
    """Result of `wheelfix env`.

    Attributes:
        directory: as the user named it.
        python: version of Python.
        system: Nix system.
        nixpkgs: flake reference.
        packages: what each is taken from.
        builds: packages that are built from source.
        adapters: packages that nixpkgs' build replaces.
        collisions: files that several distributions install to the same places.
        read: wheels that were read; the others were known.
        files: sorted by name; overrides-local.nix only where this run made it.
        findings: what is left open, and what else is to be known.
        answered: no finding is an error: the exit code is 0.
    """

    directory: str
    python: str
    system: str
    nixpkgs: str
    packages: tuple[ChosenPackageDocument, ...]
    builds: tuple[BuildDocument, ...]
    adapters: tuple[LockAdapterDocument, ...]
    collisions: tuple[CollisionDocument, ...]
    read: tuple[str, ...]
    files: tuple[WrittenFileDocument, ...]
    findings: tuple[FindingDocument, ...]
    answered: bool


class FlakeDocument(Struct, tag_field="schema", tag="wheelfix.flake/1"):
    """Result of `wheelfix flake`.

    Attributes:
        nixpkgs: flake reference that is re-exported.
        systems: Nix systems.
        cuda: packages are built with CUDA.
        capabilities: compute capabilities to build for; empty for nixpkgs' default.
        unfree: unfree packages are allowed.
        code: the Nix code.
        findings: what else is to be known.
        answered: nothing was left without an answer: the exit code is 0.
    """

    nixpkgs: str
    systems: tuple[str, ...]
    cuda: bool
    capabilities: tuple[str, ...]
    unfree: bool
    code: str
    findings: tuple[FindingDocument, ...]
    answered: bool


class ProblemDocument(Struct):
    """One thing that an edit broke.

    Attributes:
        check: which comparison found it, one word.
        message: what differs, in one clause.
    """

    check: str
    message: str


class VerifyDocument(Struct, tag_field="schema", tag="wheelfix.verify/1"):
    """Result of `wheelfix verify`.

    Attributes:
        old: the file before, as the user named it.
        new: the file after, as the user named it.
        problems: what differs beside the run path and the interpreter; with any, the exit code is 1.
    """

    old: str
    new: str
    problems: tuple[ProblemDocument, ...]


DOCUMENTS: tuple[type[Struct], ...] = (
    ScanDocument,
    TraceDocument,
    LocateDocument,
    FileDocument,
    IndexDocument,
    ExplainDocument,
    TryDocument,
    CheckDocument,
    OverrideDocument,
    AdapterDocument,
    SdistDocument,
    LockDocument,
    EnvDocument,
    PatchDocument,
    VerifyDocument,
    FlakeDocument,
)
"""All whole documents."""
