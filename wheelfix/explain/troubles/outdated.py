"""Messages of builds that are for other releases of their tools: CMake, Cython, setuptools, Cargo, Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from wheelfix.explain.change import CHANGE_TITLE, render_change
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.paths import normalize, parse_path
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.troubles.settings import write_shell
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.model.override import Dialect
from wheelfix.nix.parts import OLD, add_to_old, comment_all, write_guarded
from wheelfix.nix.printer import render
from wheelfix.nix.tree import Attrs, Binary, Expr, Lambda, List, Select, bind, call, select, strings, text
from wheelfix.override.dialects import TRAITS
from wheelfix.override.overlay import TITLES, write_overlay

_FILE = re.compile(r'File "(?P<path>[^"\n]{1,400}/site-packages/[^"\n]{1,300})", line \d')


def _read_distutils(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read that an installed package imports distutils, which Python has had no more since 3.12."""
    files = [m["path"] for line in around.before() if (m := _FILE.search(line))]
    package = parse_path(files[-1]) if files else None
    if package and package.name not in {"setuptools", "pip", "wheel"} and "/nix/store/" in files[-1]:
        yield Symptom(kind=SymptomKind.OUTDATED, names=("distutils",), distribution=package.name)


_UNMET = re.compile(
    r"^\s*- (?P<name>[A-Za-z0-9][\w.-]{0,80})(?:\[[^\]\n]{0,80}\])?\S{0,120}"
    r" (?P<how>not satisfied by version|not installed)"
)


def _read_unmet(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read the list of dependencies below the message of nixpkgs' check; an empty one is none."""
    unmet = []
    for line in around.after():
        found = _UNMET.match(line)
        if found is None:
            break
        unmet.append(f"{'add' if found['how'] == 'not installed' else 'relax'}:{found['name']}")
    if unmet:
        yield Symptom(kind=SymptomKind.OUTDATED, names=("unmet", *unmet))


def _tell(what: str) -> Iterable[Symptom]:
    return (Symptom(kind=SymptomKind.OUTDATED, names=(what,)),)


WORDINGS: tuple[Wording, ...] = (
    # CMake 4: Source/cmPolicies.cxx.
    word(
        SymptomKind.OUTDATED,
        "has been removed from CMake",
        r"Compatibility with CMake < (?P<least>3\.\d{1,2}) has been removed from CMake",
        lambda match, _around: (Symptom(kind=SymptomKind.OUTDATED, names=("cmake", match["least"])),),
    ),
    # GCC, of C that an older Cython wrote.
    word(
        SymptomKind.OUTDATED,
        "longintrepr.h",
        r"longintrepr\.h['\">]?: No such file|['\"<]longintrepr\.h['\">] file not found",
        lambda _match, _around: _tell("cython"),
    ),
    word(
        SymptomKind.OUTDATED,
        "has no member named ",
        r"has no member named ['‘\"](?:curexc_\w{1,20}|use_tracing|ob_shash|exc_(?:type|value|traceback)"
        r"|c_tracefunc|ob_digit)['’\"]",
        lambda _match, _around: _tell("cython"),
    ),
    word(
        SymptomKind.OUTDATED,
        "to function ",
        r"too (?:few|many) arguments to function ['‘\"](?:_PyLong_AsByteArray|_PyGen_SetStopIterationValue|"
        r"_PyDict_GetItem_KnownHash|_PyUnicode_FastCopyCharacters)['’\"]",
        lambda _match, _around: _tell("cython"),
    ),
    # setuptools before 66.1.
    word(
        SymptomKind.OUTDATED,
        "ImpImporter",
        r"AttributeError: module 'pkgutil' has no attribute 'ImpImporter'",
        lambda _match, _around: _tell("impimporter"),
    ),
    # Cargo: src/cargo/core/features.rs.
    word(
        SymptomKind.OUTDATED,
        "feature `edition20",
        r"^\s*feature `edition(?P<edition>20\d\d)` is required",
        lambda match, _around: (Symptom(kind=SymptomKind.OUTDATED, names=("cargo", match["edition"])),),
    ),
    # setuptools-scm, hatch-vcs; pbr.
    word(
        SymptomKind.OUTDATED,
        "unable to detect version for",
        r"setuptools-scm was unable to detect version for",
        lambda _match, _around: _tell("SETUPTOOLS_SCM_PRETEND_VERSION"),
    ),
    word(
        SymptomKind.OUTDATED,
        "Versioning for this project requires either",
        r"Versioning for this project requires either an sdist tarball",
        lambda _match, _around: _tell("PBR_VERSION"),
    ),
    # CPython 3.12.
    word(
        SymptomKind.OUTDATED,
        "No module named 'distutils",
        r"ModuleNotFoundError: No module named 'distutils(?:\.\w{1,40})?'",
        _read_distutils,
    ),
    # nixpkgs: pkgs/development/interpreters/python/hooks/python-runtime-deps-check-hook.py.
    word(
        SymptomKind.OUTDATED,
        "Checking runtime dependencies for ",
        r"Checking runtime dependencies for \S{1,200}\.whl",
        _read_unmet,
    ),
)


def _explain_outdated(symptom: Symptom, situation: Situation) -> Trouble | None:
    subject, *names = symptom.names
    package = situation.package
    name = package.name if package else "package"
    who = package.name if package else "The package"
    newer = f"Or take a newer release: {_say_newer(name, situation)}" if package else ""
    match subject:
        case "cmake":
            return _set_variable(
                f"The CMakeLists.txt of {who} is for a CMake older than {names[0]}, which CMake 4 no longer "
                "reads.",
                {"CMAKE_POLICY_VERSION_MINIMUM": names[0]},
                situation,
                newer,
            )
        case "SETUPTOOLS_SCM_PRETEND_VERSION" | "PBR_VERSION":
            told = package.version if package else None
            version = told if told and re.fullmatch(r"\d[\w.!+]*", told) else None
            return _set_variable(
                f"The build of {who} asks git for the version, and its sources have no history of git.",
                {subject: version or "1.0.0"},
                situation,
                "" if version else "Write the version of the sources in place of 1.0.0.",
            )
        case "cython":
            return Trouble(
                kind=symptom.kind,
                what=f"The C code of {who} was written by a Cython older than this Python, which has changed "
                "what it uses: no package has it.",
                now=(
                    f"Take a newer release: {_say_newer(name, situation)}",
                    "Or build with an older Python: longintrepr.h went in 3.11, most of the others in 3.12.",
                ),
            )
        case "impimporter":
            return Trouble(
                kind=symptom.kind,
                what=f"The build of {who} uses a setuptools older than 66.1, which does not run on Python "
                "3.12 or later: that Python has no pkgutil.ImpImporter.",
                now=(
                    f"Take a newer release, which has wheels for it: {_say_newer(name, situation)}",
                    f"Or an older Python: {_say_older(situation)}",
                ),
            )
        case "cargo":
            return Trouble(
                kind=symptom.kind,
                what=f"{who} or a crate of its is of Rust's edition {names[0]}, and this Cargo is too old: "
                "1.85 is the first that has edition 2024.",
                now=(
                    "Take a newer nixpkgs, which has a newer Rust: nix flake update nixpkgs",
                    "Or an older release of the package, whose crates are older.",
                ),
            )
        case "distutils":
            return _add_setuptools(who, situation)
        case _:
            return _meet(names, situation)


def _say_newer(name: str, situation: Situation) -> str:
    if situation.dialect is Dialect.POETRY2NIX:
        return f"poetry update {shlex.quote(name)}"
    if situation.dialect is Dialect.NIXPKGS:
        return "that of a newer nixpkgs, or by another version and src in its recipe"
    return f"uv lock --upgrade-package {shlex.quote(name)}"


def _say_older(situation: Situation) -> str:
    return "pkgs.python311" if situation.dialect is not Dialect.SHELL else "uv python pin 3.11"


def _set_variable(what: str, variables: Mapping[str, str], situation: Situation, more: str) -> Trouble:
    """Write a variable of the environment of a build, where the dialect has it."""
    package = situation.package
    if TRAITS[situation.dialect].listed and (package is None or package.installer):
        exported = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        place = write_shell(
            situation,
            f"For the build of {package.name if package else 'packages'}.",
            variables={name: text(value) for name, value in variables.items()},
        )
        now = tuple(filter(None, (f"export {exported}", more)))
        return Trouble(kind=SymptomKind.OUTDATED, what=what, paste=(place,), now=now)
    name = package.name if package else "package"
    changed = Binary(
        "//",
        Select(OLD, ("env",), Attrs()),
        Attrs(tuple(bind(key, text(value)) for key, value in variables.items())),
    )
    body = Lambda("old", Attrs((bind("env", changed),)))
    return Trouble(
        kind=SymptomKind.OUTDATED,
        what=what,
        paste=(_write_change(name, body, situation),),
        now=(more,) if more else (),
    )


def _write_change(name: str, body: Lambda, situation: Situation) -> tuple[str, str]:
    """Write a change of a package, for the set that it is in."""
    dialect = situation.dialect
    if dialect not in {Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX}:
        return CHANGE_TITLE, render_change(name, body, [f"For the build of {name}. Written by wheelfix."])
    change = "overridePythonAttrs" if dialect is Dialect.POETRY2NIX else "overrideAttrs"
    overlay = write_overlay([write_guarded(name, call(select("prev", name, change), body))], hacks=False)
    return TRAITS[dialect].title, render(comment_all([f"{TITLES[dialect]}. Written by wheelfix."], overlay))


def _add_setuptools(who: str, situation: Situation) -> Trouble:
    what = f"{who} imports distutils, which Python 3.12 and later do not have; setuptools brings it."
    name = situation.package.name if situation.package else "package"
    if situation.dialect not in {Dialect.NIXPKGS, Dialect.POETRY2NIX}:
        return Trouble(kind=SymptomKind.OUTDATED, what=what, now=("uv add setuptools",))
    added = add_to_old("dependencies", List((select("pyfinal", "setuptools"),)))
    code = render_change(
        name,
        Lambda("old", Attrs((added,))),
        [f"For {name}. Written by wheelfix."],
    )
    return Trouble(kind=SymptomKind.OUTDATED, what=what, paste=((CHANGE_TITLE, code),))


def _meet(unmet: list[str], situation: Situation) -> Trouble:
    """Relax the bounds of what nixpkgs has in other releases, and add what is not there."""
    name = situation.package.name if situation.package else "package"
    relaxed = [one.removeprefix("relax:") for one in unmet if one.startswith("relax:")]
    added = [one.removeprefix("add:") for one in unmet if one.startswith("add:")]
    what, bound = [], []
    if relaxed:
        what.append(f"{name} asks for other releases of {', '.join(relaxed)} than nixpkgs has.")
        more: Expr = strings(relaxed)
        bound.append(add_to_old("pythonRelaxDeps", more))
    if added:
        what.append(f"{name} depends on {', '.join(added)}, which its recipe does not list.")
        more = List(tuple(select("pyfinal", normalize(one)) for one in added))
        bound.append(add_to_old("dependencies", more))
    head = f"{name} with what nixpkgs has: test that it works. Written by wheelfix."
    code = render_change(name, Lambda("old", Attrs(tuple(bound))), [head])
    return Trouble(kind=SymptomKind.OUTDATED, what=" ".join(what), paste=((CHANGE_TITLE, code),))


EXPLAIN: Mapping[SymptomKind, Explain] = {SymptomKind.OUTDATED: _explain_outdated}
