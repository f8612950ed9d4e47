"""Messages of shells in which a hook of nixpkgs is missing: its functions, or what it says itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wheelfix.explain.change import CHANGE_TITLE, render_change
from wheelfix.explain.model import BuildNeeds, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.model.override import Dialect, Input
from wheelfix.nix.parts import add_code_to_old, comment_all, write_guarded
from wheelfix.nix.printer import render
from wheelfix.nix.tree import TRUE, Attrs, Binding, Lambda, Script, bind, call, select
from wheelfix.override.dialects import TRAITS
from wheelfix.override.overlay import TITLES, write_overlay

# Functions of setup hooks in nixpkgs, and the attribute that brings them: pkgs/build-support/setup-hooks and
# the hooks of single packages; nixpkgs 26.11pre of 2026-07-14.
_HOOKS = {
    "addAutoPatchelfSearchPath": "autoPatchelfHook",
    "autoPatchelf": "autoPatchelfHook",
    "autoPatchelfFile": "autoPatchelfHook",
    "autoPatchelfPostFixup": "autoPatchelfHook",
    "autoreconfPhase": "autoreconfHook",
    "addDriverRunpath": "addDriverRunpath",
    "addOpenGLRunpath": "addDriverRunpath",
    "autoAddDriverRunpath": "autoAddDriverRunpath",
    "bazelBuildPhase": "bazel",
    "cargoBuildHook": "rustPlatform.cargoBuildHook",
    "cargoInstallHook": "rustPlatform.cargoInstallHook",
    "cargoSetupPostPatchHook": "rustPlatform.cargoSetupHook",
    "cargoSetupPostUnpackHook": "rustPlatform.cargoSetupHook",
    "cmakeConfigurePhase": "cmake",
    "condaInstallPhase": "python3Packages.condaInstallHook",
    "copyDesktopItems": "copyDesktopItems",
    "copyPkgconfigItems": "copyPkgconfigItems",
    "desktopToDarwinBundle": "desktopToDarwinBundle",
    "eggBuildPhase": "python3Packages.eggBuildHook",
    "eggInstallPhase": "python3Packages.eggInstallHook",
    "fixDarwinDylibNames": "fixDarwinDylibNames",
    "gappsWrapperArgsHook": "wrapGAppsHook3",
    "installBin": "installShellFiles",
    "installManPage": "installShellFiles",
    "installShellCompletion": "installShellFiles",
    "makeBinaryWrapper": "makeBinaryWrapper",
    "makeQtWrapper": "qt6.wrapQtAppsHook",
    "makeShellWrapper": "makeWrapper",
    "makeWrapper": "makeWrapper",
    "maturinBuildHook": "rustPlatform.maturinBuildHook",
    "mesonConfigurePhase": "meson",
    "ninjaBuildPhase": "ninja",
    "npmConfigHook": "npmHooks.npmConfigHook",
    "pipBuildPhase": "python3Packages.pipBuildHook",
    "pipInstallPhase": "python3Packages.pipInstallHook",
    "pypaBuildPhase": "python3Packages.pypaBuildHook",
    "pypaInstallPhase": "python3Packages.pypaInstallHook",
    "pytestCheckPhase": "python3Packages.pytestCheckHook",
    "pythonImportsCheckPhase": "python3Packages.pythonImportsCheckHook",
    "pythonRecompileBytecodePhase": "python3Packages.pythonRecompileBytecodeHook",
    "pythonRelaxDepsHook": "python3Packages.pythonRelaxDepsHook",
    "pythonRemoveBinBytecodePhase": "python3Packages.pythonRemoveBinBytecodeHook",
    "qmakeConfigurePhase": "qt6.qmake",
    "removeReferencesTo": "removeReferencesTo",
    "remove-references-to": "removeReferencesTo",
    "setuptoolsBuildPhase": "python3Packages.setuptoolsBuildHook",
    "sphinxHook": "python3Packages.sphinxHook",
    "unittestCheckPhase": "python3Packages.unittestCheckHook",
    "updateAutotoolsGnuConfigScriptsPhase": "updateAutotoolsGnuConfigScriptsHook",
    "validatePkgConfig": "validatePkgConfig",
    "venvShellHook": "python3Packages.venvShellHook",
    "versionCheckHook": "versionCheckHook",
    "wheelUnpackPhase": "python3Packages.wheelUnpackHook",
    "wrapGApp": "wrapGAppsHook3",
    "wrapGAppsHook": "wrapGAppsHook3",
    "wrapProgram": "makeWrapper",
    "wrapProgramBinary": "makeBinaryWrapper",
    "wrapProgramShell": "makeWrapper",
    "wrapQtApp": "qt6.wrapQtAppsHook",
    "wrapQtAppsHook": "qt6.wrapQtAppsHook",
    "writableTmpDirAsHome": "writableTmpDirAsHomeHook",
}
_PROGRAMS = {
    "patchelf": "patchelf",
    "auto-patchelf": "autoPatchelfHook",
    "autoPatchelfHook": "autoPatchelfHook",
}
_KNOWN = {**_HOOKS, **_PROGRAMS}
_FUNCTION = "|".join(sorted(map(re.escape, _KNOWN), key=len, reverse=True))
_QT5 = re.compile(r"qt-?5|libsForQt5|py(?:qt|side)[25]\b|qtbase-5", re.IGNORECASE)


def _read_function(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    name = match["names"]
    lines = (*around.above(), match.string, *around.after())
    if _KNOWN[name].startswith("qt6.") and any(_QT5.search(line) for line in lines):
        yield Symptom(kind=SymptomKind.HOOK, names=(name, _KNOWN[name].replace("qt6.", "libsForQt5.")))
    else:
        yield Symptom(kind=SymptomKind.HOOK, names=(name, _KNOWN[name]))


_UNWRAPPED = re.compile(r"Error: wrapQtAppsHook is not used, and dontWrapQtApps is not set")


def _read_unwrapped(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    if any(_UNWRAPPED.search(line) for line in (*around.above()[-60:], *around.after())):
        yield Symptom(kind=SymptomKind.HOOK, names=("wrapQtAppsHook", "libsForQt5.wrapQtAppsHook"))


def _read_link(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.BROKEN_LINK, names=(match["link"], match["target"]))


WORDINGS: tuple[Wording, ...] = (
    # bash, of functions that a hook of nixpkgs defines.
    word(
        SymptomKind.HOOK,
        ": command not found",
        rf"(?:^|[:\s])(?P<names>{_FUNCTION}): command not found",
        _read_function,
    ),
    # nixpkgs: runHook and runOneHook of stdenv's setup.sh, for a phase that nothing defines.
    word(
        SymptomKind.HOOK,
        "not found",
        rf"(?:^|[\s'\"`])(?P<names>{_FUNCTION})['\"`]?(?: hook)?(?: is|:)? not found",
        _read_function,
    ),
    # nixpkgs: setup-hooks/no-broken-symlinks.sh.
    word(
        SymptomKind.BROKEN_LINK,
        "oints to a missing target: ",
        r"the symlink (?P<link>/\S{1,500}) points to a missing target: (?P<target>\S{1,500})",
        _read_link,
    ),
    word(
        SymptomKind.BROKEN_LINK,
        " directory: /",
        r"the symlink (?P<link>/\S{1,500}) points to \S{1,200} directory: (?P<target>\S{1,500})",
        _read_link,
    ),
    # nixpkgs: the setup hook of Qt 5's qtbase, whose words are not searched for.
    word(SymptomKind.HOOK, "builder for '", r"builder for '/nix/store/", _read_unwrapped),
)


def _explain_hook(symptom: Symptom, situation: Situation) -> Trouble:
    function, attr = symptom.names
    package = situation.package.name if situation.package else "the package"
    if function in _PROGRAMS:
        what = f"The build of {package} runs {function}, which no native input has: {attr} does."
    else:
        what = (
            f"The build of {package} calls {function}, a function of the hook {attr}, and the hook is not "
            "among its native inputs."
        )
    native = Input(attr=attr, reason=f"brings {function}")
    return Trouble(kind=symptom.kind, what=what, build=BuildNeeds(native=(native,)))


_STORE = re.compile(r"/nix/store/[^/]+/?")
_MOST_LINKS = 3


def _explain_link(symptom: Symptom, situation: Situation) -> Trouble | None:
    """Explain all links of a text that lead nowhere, at the first of them."""
    links = [one.names for one in situation.account.symptoms if one.kind is SymptomKind.BROKEN_LINK]
    if not links or symptom.names != links[0]:
        return None
    package = situation.package.name if situation.package else "package"
    told = ", ".join(f"{_STORE.sub('', link)} to {target}" for link, target in links[:_MOST_LINKS])
    more = f", and {len(links) - _MOST_LINKS} more" if len(links) > _MOST_LINKS else ""
    what = f"{package} has symbolic links that lead nowhere, which nixpkgs refuses: {told}{more}."
    if all(target.startswith(_OF_HOST) for _, target in links):
        what += " They lead to files of the machine that it will run on, where they may be."
        change = bind("dontCheckForBrokenSymlinks", TRUE)
    else:
        what += " What they led to is not installed, or is left behind in the directory of the build."
        found = Script((('find "$out" -xtype l -print -delete',),))
        change = add_code_to_old("postInstall", found, "if nothing needs them; else install the targets")
    return Trouble(kind=symptom.kind, what=what, paste=(_write_change(package, change, situation),))


_OF_HOST = ("/etc/", "/run/", "/var/", "/usr/", "/home/", "/dev/", "/proc/")


def _write_change(package: str, change: Binding, situation: Situation) -> tuple[str, str]:
    """Write a change of a package that Nix builds, for its set, or for nixpkgs where that has it."""
    dialect = situation.dialect
    body = Lambda("old", Attrs((change,)))
    if not TRAITS[dialect].locked:
        return CHANGE_TITLE, render_change(package, body, [f"For {package}. Written by wheelfix."])
    function = "overridePythonAttrs" if dialect is Dialect.POETRY2NIX else "overrideAttrs"
    changed = call(select("prev", package, function), body)
    overlay = write_overlay([write_guarded(package, changed)], hacks=False)
    head = [f"{TITLES[dialect]}. Written by wheelfix."]
    return TRAITS[dialect].title, render(comment_all(head, overlay))


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.BROKEN_LINK: _explain_link,
    SymptomKind.HOOK: _explain_hook,
}
