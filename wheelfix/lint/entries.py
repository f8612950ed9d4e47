"""Checks the entries of a file: whether any wheel needs them, and whether they are spelt correctly."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

from wheelfix.lint.model import Ignored, Input, InputRoot, LintFinding, Rule, Spelling
from wheelfix.lint.package_check import PackageCheck, choose_spelling, list_inputs
from wheelfix.model.classes import CLASS_TRAITS, NeedClass
from wheelfix.model.scan import Level, Need
from wheelfix.nix.parts import list_sonames
from wheelfix.nix.printer import print_flat
from wheelfix.scan.hook import spell_note

_ALIKE = 0.84
_TOOLS = frozenset({"makeWrapper", "makeBinaryWrapper", "pkg-config", "cmake", "ninja", "meson", "which"})
_RUN_TIME = frozenset({"appendRunpaths", "runtimeDependencies"})


def find_entry_lint(check: PackageCheck) -> Iterator[LintFinding]:
    """Check all attributes, inputs and ignored sonames of a package.

    Args:
        check: a package with at least one scan.
    """
    yield from _find_misspelt_attributes(check)
    for entry in list_inputs(check.overrides):
        yield from _check_input(check, entry)
    for ignored in dict.fromkeys(entry for o in check.overrides for entry in o.ignored):
        yield from _check_ignored(check, ignored)


def _find_misspelt_attributes(check: PackageCheck) -> Iterator[LintFinding]:
    for attribute in dict.fromkeys(a for o in check.overrides for a in o.attributes):
        if attribute.name in ATTRIBUTES or attribute.name.isupper():
            continue
        if near := get_close_matches(attribute.name, sorted(ATTRIBUTES), n=1, cutoff=_ALIKE):
            yield check.say(
                Rule.MISSPELT_ATTRIBUTE,
                Level.WARNING,
                attribute.place,
                attribute.name,
                "nothing reads an attribute of that name",
                near[0],
            )


def _check_input(check: PackageCheck, entry: Input) -> Iterator[LintFinding]:
    spelling = choose_spelling(check.excerpt, entry)
    last = entry.attr.rpartition(".")[2]
    if last.endswith("Hook") or last in _TOOLS or entry.list_name == "nativeBuildInputs":
        return  # build tools; a library in the wrong list is reported as a missing need
    if not spelling.known:
        yield from _check_unknown(check, entry, spelling)
        return
    if spelling.renamed:
        message = f"the newest nixpkgs has it as {spelling.attr}"
        suggestion = f"pkgs.{spelling.attr}"
        yield check.say(Rule.RENAMED_INPUT, Level.NOTE, entry.place, entry.attr, message, suggestion)
    if check.instead or entry.list_name in _RUN_TIME:
        return  # may be for a source build, or opened at run time: a scan of a wheel cannot tell
    if spelling.attr in check.baseline:
        if not check.adds_hook:
            message = "uv2nix and poetry2nix add it by themselves for this wheel's tag"
            yield check.say(Rule.ALREADY_ADDED, Level.NOTE, entry.place, entry.attr, message)
    elif not _is_wanted(check, spelling.attr):
        level = Level.NOTE if entry.condition or check.is_shell else Level.WARNING
        message = _explain_unneeded(check, spelling.attr)
        if entry.condition:
            message += f" (it is there only if {entry.condition})"
        yield check.say(Rule.UNNEEDED_INPUT, level, entry.place, entry.attr, message, "remove it")


def _check_unknown(check: PackageCheck, entry: Input, spelling: Spelling) -> Iterator[LintFinding]:
    if entry.root is not InputRoot.PKGS:
        return  # may also be a Python package
    if spelling.nearest:
        message = "not in this index, which has a name that is spelt almost alike"
        suggestion = " or ".join(f"pkgs.{attr}" for attr in spelling.nearest)
        yield check.say(Rule.MISSPELT_INPUT, Level.WARNING, entry.place, entry.attr, message, suggestion)
    else:
        message = "not in this index, which knows packages with shared libraries only"
        yield check.say(Rule.UNKNOWN_INPUT, Level.NOTE, entry.place, entry.attr, message)


def _is_wanted(check: PackageCheck, attr: str) -> bool:
    wanted = [soname for soname, need in check.needs.items() if _is_served(need)]
    return any(attr in check.excerpt.carriers.get(soname, ()) for soname in (*wanted, *check.opened))


def _explain_unneeded(check: PackageCheck, attr: str) -> str:
    for soname, need in check.needs.items():
        if attr not in check.excerpt.carriers.get(soname, ()):
            continue
        if reason := CLASS_TRAITS[need.need_class].unignored:
            return f"only {soname} of it is wanted, and {reason}"
        if need.need_class is NeedClass.DRIVER:
            return f"only {soname} of it is wanted, which has to come with the GPU driver"
    if not any(scan.objects for scan in check.scans):
        return "the wheel is pure Python and links nothing"
    return "no scanned wheel of this package links or opens a library of it"


def _check_ignored(check: PackageCheck, entry: Ignored) -> Iterator[LintFinding]:
    notes = (spell_note(one.note) for scan in check.scans for one in scan.openings if one.note)
    if entry.soname not in check.needs and any(fnmatchcase(note, entry.soname) for note in notes):
        return  # auto-patchelf looks for what a note names
    if set(entry.soname) & set("*?["):
        yield from _check_pattern(check, entry)
    elif need := check.needs.get(entry.soname):
        yield from _check_wanted(check, entry, need)
    elif entry.soname in check.excerpt.similar:
        near = _prefer_wanted(check, check.excerpt.similar[entry.soname])
        if near:
            message = "no wheel wants it, and nobody has a library of that name"
            suggestion = " or ".join(map(print_flat, list_sonames(near).items))
            yield check.say(
                Rule.MISSPELT_SONAME, Level.WARNING, entry.place, entry.soname, message, suggestion
            )
        else:
            yield _say_unwanted(check, entry)
    else:
        yield _say_unwanted(check, entry)


def _prefer_wanted(check: PackageCheck, sonames: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(soname for soname in sonames if soname in check.needs)
    return wanted or sonames[:1]


def _say_unwanted(check: PackageCheck, entry: Ignored) -> LintFinding:
    if entry.soname in check.opened:
        message = "opened by name at run time only, which auto-patchelf does not look at"
    else:
        message = "no scanned wheel of this package wants it"
    return check.say(Rule.IGNORED_UNWANTED, Level.WARNING, entry.place, entry.soname, message, "remove it")


def _check_wanted(check: PackageCheck, entry: Ignored, need: Need) -> Iterator[LintFinding]:
    if any(entry.soname in scan.ignore_missing for scan in check.scans):
        return  # bundled under another file name, and the hook searches by file name only
    if reason := CLASS_TRAITS[need.need_class].unignored:
        message = f"has not to be ignored: {reason}"
        yield check.say(Rule.IGNORED_UNWANTED, Level.WARNING, entry.place, entry.soname, message, "remove it")
    elif need.need_class in {NeedClass.PROVIDED, NeedClass.AMBIGUOUS}:
        if check.is_supplied(entry.soname):
            message = "has not to be ignored: an input has it"
            yield check.say(
                Rule.IGNORED_UNWANTED, Level.WARNING, entry.place, entry.soname, message, "remove it"
            )
        else:
            attr = need.providers[0].attr
            message = f"nixpkgs has it: the wheel fails to load without it, and loads with {attr}"
            suggestion = f"pkgs.{attr} in buildInputs"
            yield check.say(
                Rule.IGNORED_PROVIDED, Level.WARNING, entry.place, entry.soname, message, suggestion
            )


def _check_pattern(check: PackageCheck, entry: Ignored) -> Iterator[LintFinding]:
    hits = [soname for soname in check.needs if fnmatchcase(soname, entry.soname)]
    if not hits:
        yield _say_unwanted(check, entry)
        return
    exact = [
        s for s in hits if not CLASS_TRAITS[check.needs[s].need_class].unignored and not check.is_supplied(s)
    ]
    suggestion = " ".join(map(print_flat, list_sonames(exact).items)) or "remove it"
    message = (
        f"a pattern: it also ignores what an update of the wheel will need; now it covers {', '.join(hits)}"
    )
    yield check.say(Rule.IGNORED_PATTERN, Level.NOTE, entry.place, entry.soname, message, suggestion)


ATTRIBUTES = frozenset(
    {
        "appendRunpaths",
        "autoPatchelfIgnoreMissingDeps",
        "build-system",
        "buildAndTestSubdir",
        "buildInputs",
        "buildPhase",
        "cargoDeps",
        "checkInputs",
        "checkPhase",
        "cmakeFlags",
        "configureFlags",
        "configurePhase",
        "dependencies",
        "depsBuildBuild",
        "disabled",
        "disabledTestPaths",
        "disabledTests",
        "doCheck",
        "doInstallCheck",
        "dontAutoPatchelf",
        "dontBuild",
        "dontConfigure",
        "dontStrip",
        "dontUnpack",
        "dontUseCmakeConfigure",
        "dontWrapQtApps",
        "env",
        "fixupPhase",
        "format",
        "hardeningDisable",
        "installCheckInputs",
        "installCheckPhase",
        "installPhase",
        "makeFlags",
        "makeWrapperArgs",
        "meta",
        "name",
        "nativeBuildInputs",
        "nativeCheckInputs",
        "outputs",
        "passthru",
        "patches",
        "patchPhase",
        "pname",
        "postBuild",
        "postCheck",
        "postConfigure",
        "postFixup",
        "postInstall",
        "postPatch",
        "postUnpack",
        "preBuild",
        "preCheck",
        "preConfigure",
        "preFixup",
        "preInstall",
        "prePatch",
        "preUnpack",
        "propagatedBuildInputs",
        "propagatedNativeBuildInputs",
        "pyproject",
        "pytestFlags",
        "pythonImportsCheck",
        "pythonRelaxDeps",
        "pythonRemoveDeps",
        "qtWrapperArgs",
        "runtimeDependencies",
        "separateDebugInfo",
        "sourceRoot",
        "src",
        "strictDeps",
        "unpackPhase",
        "version",
        "wheelUnpackPhase",
    }
)
"""Attributes of mkDerivation, buildPythonPackage and autoPatchelfHook (nixpkgs, manual and setup hooks)."""


def _is_served(need: Need) -> bool:
    """Whether an input or an ignored name may be about it: the driver's have entries of their own."""
    return need.need_class is not NeedClass.DRIVER and not CLASS_TRAITS[need.need_class].unignored
