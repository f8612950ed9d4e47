"""Models of what Nix files say about packages, and of the findings of a check."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding, Level


class Place(Struct, order=True):
    """A position in a file.

    Attributes:
        line: from 1.
        column: in characters, from 1.
    """

    line: int
    column: int


class AttributeName(Struct):
    """One attribute that an override sets."""

    name: str
    place: Place


class InputRoot(StrEnum):
    """Which set an input is taken from."""

    PKGS = "pkgs"
    """nixpkgs, by name: ``pkgs.zlib``, ``final.pkgs.zlib``, ``with pkgs; [ zlib ]``."""
    ARGUMENT = "argument"
    """An argument of the file's function (``{ zlib, numpy }:``): nixpkgs' or a Python package."""
    PYTHON = "python"
    """The Python package set: ``final.numpy``."""


class Input(Struct):
    """One element of a list of inputs.

    Attributes:
        attr: attribute path below its root, as written (``xorg.libX11``, ``zlib.dev``).
        root: the set it is taken from.
        list_name: ``buildInputs``, ``nativeBuildInputs``, ``propagatedBuildInputs``, the lists for run time
            (``appendRunpaths``, ``runtimeDependencies``), or of a shell (``LD_LIBRARY_PATH``).
        condition: source text of the condition under which it is in the list, or None.
        alternatives: other paths that it may mean if several ``with`` are open; innermost first.
    """

    attr: str
    root: InputRoot
    list_name: str
    place: Place
    condition: str | None = None
    alternatives: tuple[str, ...] = ()


class Ignored(Struct):
    """One entry of ``autoPatchelfIgnoreMissingDeps``: a soname or a pattern."""

    soname: str
    place: Place


class Search(Struct):
    """A directory that a file adds to the search of auto-patchelf or a loader.

    Attributes:
        directory: relative to site-packages for a distribution (``nvidia/cublas/lib``, ``../..`` is ``lib``
            of the prefix), relative to the store path for an attribute.
        distribution: Python package that has it, as the file writes it, or None if ``attr`` is set.
        attr: attribute path that has it, below ``root``, or None if ``distribution`` is set.
        condition: as in :class:`Input`.
    """

    directory: str
    place: Place
    distribution: str | None = None
    attr: str | None = None
    root: InputRoot | None = None
    condition: str | None = None


class Unclear(Struct):
    """An expression whose value only an evaluation could find.

    Attributes:
        text: the beginning of its source.
        reason: why it is not understood, in one clause.
    """

    text: str
    reason: str
    place: Place


class Instead(StrEnum):
    """What a file uses instead of a wheel, so that the wheel's needs do not apply."""

    PREBUILT = "prebuilt"
    """nixpkgs' build of the package."""
    SOURCE = "source"
    """A build of its source distribution."""


class PackageOverride(Struct):
    """An override of one package, or a shell for all packages that run in it.

    Attributes:
        package: name as the file writes it, None if it names none.
        how: ``overrideAttrs``, ``overridePythonAttrs``, ``buildPythonPackage``, ``mach-nix``, ``set``,
            ``mkShell`` ...
        attributes: what it sets, in file order.
        inputs: elements of its lists of inputs, in file order.
        ignored: exact entries and patterns, without ``*``.
        searches: directories that are added to the search of auto-patchelf, in file order.
        ignores_all: where all missing libraries are ignored (``true``, ``[ "*" ]``), or None.
        replaces: names of the lists that replace the inherited ones instead of extending them.
        unread: names of attributes that may add directories that are not in ``searches``.
        driver: whether a library path has the directory of the GPU driver.
        instead: what is used instead of the wheel, or None.
        unclear: the parts that are not understood.
    """

    package: str | None
    how: str
    place: Place
    attributes: tuple[AttributeName, ...] = ()
    inputs: tuple[Input, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    searches: tuple[Search, ...] = ()
    ignores_all: Place | None = None
    replaces: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    driver: bool = False
    instead: Instead | None = None
    unclear: tuple[Unclear, ...] = ()


class OverrideFile(Struct):
    """Everything a Nix file says about packages.

    Attributes:
        path: as the user named it.
        overrides: in file order.
        shells: shells and settings of nix-ld, which add libraries for all programs in them, in file order.
        unclear: overrides whose package is not understood.
    """

    path: str
    overrides: tuple[PackageOverride, ...]
    shells: tuple[PackageOverride, ...] = ()
    unclear: tuple[Unclear, ...] = ()


class Spelling(Struct):
    """The entry of the index for one attribute that a file names.

    Attributes:
        attr: the attribute in the spelling of the index: newest name, no output.
        known: whether it is a package with libraries.
        renamed: whether the newest nixpkgs has another name for it.
        nearest: known attributes that are spelt almost alike, nearest first; empty for a known one.
    """

    attr: str
    known: bool
    renamed: bool = False
    nearest: tuple[str, ...] = ()


class IndexExcerpt(Struct):
    """The entries of the index for everything that a file and the scans name.

    Attributes:
        names: by package as written in the file, its normalised name (PEP 503).
        spellings: by attribute path as written in the file.
        carriers: by soname, the attributes that have it, in the spelling of the index.
        similar: by unknown ignored soname, sonames that are spelt almost alike, nearest first.
        baselines: by target, the attributes that uv2nix and poetry2nix add by themselves.
    """

    names: Mapping[str, str]
    spellings: Mapping[str, Spelling]
    carriers: Mapping[str, frozenset[str]]
    similar: Mapping[str, tuple[str, ...]]
    baselines: Mapping[str, frozenset[str]]


class Rule(StrEnum):
    """A rule of the check."""

    MISSING_OVERRIDE = "missing-override"
    MISSING_INPUT = "missing-input"
    MISSING_IGNORE = "missing-ignore"
    UNANSWERED = "unanswered"
    REPLACED_INPUTS = "replaced-inputs"
    MISSPELT_ATTRIBUTE = "misspelt-attribute"
    MISSPELT_INPUT = "misspelt-input"
    MISSPELT_SONAME = "misspelt-soname"
    WRONG_LIST = "wrong-list"
    UNNEEDED_INPUT = "unneeded-input"
    ALREADY_ADDED = "already-added"
    RENAMED_INPUT = "renamed-input"
    UNKNOWN_INPUT = "unknown-input"
    IGNORES_ALL = "ignores-all"
    IGNORED_PATTERN = "ignored-pattern"
    IGNORED_PROVIDED = "ignored-provided"
    IGNORED_UNWANTED = "ignored-unwanted"
    SIBLING_UNREACHED = "sibling-unreached"
    NOT_UNDERSTOOD = "not-understood"
    NOT_CHECKED = "not-checked"


class LintFinding(Struct):
    """One thing to change in a file, or to know about it.

    Attributes:
        rule: which check found it.
        path: the file, as the user named it.
        place: position in the file, or None if it is about something missing.
        package: the package that it is about, or None.
        subject: the soname, attribute or entry in question.
        message: what is wrong, in one clause.
        suggestion: what to write instead, as Nix code if it is code; empty if there is none.
        instead: what is used instead of the package's wheel, and is the reason why it was not checked.
    """

    rule: Rule
    level: Level
    path: str
    place: Place | None
    package: str | None
    subject: str
    message: str
    suggestion: str = ""
    instead: Instead | None = None


class Linted(Struct):
    """What a check found.

    Attributes:
        findings: the findings, errors first, then in file order.
        warnings: warnings about the wheels, independent of the file.
    """

    findings: tuple[LintFinding, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no finding is an error: exit code 0."""
        return not any(finding.level is Level.ERROR for finding in self.findings)
