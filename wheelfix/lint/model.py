"""What Nix files say about packages, and what a check of them finds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding, Level


class Place(Struct, order=True):
    """Where something stands in a file.

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
        list_name: ``buildInputs``, ``nativeBuildInputs``, ``propagatedBuildInputs``, those of run time
            (``appendRunpaths``, ``runtimeDependencies``), or of a shell (``LD_LIBRARY_PATH``).
        condition: source text of what has to hold for it to be there, or None.
        alternatives: other paths it may stand for, where several ``with`` are open; innermost first.
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
    """A directory that auto-patchelf, or a loader, is shown.

    Attributes:
        directory: relative to site-packages for a distribution (``nvidia/cublas/lib``, ``../..`` is ``lib``
            of the prefix), relative to the store path for an attribute.
        distribution: Python package that has it, as the file writes it; or
        attr: attribute path that has it, below ``root``; one of both is None.
        condition: as in :class:`Input`.
    """

    directory: str
    place: Place
    distribution: str | None = None
    attr: str | None = None
    root: InputRoot | None = None
    condition: str | None = None


class Unclear(Struct):
    """Something that only an evaluation could tell.

    Attributes:
        text: the beginning of its source.
        reason: one clause: why it is not understood.
    """

    text: str
    reason: str
    place: Place


class Instead(StrEnum):
    """What a file puts in the place of a wheel, so that what the wheel needs says nothing of it."""

    PREBUILT = "prebuilt"
    """nixpkgs' build of the package."""
    SOURCE = "source"
    """A build of its source distribution."""


class PackageOverride(Struct):
    """What one place in a file says about one package, or a shell about all packages that run in it.

    Attributes:
        package: name as the file writes it, None if it names none.
        how: ``overrideAttrs``, ``overridePythonAttrs``, ``buildPythonPackage``, ``mach-nix``, ``set``,
            ``mkShell`` ...
        attributes: what it sets, in file order.
        inputs: elements of its lists of inputs, in file order.
        ignored: exact entries and patterns, without ``*``.
        searches: directories that auto-patchelf is shown, in file order.
        ignores_all: where missing libraries are ignored altogether (``true``, ``[ "*" ]``), or None.
        replaces: names of the lists that do not start from the inherited ones.
        unread: names of attributes that may show auto-patchelf more directories than ``searches`` has.
        driver: a library path leads to the libraries of the GPU driver.
        instead: what there is in the place of the wheel, or None.
        unclear: what of it is not understood.
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
        shells: what shows libraries to whatever runs in it, in file order: shells, the settings of nix-ld.
        unclear: overrides whose package is not understood.
    """

    path: str
    overrides: tuple[PackageOverride, ...]
    shells: tuple[PackageOverride, ...] = ()
    unclear: tuple[Unclear, ...] = ()


class Spelling(Struct):
    """What the index says of one attribute that a file names.

    Attributes:
        attr: in the spelling of the index: newest name, outputs left out.
        known: it is a package with libraries.
        renamed: the newest nixpkgs has another name for what the file says.
        nearest: known attributes that are spelt almost alike, nearest first; empty for a known one.
    """

    attr: str
    known: bool
    renamed: bool = False
    nearest: tuple[str, ...] = ()


class IndexExcerpt(Struct):
    """All that the index says of what a file and the scans name.

    Attributes:
        names: by package as written in the file, its normalised name (PEP 503).
        spellings: by attribute path as written in the file.
        carriers: by soname, the attributes that have it, in the spelling of the index.
        similar: by ignored soname that nobody knows, sonames that are spelt almost alike, nearest first.
        baselines: by target, the attributes that uv2nix and poetry2nix add by themselves.
    """

    names: Mapping[str, str]
    spellings: Mapping[str, Spelling]
    carriers: Mapping[str, frozenset[str]]
    similar: Mapping[str, tuple[str, ...]]
    baselines: Mapping[str, frozenset[str]]


class Rule(StrEnum):
    """What a check looks for."""

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
        place: where, or None if it is about something that is not there.
        package: which package it is about, or None.
        subject: the soname, attribute or entry in question.
        message: what is wrong, in one clause.
        suggestion: what to write instead, in Nix where it is code; empty if there is nothing to write.
        instead: what there is in the place of the package's wheel, which is why it was not checked.
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
        findings: what to change and what to know, errors first, then in file order.
        warnings: about the wheels themselves, whatever the file says.
    """

    findings: tuple[LintFinding, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """No finding is an error: exit code 0."""
        return not any(finding.level is Level.ERROR for finding in self.findings)
