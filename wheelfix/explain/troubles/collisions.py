"""Messages of environments in which two packages have the same file, or one package is there twice."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from wheelfix.explain.change import CHANGE_TITLE, render_change
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.paths import parse_store_path
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.model.override import Dialect
from wheelfix.nix.parts import add_to_old, comment_all
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    FALSE,
    TRUE,
    Attrs,
    Commented,
    Formal,
    Formals,
    Lambda,
    List,
    SearchPath,
    bind,
    call,
    select,
)
from wheelfix.override.overlay import TITLES, write_environment, write_overlay, write_pattern
from wheelfix.scan.layout import SITE, find_collision_pattern

_STORE_FILE = r"/nix/store/[0-9a-z]{32}-[^\s`'\"/]{1,200}/[^\s`'\"]{1,400}"
_FILES = re.compile(_STORE_FILE)
_FILE = re.compile(r"/nix/store/[0-9a-z]{32}-(?P<name>[^/]+)/(?P<path>.+)")
_SITE = re.compile(r"lib/(?:python|pypy)3(?:\.\d+)?t?/site-packages(?=/)")
_REACH = 12


def _read_files(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read the files of one place, from the lines after the message; a long list may be in several."""
    lines = [match.string[match.end() :], *around.after()[:_REACH]]
    yield from _make(file for line in lines for file in _FILES.findall(line))


def _read_here(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield from _make(match.groups())


def _make(files: Sequence[str] | Iterator[str]) -> Iterator[Symptom]:
    """Make the symptom of the files that are of one place."""
    told = list(dict.fromkeys(file.rstrip(".,:;)") for file in files if file))
    places = [match["path"] for file in told if (match := _FILE.fullmatch(file))]
    same = tuple(file for file in told if places and file.endswith(f"/{places[0]}"))
    if len(same) > 1:
        yield Symptom(kind=SymptomKind.COLLISION, names=same)


_CONFLICTING = re.compile(r"two given paths contain a conflicting subpath")
_DUPLICATED = re.compile(r"Found duplicated packages in closure for dependency '(?P<name>[\w.+-]{1,80})'")
_CANDIDATE = re.compile(
    r"\s(?P<name>[\w.+-]{1,80}) (?P<version>\S{1,60}) \((?P<path>/nix/store/[^)\s]{1,300})\)"
)


def _read_end(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read what the end of a failed build tells in words that logs are not searched for."""
    lines = [*around.above()[-60:], *around.after()]
    for number, line in enumerate(lines):
        if _CONFLICTING.search(line):
            near = lines[number : number + 4]
            yield from _make(file for text in near for file in _FILES.findall(text))
        elif match := _DUPLICATED.search(line):
            found = [m for text in lines[number + 1 :] if (m := _CANDIDATE.search(text))]
            versions = tuple(m["version"] for m in found if m["name"] == match["name"])
            yield Symptom(kind=SymptomKind.DUPLICATE, names=(match["name"], *versions))


WORDINGS: tuple[Wording, ...] = (
    # pyproject.nix: build/hooks/make-venv/make_venv.py.
    word(
        SymptomKind.COLLISION,
        "FileCollisionError",
        r"FileCollisionError: ",
        _read_files,
    ),
    # nixpkgs: pkgs/build-support/buildenv/builder.pl before 23.11; nix-env: src/nix/profile.
    word(
        SymptomKind.COLLISION,
        "ollision between ",
        rf"[Cc]ollision between [`'\"]?({_STORE_FILE})['\"`]? and [`'\"]?({_STORE_FILE})",
        _read_here,
    ),
    # nixpkgs: builder.pl after it; catch_conflicts.py of its Python.
    word(SymptomKind.DUPLICATE, "builder for '", r"builder for '/nix/store/", _read_end),
)


def _explain_collision(symptom: Symptom, situation: Situation) -> Trouble:
    files = [match for name in symptom.names if (match := _FILE.fullmatch(name))]
    path = files[0]["path"]
    packages = [parse_store_path(match["name"], prefixed=False) for match in files]
    names = list(dict.fromkeys(p.name if p else m["name"] for p, m in zip(packages, files, strict=True)))
    if len(names) == 1:
        return _explain_twice(symptom, names[0], [match["name"] for match in files], path)
    what = (
        f"{', '.join(names[:-1])} and {names[-1]} bring the same file with different contents, {path}, and "
        "one environment has room for one of them."
    )
    if any(m["name"].startswith("python") for m in files) or situation.dialect not in {
        Dialect.UV2NIX,
        Dialect.PYPROJECT_NIX,
    }:
        return Trouble(
            kind=symptom.kind,
            what=what,
            paste=(("the environment, in place of python3.withPackages", _render_environment(names)),),
            now=(
                f'Or remove it from one, in its postInstall: rm "$out"/{shlex.quote(path)}',
                f"Or let one win: lib.hiPrio python3Packages.{names[0]}",
            ),
        )
    return Trouble(
        kind=symptom.kind,
        what=what,
        paste=(("overrides.nix, the overlay for uv2nix", _render_ignore(path, names)),),
        now=("wheelfix lock uv.lock  # finds all files that packages of a lock have in common",)
        if "uv.lock" in situation.files
        else (),
    )


_ONE_SET = (
    "Take every package from one and the same set, of one Python: a package that was changed has to be "
    "changed in the set, so that what depends on it has it, too."
)


def _explain_twice(symptom: Symptom, name: str, stores: Sequence[str], path: str) -> Trouble:
    return Trouble(
        kind=symptom.kind,
        what=f"One environment has two builds of {name}, {' and '.join(stores)}: both have {path}.",
        now=(_ONE_SET,),
    )


def _render_ignore(path: str, names: Sequence[str]) -> str:
    """Write the overlay that lets environments take the first of some files."""
    pattern = find_collision_pattern(_SITE.sub(SITE, path, count=1))
    items = List((Commented(f"of {', '.join(names)}: the first one is taken", write_pattern(pattern)),))
    environment = write_environment([add_to_old("venvIgnoreCollisions", items)], "")
    overlay = write_overlay([environment], hacks=False)
    return render(comment_all([f"{TITLES[Dialect.UV2NIX]}. Written by wheelfix."], overlay))


def _render_environment(names: Sequence[str]) -> str:
    """Write an environment of nixpkgs that takes the first of several files."""
    packages = List(tuple(select("pkgs", "python3Packages", name) for name in names))
    arguments = Attrs((bind("extraLibs", packages), bind("ignoreCollisions", TRUE)))
    body = call("pkgs.python3.buildEnv.override", arguments)
    function = Lambda(Formals((Formal("pkgs", call("import", SearchPath("nixpkgs"), Attrs())),)), body)
    return render(comment_all(["An environment with the first of each. Written by wheelfix."], function))


def _explain_duplicate(symptom: Symptom, situation: Situation) -> Trouble:
    name, *versions = symptom.names
    package = situation.package.name if situation.package else "The package"
    told = f" ({' and '.join(versions)})" if versions else ""
    body = Lambda("old", Attrs((bind("catchConflicts", FALSE),)))
    head = [f"For {package}: lets both be there; which one is imported is chance. Written by wheelfix."]
    return Trouble(
        kind=symptom.kind,
        what=f"{package} depends on two builds of {name}{told}, by itself and by what it depends on.",
        paste=((f"{CHANGE_TITLE}; if both may be there", render_change(package, body, head)),),
        now=(_ONE_SET,),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.COLLISION: _explain_collision,
    SymptomKind.DUPLICATE: _explain_duplicate,
}
