"""Messages of shells in which a hook of nixpkgs is missing: its functions, or what it says itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wheelfix.explain.model import BuildNeeds, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.model.override import Input

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


EXPLAIN: Mapping[SymptomKind, Explain] = {SymptomKind.HOOK: _explain_hook}
