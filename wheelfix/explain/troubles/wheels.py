"""Messages about wheels that do not fit, and about files that are others than a lock says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from wheelfix.explain.builds import is_derivation
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.paths import normalize
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.index.lookup import find_default_python
from wheelfix.model.override import Dialect
from wheelfix.nix.parts import comment_all, write_guarded
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Expr,
    bind,
    call,
    select,
    text,
)
from wheelfix.override.dialects import TRAITS
from wheelfix.override.overlay import TITLES, write_overlay

_NAME = r"[A-Za-z0-9][\w.-]{0,80}"
_VERSION = r"[0-9][\w.!+-]{0,60}"
_WHEEL = r"(?P<names>[A-Za-z0-9][\w.+-]{1,200}\.whl)"

_NO_WHEELS = re.compile(
    rf"(?P<name>{_NAME})(?:(?:==|>=|<=|>|<|~=)(?P<version>{_VERSION}))? (?:has|have) no wheels with a "
    r"matching (?P<tag>Python (?:version|ABI|implementation)|platform) tag"
)
_MARK = re.compile(r"^[\s│╰─▶×>|]+")


_ASKED = re.compile(
    r"You're using CPython (?P<python>3\.\d+)[^\n]{0,40}?, but `(?P<name>[\w.-]+)`[^\n]{0,80}? only has "
    r"wheels with the following Python (?:ABI|implementation|version) tags?: (?P<tags>[^\n]{1,300})"
)


def _find_newest(tags: str) -> str | None:
    """Find the newest Python among tags of wheels, ``cp311``, ``cp312``."""
    minors = [int(minor) for minor in re.findall(r"\bcp3(\d{1,3})", tags)]
    return f"3.{max(minors)}" if minors else None


def _read_lacking(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    names = tuple(n for n in (normalize(match["name"]), match["number"]) if n)
    place = "set" if "nor sdist found" in match.string else None
    if "suitable source/wheel" in match.string:
        place = "poetry2nix"
    elif (asked := _ASKED.search(" ".join(around.after()[:6]))) and asked["name"] == match["name"]:
        newest = _find_newest(asked["tags"])
        if newest and int(newest[2:]) > int(asked["python"][2:]):
            newest = None  # this Python is too old, or another thing does not fit
        yield Symptom(kind=SymptomKind.NO_WHEEL, names=names, version=newest, place=newest and "pin")
        return
    yield Symptom(kind=SymptomKind.NO_WHEEL, names=names, place=place)


def _read_solution(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read the tree below uv's "No solution found": its lines are wrapped, and may stand behind a time."""
    width = len(match.string[: match.start()].rstrip("× "))
    text = " ".join(_MARK.sub("", line[width:]).strip() for line in around.after()[:30])
    for one in _NO_WHEELS.finditer(text):
        names = tuple(n for n in (normalize(one["name"]), one["version"]) if n)
        yield Symptom(kind=SymptomKind.NO_WHEEL, names=names, version=one["tag"])


_HASHES = re.compile(
    r"(?P<word>specified|wanted|expected|got|[Ee]xpected|Computed|Got):?\s+(?P<hash>\S{20,130})"
)


def _read_hashes(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read which file is another, and both hashes, of the lines after the message."""
    name = (match["names"] or "").strip("'`\"")
    found: dict[str, str] = {}
    group = ""
    for line in around.after()[:10]:
        if head := re.search(r"(Expected|Computed):\s*$", line):
            group = head[1]
        elif one := _HASHES.search(line):
            key = "old" if one["word"].lower() in {"specified", "wanted", "expected"} else "new"
            found.setdefault(key, one["hash"])
        elif group and (digest := re.search(r"sha256:[0-9a-f]{64}", line)):
            found.setdefault("old" if group == "Expected" else "new", digest[0])
    yield Symptom(kind=SymptomKind.HASH, names=(name, found.get("old", ""), found.get("new", "")))


_PIP_FILE = re.compile(
    rf"\s(?P<name>{_NAME}(?:==[\w.!+-]{{1,60}})?)(?: \([^)\n]{{1,200}}\))? from \S{{1,500}}"
)


def _read_pip_hashes(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read the files below pip's message: each with the hash that is expected, and the one that it has."""
    name = old = ""
    for line in around.after():
        if file := _PIP_FILE.search(line):
            name = file["name"]
        elif found := _HASHES.search(line.replace("Expected sha256", "Expected:")):
            if found["word"] == "Got":
                yield Symptom(kind=SymptomKind.HASH, names=(name, old, found["hash"]))
            else:
                old = found["hash"]


WORDINGS: tuple[Wording, ...] = (
    # uv2nix: lib/build.nix; the next is of poetry2nix: mk-poetry-dep.nix.
    word(
        SymptomKind.NO_WHEEL,
        "No compatible wheel, nor sdist",
        rf"No compatible wheel, nor sdist found for package '(?P<name>{_NAME})'(?: (?P<number>{_VERSION}))?",
        _read_lacking,
    ),
    word(
        SymptomKind.NO_WHEEL,
        "Missing suitable source/wheel",
        rf"Missing suitable source/wheel file entry for (?P<name>{_NAME})(?P<number>(?!))?",
        _read_lacking,
    ),
    # poetry: installation/chooser.py.
    word(
        SymptomKind.NO_WHEEL,
        "nable to find installation candidates for",
        rf"nable to find installation candidates for (?P<name>{_NAME})(?: \((?P<number>{_VERSION})\))?",
        _read_lacking,
    ),
    # uv: uv-distribution, uv-resolver.
    word(
        SymptomKind.NO_WHEEL,
        "can't be installed because",
        rf"Distribution `(?P<name>{_NAME})==(?P<number>{_VERSION})[^`\n]{{0,300}}` can't be installed "
        r"because it doesn't have a source distribution or wheel",
        _read_lacking,
    ),
    word(
        SymptomKind.NO_WHEEL,
        "No solution found",
        r"No solution found when resolving",
        _read_solution,
    ),
    # pip: wheel.py and req_install.py.
    word(
        SymptomKind.WHEEL_TAG, "not a supported wheel", rf"{_WHEEL} is not a supported wheel on this platform"
    ),
    # uv: of a wheel that is named by its path or URL.
    word(
        SymptomKind.WHEEL_TAG,
        "not compatible",
        rf"[Ff]ailed to [^\n]{{1,200}}?{_WHEEL}[^\n]{{0,200}}? not compatible",
    ),
    # Nix: libstore/unix/build/local-derivation-goal.cc.
    word(
        SymptomKind.HASH,
        "hash mismatch in",
        r"hash mismatch in (?:fixed-output derivation|file downloaded from) (?P<names>'[^'\n]{1,300}')",
        _read_hashes,
    ),
    # uv: uv-extract, uv-types.
    word(SymptomKind.HASH, "ash mismatch for", r"Hash mismatch for (?P<names>`[^`\n]{1,300}`)", _read_hashes),
    # pip: exceptions.py.
    word(
        SymptomKind.HASH,
        "DO NOT MATCH THE HASHES",
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        _read_pip_hashes,
    ),
    # poetry: installation/executor.py.
    word(
        SymptomKind.HASH,
        "not found in known hashes",
        rf"Hash for (?P<names>{_NAME}) \([^)\n]{{1,60}}\) from archive \S{{1,200}} not found in known hashes",
        _read_hashes,
    ),
)


_TAGS = (
    "See its wheels in uv.lock: cp312 in a name is Python 3.12, manylinux_2_28 glibc 2.28 or newer, "
    "macosx_14_0 a darwinSdkVersion of 14.0 or newer."
)


def _spell_python(version: str) -> str:
    return f"python{version.replace('.', '')}"


def _explain_lacking(symptom: Symptom, situation: Situation) -> Trouble:
    name, version = symptom.names[0], symptom.names[1] if len(symptom.names) > 1 else ""
    whole = f"{name} {version}".strip()
    wanted = f"{name}=={version}" if version else name
    at_fault = {
        None: "the Python, the machine or the C library: a wheel's tags name all three",
        "platform": "the platform: the machine, or a newer glibc (manylinux) than this system's",
    }.get(symptom.version, f"the {symptom.version} tag: it has wheels for other Pythons only")
    if symptom.place == "pin" and symptom.version:
        return _pin_python(name, whole, symptom.version)
    if symptom.place == "poetry2nix":
        return Trouble(
            kind=symptom.kind,
            what=f"poetry.lock has no source distribution of {name}, and poetry2nix takes wheels only where "
            "it is told to; if it still finds none, none is for this Python and system.",
            paste=((TRAITS[Dialect.POETRY2NIX].title, _render_preference(name, Dialect.POETRY2NIX)),),
            now=("If poetry.lock lists no files at all: poetry lock --regenerate",),
        )
    default = (find_default_python(situation.index) if situation.index else None) or "3.13"
    older = f"3.{int(default.rpartition('.')[2]) - 1}"
    if symptom.place or situation.dialect in {Dialect.UV2NIX, Dialect.PYPROJECT_NIX}:
        return Trouble(
            kind=symptom.kind,
            what=f"No file of {whole} in the lock fits the package set, and it has no source distribution. "
            f"What does not fit is {at_fault}.",
            paste=(("flake.nix, where the package set is made", _render_set(older)),),
            now=(
                _TAGS,
                f"Or take a release that has one: uv lock --upgrade-package {shlex.quote(name)}",
            ),
        )
    return Trouble(
        kind=symptom.kind,
        what=f"No wheel of {whole} fits, and it has no source distribution. What does not fit is {at_fault}.",
        now=(
            f"Take an older Python, for which it may have wheels: uv venv --python {older}",
            f"Or see which it has: wheelfix scan {shlex.quote(wanted)}",
        ),
    )


def _pin_python(name: str, whole: str, python: str) -> Trouble:
    """Tell to take the newest Python that a package has wheels for, of which uv itself tells."""
    return Trouble(
        kind=SymptomKind.NO_WHEEL,
        what=f"{whole} has wheels up to Python {python}, and no source distribution: this Python is too new.",
        now=(
            f"uv python pin {python} && uv sync",
            f"Or take a release with wheels for this Python: uv lock --upgrade-package {shlex.quote(name)}",
            f"In nixpkgs, that Python is pkgs.{_spell_python(python)}.",
        ),
    )


def _render_set(python: str) -> str:
    arguments = Attrs(
        (bind("python", select("pkgs", _spell_python(python)), "a Python that one of its wheels is for"),)
    )
    made = call("pkgs.callPackage", select("pyproject-nix", "build", "packages"), arguments)
    return render(comment_all(["In place of the expression that is there. Written by wheelfix."], made))


_OTHERS = {
    "win": "Windows",
    "macosx": "macOS",
    "ios": "iOS",
    "android": "Android",
    "musllinux": "musl (Alpine)",
}
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)|manylinux(1|2010|2014)")
_LEGACY = {"1": "2.5", "2010": "2.12", "2014": "2.17"}
_DERIVATION = re.compile(r"python(\d)\.(\d+)")


def _explain_tag(symptom: Symptom, situation: Situation) -> Trouble:
    file = symptom.names[0]
    parts = file.removesuffix(".whl").split("-")
    name = normalize(parts[0])
    version = parts[1] if len(parts) > 1 else ""
    python, abi, platform = parts[-3:] if len(parts) >= 5 else ("", "", "")
    reasons = list(_explain_tags(python, abi, platform))
    what = f"{file} does not fit where it is installed: it is for {'; '.join(reasons)}."
    wanted = shlex.quote(f"{name}=={version}" if version else name)
    if situation.dialect is Dialect.POETRY2NIX or is_derivation(situation.package):
        code = _render_preference(name, Dialect.POETRY2NIX)
        paste = [(TRAITS[Dialect.POETRY2NIX].title, code)]
        if situation.dialect is not Dialect.POETRY2NIX:
            paste.append((TRAITS[Dialect.UV2NIX].title, _render_preference(name, Dialect.UV2NIX)))
        what += (
            " pip of nixpkgs takes no wheel for manylinux that a build made itself: prefer that of PyPI."
            if "manylinux" in platform
            else ""
        )
        return Trouble(kind=symptom.kind, what=what, paste=tuple(paste))
    return Trouble(
        kind=symptom.kind,
        what=what,
        now=(
            f"Let pip choose the wheel: python -m pip install {wanted}",
            "See what fits: python -m pip debug --verbose",
        ),
    )


def _explain_tags(python: str, abi: str, platform: str) -> Iterator[str]:
    """Say what each tag of a wheel asks for."""
    if match := re.search(r"cp(\d)(\d+)", python):
        least = " or later" if abi == "abi3" else " and no other"
        yield f"Python {match[1]}.{match[2]}{least} ({python})"
        if abi.endswith("t"):
            yield f"a Python without GIL ({abi})"
    elif python:
        yield f"Python of the kind {python}"
    if match := _MANYLINUX.search(platform):
        glibc = f"{match[1]}.{match[2]}" if match[1] else _LEGACY[match[3]]
        yield f"Linux with glibc {glibc} or later, on {_find_machine(platform)} ({platform})"
    elif other := next((label for prefix, label in _OTHERS.items() if platform.startswith(prefix)), None):
        yield f"{other}, not for Linux with glibc ({platform})"
    elif platform.startswith("linux_"):
        yield f"Linux on {_find_machine(platform)} ({platform})"


def _find_machine(platform: str) -> str:
    found = re.search(r"(x86_64|aarch64|i686|armv\d\w|ppc64le|ppc64|s390x|riscv64|loongarch64)$", platform)
    return found[1] if found else "another machine"


def _render_preference(name: str, dialect: Dialect) -> str:
    """Write the overlay that takes a package's wheel of PyPI."""
    choice = (
        bind("preferWheel", TRUE)
        if dialect is Dialect.POETRY2NIX
        else bind("sourcePreference", text("wheel"))
    )
    package: Expr = call(select("prev", name, "override"), Attrs((choice,)))
    overlay = write_overlay([write_guarded(name, package)], hacks=False)
    return render(comment_all([f"{TITLES[dialect]}. Written by wheelfix."], overlay))


_DRV = re.compile(r"(?:/nix/store/)?[0-9a-z]{32}-(?P<name>.+?)(?:\.drv)?\Z")


def _explain_hash(symptom: Symptom, situation: Situation) -> Trouble:
    whole, old, new = symptom.names
    match = _DRV.match(whole)
    file = match["name"] if match else whole.rpartition("/")[2]
    name = normalize(re.split(r"-\d|==| ", file, maxsplit=1)[0])
    what = f"{file} is another file than the one that was locked: its hash is not the same."
    if file.endswith((".whl", ".tar.gz", ".zip")) or "==" in file:
        what += (
            " A file on PyPI does not change: another index or mirror gave it, or the lock is of another one."
        )
    paste: tuple[tuple[str, str], ...] = ()
    if new and situation.dialect is not Dialect.SHELL:
        paste = (
            (
                f"where the old hash is, {old}" if old else "where the old hash is",
                render(comment_all(["Only if the new file is the one that is wanted."], text(new))),
            ),
        )
    renew = {
        Dialect.POETRY2NIX: "poetry lock --regenerate",
    }.get(situation.dialect, f"uv lock --upgrade-package {shlex.quote(name)}")
    return Trouble(
        kind=symptom.kind,
        what=what,
        paste=paste,
        now=(
            f"Renew the lock: {renew}",
            "With uv, forget what it kept before: uv cache clean " + shlex.quote(name),
        ),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.NO_WHEEL: _explain_lacking,
    SymptomKind.WHEEL_TAG: _explain_tag,
    SymptomKind.HASH: _explain_hash,
}
