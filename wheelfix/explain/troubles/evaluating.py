"""Messages of Nix before anything is built: attributes that are not there, packages that are refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from wheelfix.explain.asked import load_names
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.paths import normalize
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.index.lookup import find_default_python
from wheelfix.index.names import split_name
from wheelfix.index.releases import modernize
from wheelfix.index.table import SonameTable
from wheelfix.model.index import Attribute
from wheelfix.model.override import Dialect
from wheelfix.near import count_slips, find_near
from wheelfix.nix.parts import comment_all, write_guarded
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Binary,
    Binding,
    Inherit,
    Lambda,
    List,
    SearchPath,
    Select,
    bind,
    call,
    select,
    strings,
)
from wheelfix.override.overlay import TITLES, write_overlay

_ATTR = r"[A-Za-z_][\w'+-]{0,80}(?:\.[A-Za-z_][\w'+-]{0,80}){0,4}"

# Where an attribute is selected from, in the line of code that Nix shows.
_CODE = re.compile(r"^\s*\d{1,6}\|\s?(?P<code>.*)")
_CARET = re.compile(r"^\s*\|\s*\^")
_OF_NIXPKGS = re.compile(
    r"(?<![\w.'-])(?:pkgs|nixpkgs|xorg|lib\.getLib)\b|import <nixpkgs>|with (?:pkgs|python3\w*Packages)\b"
    r"|(?:[bB]uildInputs|packages|makeLibraryPath|libraries)\s*=?\s*\[|withPackages|mkShell"
)
_WITH = re.compile(
    r"\bwith\s+(?:(?P<pkgs>(?:\w+\.)?pkgs|nixpkgs|import <nixpkgs> \{ ?\})"
    r"|[\w.]*[pP]ython\w*(?:Packages|\.pkgs)|ps|pp|pyPkgs)\s*;"
)
"""What makes a variable an attribute; any other name is one of the user's own code."""
_OF_PYTHON = re.compile(
    r"python3?\d*(?:Packages|\.pkgs)|pythonPackages|withPackages|(?<![\w.])(?:ps|pp|pyPkgs)\."
)
_OF_SET = re.compile(r"set\.\$\{name\}|resolvers\.nix|(?<![\w.])(?:final|prev|pyfinal|pyprev|pythonSet)\.")
_OF_NIXPKGS_SET = re.compile(r"packageOverrides|pythonPackagesExtensions|overridePythonAttrs")
_OF_NIX = re.compile(
    r"aliases\.nix|while (?:evaluating|calling)|at /nix/store/|\.nix:\d|[nN]ixpkgs|/pkgs/"
    r"|\(use '--show-trace'"
)
_DIRECT = (
    r"(?:(?<![\w.'-])(?:pkgs|nixpkgs)|import <nixpkgs>\s*(?:\{[^}]{0,200}\}\s*)?\)|<nixpkgs>\)"
    r"|legacyPackages\.(?:\$\{[^}]{0,60}\}|[\w-]{1,40}))"
)
"""What has the attributes of nixpkgs."""
_INNER = r"(?:xorg|gst_all_1|libsForQt5|qt5|qt6|cudaPackages\w{0,10}|gnome|darwin|llvmPackages\w{0,5})"
_MEANT = re.compile(r"Did you mean (?:one of )?(?P<names>[^?\n]{1,300})\?")
_ARGUMENTS = frozenset({"lib", "pkgs", "final", "prev", "old", "self", "super", "oldAttrs"})
"""Names of arguments, which no set of nixpkgs is searched for."""
_OWN = frozenset(
    {"buildEnv", "buildPythonApplication", "buildPythonPackage", "callPackage", "cc", "config", "default"}
    | {"dev", "devShells", "fetchFromGitHub", "fetchPypi", "fetchurl", "inputs", "legacyPackages", "mkShell"}
    | {"name", "nixpkgs", "out", "outputs", "overlay", "overlays", "package", "packages", "pyproject-nix"}
    | {"python", "python3", "python3Packages", "src", "stdenv", "system", "uv2nix", "version", "workspace"}
)
"""Names of sets, outputs and attributes of derivations, that code of users has."""
_SYSTEM = re.compile(r"(?:x86_64|aarch64|i686|riscv64|armv7l)-(?:linux|darwin)")


def _read_attribute(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a name that is not there, and by the code around it, which set was asked for it."""
    name = match["names"]
    if name in _OWN or _SYSTEM.fullmatch(name):
        return
    variable = "undefined variable" in match[0]
    if name in _ARGUMENTS:
        if variable:
            yield Symptom(kind=SymptomKind.ATTRIBUTE, names=(name,), place="arguments")
        return
    lines = (match.string, *around.after()[:14])
    using, code = _find_code(name, lines)
    place = None
    word_of = rf"(?<![\w'-])\"?{re.escape(name)}\"?(?![\w'-])"
    if any(_OF_SET.search(line) for line in (*using, *(line for line in lines if "resolvers.nix" in line))):
        nixpkgs = any(_OF_NIXPKGS_SET.search(line) for line in code)
        place = "python3Packages" if nixpkgs else "set"
    elif any(_OF_PYTHON.search(line) for line in using):
        place = "python3Packages"
    elif variable and (
        any(_OF_NIXPKGS.search(line) for line in using)
        or (using and any(_OF_NIXPKGS.search(line) for line in code))
    ):
        place = "pkgs"
    elif not variable and (
        found := next(
            (
                m
                for line in using
                if (
                    m := re.search(
                        rf"{_DIRECT}\.(?P<inner>{_INNER}\.)?{word_of}"
                        rf"|inherit \((?:pkgs|nixpkgs)\)[^;]{{0,400}}?{word_of}"
                        rf"|with pkgs;.{{0,400}}?{word_of}",
                        line,
                    )
                )
            ),
            None,
        )
    ):
        place = "pkgs"
        if found["inner"] and not found["inner"].startswith("xorg"):
            name = found["inner"] + name
    meant = next((m["names"] for line in lines if (m := _MEANT.search(line))), "")
    suggested = [one.strip("'`‘’ ") for one in re.split(r", | or ", meant) if one]
    names = (name, "", *suggested) if suggested else (name,)
    unsure = variable and not any(_WITH.search(line) for line in code)
    yield Symptom(kind=SymptomKind.ATTRIBUTE, names=names, place=place, unsure=unsure)


def _find_code(name: str, lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Find the lines of code that have a name, and all lines of code; of a caret, the line above it."""
    code = [(number, found["code"]) for number, line in enumerate(lines) if (found := _CODE.match(line))]
    carets = {number - 1 for number, line in enumerate(lines) if _CARET.match(line)}
    pointed = [line for number, line in code if number in carets]
    shown = pointed or [line for _, line in code]
    has_name = re.compile(rf"(?<![\w'-]){re.escape(name)}(?![\w'-])|\$\{{")
    return [line for line in shown if has_name.search(line)], [line for _, line in code]


_INSTEAD = re.compile(
    r"(?<!\w)(?:[Cc]onsider(?: using)?|[Uu]se|[Ss]witch to|[Mm]igrate to|in fav(?:ou?)r of|replaced by"
    r"|superseded by|[Tt]ry) (?:the )?['\"`‘]?(?:pkgs\.)?"
    rf"(?!(?:it|a|an|another|the|that|this|one|other|instead|upstream|https?|top-level)\b)(?P<new>{_ATTR})"
)


def _read_gone(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read nixpkgs' own words for an attribute that it no longer has."""
    old, new = match["names"], match["new"]
    if new is None and (found := _INSTEAD.search(match.string[match.end() :])):
        new = found["new"]
    told = "renamed to/replaced by" in match.string
    place = (
        "pkgs"
        if told or any(_OF_NIX.search(line) for line in (*around.above()[-30:], *around.after()))
        else None
    )
    names = tuple(n.strip("'.\"`‘’") for n in (old, new) if n)
    if place and not new:
        place = "removed"
    yield Symptom(kind=SymptomKind.ATTRIBUTE, names=names, place=place)


_WHY = {
    "unfree": re.compile(r"has an unfree license|unfree"),
    "insecure": re.compile(r"marked as insecure|insecure"),
    "broken": re.compile(r"marked as broken|[Bb]roken"),
    "unsupported": re.compile(r"not (?:available|supported) on"),
    "blocklisted": re.compile(r"blocklisted|blacklisted"),
    "binary": re.compile(r"not built from source"),
}


_LISTED = re.compile(r"\s*\"(?P<name>[\w.+-]{1,120})\"")
_LISTS = re.compile(r"(?:Predicate|permittedInsecurePackages)\b.{0,80}\[\s*$")


def _read_refused(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    after = around.after()
    text_of_it = " ".join((match["why"], *after[:3]))
    why = next((why for why, pattern in _WHY.items() if pattern.search(match["why"])), None)
    why = why or next((why for why, pattern in _WHY.items() if pattern.search(text_of_it)), None)
    if why:
        listed = next(
            (
                found["name"]
                for head, line in pairwise(after)
                if _LISTS.search(head) and (found := _LISTED.fullmatch(line.rstrip()))
            ),
            None,
        )
        yield Symptom(kind=SymptomKind.REFUSED, names=(why, match["package"], *([listed] if listed else [])))


_QUOTES = "‘’'\"`"
_PACKAGE = rf"[{_QUOTES}]?(?P<package>[\w.+-]{{1,120}})[{_QUOTES}]?"

WORDINGS: tuple[Wording, ...] = (
    # Nix: src/libexpr/eval.cc, parser-state.hh.
    word(
        SymptomKind.ATTRIBUTE,
        "missing",
        rf"error: attribute ['‘\"](?P<names>{_ATTR})['’\"] missing",
        _read_attribute,
    ),
    word(
        SymptomKind.ATTRIBUTE,
        "undefined variable",
        rf"error: undefined variable ['‘\"](?P<names>{_ATTR})['’\"]",
        _read_attribute,
    ),
    # nixpkgs: pkgs/top-level/aliases.nix, python-aliases.nix.
    word(
        SymptomKind.ATTRIBUTE,
        "has been re",
        rf"(?:error|trace|evaluation warning|warning):\s+(?:warning: |evaluation warning: )?[{_QUOTES}]?"
        rf"(?P<names>{_ATTR})[{_QUOTES}]? has been re(?:named|placed|moved)"
        rf"(?: (?:to/replaced by|to|by|with) [{_QUOTES}]?(?P<new>{_ATTR}))?",
        _read_gone,
    ),
    word(
        SymptomKind.ATTRIBUTE,
        "was removed",
        rf"error:\s+[{_QUOTES}]?(?P<names>{_ATTR})[{_QUOTES}]? was removed(?P<new>(?!))?",
        _read_gone,
    ),
    # nixpkgs: pkgs/development/interpreters/python/mk-python-derivation.nix.
    word(
        SymptomKind.REFUSED,
        "not supported for interpreter",
        rf"error: {_PACKAGE} (?:is )?not supported for interpreter (?P<python>[\w.]{{1,20}})",
        lambda match, _around: [
            Symptom(
                kind=SymptomKind.REFUSED, names=("interpreter", match["package"]), version=match["python"]
            )
        ],
    ),
    # nixpkgs: pkgs/stdenv/generic/check-meta.nix, of this and former releases.
    word(
        SymptomKind.REFUSED,
        "refusing to evaluate",
        rf"[Pp]ackage {_PACKAGE} in \S{{1,300}} (?P<why>[^\n]{{1,200}}), refusing to evaluate",
        _read_refused,
    ),
    word(
        SymptomKind.REFUSED,
        "not available on",
        rf"[Pp]ackage {_PACKAGE} in \S{{1,300}} (?P<why>is not available on)",
        _read_refused,
    ),
    word(
        SymptomKind.REFUSED,
        "efusing to evaluate package",
        rf"Refusing to evaluate package {_PACKAGE} in \S{{1,300}} because it (?P<why>[^\n]{{1,200}})",
        _read_refused,
    ),
)


# Attributes

_POETRY2NIX = (
    "nixpkgs no longer has poetry2nix: it is a flake of its own. uv2nix does the same for uv.lock.",
    "flake.nix: among the inputs, github:nix-community/poetry2nix as `poetry2nix`; where it was used",
    select("poetry2nix", "lib", "mkPoetry2Nix"),
)
_SDK = (
    "nixpkgs no longer has the frameworks of Apple apart: stdenv has the whole SDK. Delete them from the "
    "inputs; a newer SDK than that of stdenv is an input of its own."
)


def _explain_attribute(symptom: Symptom, situation: Situation) -> Trouble | None:
    old, new, *suggested = (*symptom.names, "", "")[: max(2, len(symptom.names))]
    place = symptom.place
    if place == "arguments":
        return _explain_argument(old)
    if old == "poetry2nix" and place:
        what, where, function = _POETRY2NIX
        code = render(call(function, Attrs((Inherit(("pkgs",)),))))
        return Trouble(kind=symptom.kind, what=what, paste=((where, code),))
    if re.match(r"(?:darwin\.)?apple_sdk", old) and place:
        deployed = render(select("pkgs", "apple-sdk_15"))
        return Trouble(
            kind=symptom.kind, what=_SDK, paste=((f"if one is needed, where the code has {old}", deployed),)
        )
    if place == "set":
        return _explain_set(old)
    gone = place == "removed"
    place = "pkgs" if gone else place
    said = _find_said(old, place, situation.index)
    newer = new or (said.renamed if said else None) or (modernize(old) if modernize(old) != old else None)
    if newer:
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs has {newer} in place of {old}.",
            paste=((f"where the code has {old}", _render_attr(newer, place)),),
        )
    stem = _find_stem(old.rpartition(".")[2], situation.index) if place == "pkgs" else None
    if gone or (said and said.removed is not None):
        reason = (
            f": {said.removed}" if said and said.removed else ", and its message tells why" if gone else ""
        )
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs has removed {old}{reason}.",
            paste=((f"where the code has {old}: the release that it has now", _render_attr(stem, None)),)
            if stem
            else (),
            now=(f"Or take {old} from an older nixpkgs, as a second input of the flake.",),
        )
    if place is None:
        return None  # a name of the user's own code, as far as is known
    if place == "pkgs" and situation.index and situation.index.attributes.find(old):
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs has {old}: no variable there has that name, or this nixpkgs is older.",
            paste=((f"where the code has {old}", _render_attr(old, place)),),
        )
    if symptom.unsure:
        return None  # a variable of the user's own, as well as an attribute
    near = _find_slip(old, suggested, place, situation.index)
    if near is None and stem:
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs has no {old}, or no longer: {stem} is the release that it has now.",
            paste=((f"where the code has {old}", _render_attr(stem, None)),),
        )
    beside = f"near to it is {near}" if near else "nothing that this index knows is near to it"
    same = near is not None and near.replace("_", "-").lower() == old.replace("_", "-").lower()
    return Trouble(
        kind=symptom.kind,
        what=f"nixpkgs has no {old}, or no longer: {beside}.",
        paste=((f"where the code has {old}", _render_attr(near, place)),) if near else (),
        now=(f"wheelfix locate {shlex.quote(old)}",) if place == "pkgs" and not near else (),
        answered=same,
    )


def _find_stem(name: str, index: SonameTable | None) -> str | None:
    """Find the attribute without a release behind its name: ``cudaPackages.cudnn`` for ``cudnn_8_9``."""
    match = re.fullmatch(r"(?P<stem>[A-Za-z][A-Za-z-]{2,40}?)[_-]?\d[\d_]*", name)
    if match is None or index is None:
        return None
    for attr in (match["stem"], f"cudaPackages.{match['stem']}"):
        found = index.attributes.find(attr)
        if found and found.removed is None and not found.renamed:
            return attr
    return None


def _explain_argument(name: str) -> Trouble:
    """Tell that an argument of a function of the user's own is not there: its head lacks it."""
    place = f"the head of the function that uses {name}"
    what = f"The code uses {name}, and no function around it has an argument of that name."
    if name == "lib":
        return Trouble(
            kind=SymptomKind.ATTRIBUTE,
            what=f"{what} It is in pkgs, too.",
            paste=(("where the code has lib", render(select("pkgs", "lib"))),),
        )
    if name == "pkgs":
        nixpkgs = call("import", select("nixpkgs"), Attrs((Inherit(("system",)),)))
        return Trouble(
            kind=SymptomKind.ATTRIBUTE,
            what=what,
            paste=(("flake.nix: in the `let` before the code, after `pkgs =`", render(nixpkgs)),),
            now=(
                "At the top `{ pkgs, ... }:` of a module, `{ pkgs ? import <nixpkgs> { } }:` of a shell.nix.",
            ),
        )
    heads = {"old": "(old: { … })", "oldAttrs": "(oldAttrs: { … })", "self": "self: super: { … }"}
    heads |= {"super": "self: super: { … }"}
    head = heads.get(name, "final: prev: { … }")
    return Trouble(kind=SymptomKind.ATTRIBUTE, what=what, now=(f"In {place}, write: {head}",))


def _find_said(name: str, place: str | None, index: SonameTable | None) -> Attribute | None:
    """Find what the index says of an attribute that is gone; None of one that it has, or does not know."""
    if index is None:
        return None
    python = index.attributes.find_python_attr(name) if place == "python3Packages" else None
    if python and (python.removed is not None or python.renamed):
        return Attribute(attr=name, removed=python.removed, renamed=python.renamed)
    said = index.attributes.find(name)
    return said if said and (said.removed is not None or said.renamed) else None


_LEAST = 5
"""Letters of a name that may have a slip: shorter ones are near to many."""


def _find_slip(
    old: str, suggested: Iterable[str], place: str | None, index: SonameTable | None
) -> str | None:
    """Find the name that was meant: Nix's own suggestion, else one of the index, one slip away."""
    known: Iterable[str] = ()
    if index and place == "python3Packages":
        known = index.attributes.list_python()
    elif index:
        known = [attr for attr in index.attributes.list_attrs() if "." not in attr or "." in old]
    numbered = re.compile(rf"{re.escape(old)}_?\d{{1,3}}")
    near = find_near(old, known, count=3)
    numbers = sorted({one for one in (*suggested, *known) if numbered.fullmatch(one)}, reverse=True)
    for names in (numbers, tuple(suggested), near):
        for name in names:
            if name == old or not _is_slip(old, name):
                continue
            said = _find_said(name, place, index)
            return (said.renamed if said else None) or name
    return None


def _is_slip(old: str, name: str) -> bool:
    bare, other = (re.sub(r"[-_.]", "", one).lower() for one in (old, name))
    if bare == other or (len(bare) >= _LEAST and bare == other.rstrip("0123456789")):
        return True  # the same, or with a number
    slips = count_slips(bare, other, most=1) if len(bare) >= _LEAST else None
    return slips == 1 and bare[0] == other[0] and bare.rstrip("0123456789") != other.rstrip("0123456789")


def _render_attr(attr: str, place: str | None) -> str:
    parts = attr.removeprefix("pkgs.").split(".")
    if place == "python3Packages" and parts[0] != place:
        parts.insert(0, place)
    return render(select("pkgs", *parts))


def _explain_set(name: str) -> Trouble:
    if (normal := normalize(name)) != name:
        return Trouble(
            kind=SymptomKind.ATTRIBUTE,
            what=f"Package sets made of a lock have normalised names: {normal}, not {name}.",
            paste=(("overrides.nix, the overlay for uv2nix", _render_guarded(normal)),),
        )
    if name not in load_names().systems.values():
        return Trouble(
            kind=SymptomKind.ATTRIBUTE,
            what=f"The package set that is made of the lock has no {name}: the lock does not list it, or not "
            "for this system or these groups, and code may only change it where it is.",
            paste=(("overrides.nix, the overlay for uv2nix", _render_guarded(name)),),
            now=(f"Or lock it: uv add {shlex.quote(name)}",),
        )
    overlays = call("pkgs.lib.composeManyExtensions", List((_BUILD_SYSTEMS, select("overlay"))))
    head = "Overlays of the package set: build systems, then `overlay`, which uv2nix makes of the lock."
    code = render(comment_all([head, "Written by wheelfix."], overlays))
    return Trouble(
        kind=SymptomKind.ATTRIBUTE,
        what=f"The package set that is made of the lock has no {name}: a lock does not have what packages "
        "are built with, and wheels need none.",
        paste=(("flake.nix, where pythonSet.overrideScope gets its overlays", code),),
        now=(f"Or lock it: uv add --dev {shlex.quote(name)}",),
    )


def _render_guarded(name: str) -> str:
    """Write an overlay that changes a package where the set has it."""
    body = Lambda("old", Attrs((), trailer=f"what is changed in {name}"))
    overlay = write_overlay(
        [write_guarded(name, call(select("prev", name, "overrideAttrs"), body))], hacks=False
    )
    return render(comment_all([f"{TITLES[Dialect.UV2NIX]}. Written by wheelfix."], overlay))


_BUILD_SYSTEMS = select("pyproject-build-systems", "overlays", "default")


# Refused packages


def _explain_refused(symptom: Symptom, situation: Situation) -> Trouble:
    why, package, *listed = symptom.names
    if why == "unfree":
        return _allow_unfree(package, listed[0] if listed else _find_pname(package), situation)
    explain = {"insecure": _allow_insecure, "broken": _allow_broken}.get(why)
    if explain:
        return explain(listed[0] if listed and why == "insecure" else package, situation)
    if why == "interpreter":
        return _choose_python(package, symptom.version or "this Python", situation)
    if why == "unsupported" and (apple := _find_apple(package)):
        return apple
    if why == "unsupported":
        variable = "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM=1"
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs does not build {package} for this system, by its meta.platforms.",
            paste=tuple(_write_config((bind("allowUnsupportedSystem", TRUE),), situation)),
            now=(f"Try whether it builds all the same: {variable} nix build --impure",),
        )
    return Trouble(
        kind=symptom.kind,
        what=f"The configuration of nixpkgs forbids {package}: {why}.",
        now=("Change blocklistedLicenses or allowNonSource, where nixpkgs is configured.",),
    )


def _find_apple(package: str) -> Trouble | None:
    """Tell of a package that is made for macOS: allowing it builds nothing."""
    name = _find_pname(package)
    if not re.match(
        r"pyobjc|py-applescript|appscript|macfsevents|rumps\b|apple|darwin|mac-?os", name, re.IGNORECASE
    ):
        return None
    marker = f"{name}; sys_platform == 'darwin'"
    return Trouble(
        kind=SymptomKind.REFUSED,
        what=f"{name} is for macOS only, and nothing makes it work here: leave it out on other systems.",
        paste=(
            ("pyproject.toml, among the dependencies", f'"{marker}",\n'),
            (
                "an environment of nixpkgs: `packages` is its list",
                render(
                    Binary(
                        "++",
                        select("packages"),
                        call(
                            "pkgs.lib.optionals",
                            select("pkgs", "stdenv", "hostPlatform", "isDarwin"),
                            List((select("ps", name),)),
                        ),
                    )
                ),
            ),
        ),
    )


def _find_pname(package: str) -> str:
    """Find the pname: without the version, and without the prefix that the sets of Python and CUDA give."""
    return split_name(re.sub(r"\A(?:python3?[\d.]*|pypy[\d.]*|cuda[\d.]+)-", "", package), "out")[0]


def _allow_unfree(package: str, name: str, situation: Situation) -> Trouble:
    parsed = select(call("builtins.parseDrvName", select("pkg", "name")), "name")
    function = Lambda(
        "pkg",
        call("builtins.elem", Select(select("pkg"), ("pname",), parsed), strings((name,))),
    )
    cuda = re.match(r"cuda|libcu|libn[pv]|cudnn|nvidia|nccl|tensorrt|libnccl", name)
    now = ["Once: NIXPKGS_ALLOW_UNFREE=1 nix build --impure, or nix-build and nix-shell without --impure"]
    if cuda:
        now.append(
            "CUDA has some dozens of such packages: `config.allowUnfree = true;` allows all, and "
            "`wheelfix flake --cuda --unfree` writes the flake."
        )
    return Trouble(
        kind=SymptomKind.REFUSED,
        what=f"nixpkgs refuses {package}: its licence is unfree, and has to be allowed by name.",
        paste=tuple(_write_config((bind("allowUnfreePredicate", function),), situation, unfree=True)),
        now=tuple(now),
    )


def _choose_python(package: str, python: str, situation: Situation) -> Trouble:
    """Tell that a package is not for a Python: which one it is for, only its recipe says (``disabled``)."""
    default = (find_default_python(situation.index) if situation.index else None) or "3.13"
    name = _find_pname(package)
    found = re.search(r"3\.(\d+)", python)
    minor, usual = int(found[1]) if found else 0, int(default.rpartition(".")[2])
    what = f"nixpkgs has no {name} for {python}: the package's recipe says that it does not work there."
    if found and minor < usual:
        attr, head = "python3", f"Python {default}, as that one is too old. Written by wheelfix."
    else:
        attr = f"python3{min(minor, usual + 1) - 1 if found else usual - 1}"
        head = "Try an older Python: `disabled` in the recipe tells which. Written by wheelfix."
        what += (
            " Releases that are no longer cared for lack newer Pythons; see whether something replaced it."
        )
    packages = Lambda("ps", List((select("ps", name),)))
    code = render(comment_all([head], call(f"pkgs.{attr}.withPackages", packages)))
    return Trouble(
        kind=SymptomKind.REFUSED,
        what=what,
        paste=(("where the environment is made, with all of its packages", code),),
        answered=attr == "python3",
    )


def _allow_insecure(package: str, situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.REFUSED,
        what=f"nixpkgs refuses {package}: it has known vulnerabilities, and has to be allowed by its name.",
        paste=tuple(
            _write_config(
                (bind("permittedInsecurePackages", strings((package,))),), situation, insecure=package
            )
        ),
        now=("Once: NIXPKGS_ALLOW_INSECURE=1 nix build --impure",),
    )


def _allow_broken(package: str, situation: Situation) -> Trouble:
    name = _find_pname(package)
    return Trouble(
        kind=SymptomKind.REFUSED,
        what=f"nixpkgs refuses {package}: it is marked as broken, as it did not build when last tried.",
        paste=tuple(_write_config((bind("allowBroken", TRUE),), situation)),
        now=(
            "Once, to see whether it builds: NIXPKGS_ALLOW_BROKEN=1 nix build --impure",
            f"Or take {name} from another release of nixpkgs, or as a wheel.",
        ),
    )


def _write_config(
    settings: tuple[Binding, ...],
    situation: Situation,
    *,
    unfree: bool = False,
    insecure: str = "",
) -> Iterator[tuple[str, str]]:
    """Write settings of nixpkgs where a project has them: in devenv.yaml, NixOS, or an import."""
    files, dialect = situation.files, situation.dialect
    if dialect is Dialect.DEVENV or "devenv.nix" in files:
        yield "devenv.yaml", _render_devenv(unfree=unfree, insecure=insecure)
        return
    system = dialect is Dialect.NIXOS or "configuration.nix" in files
    flake = "flake.nix" in files or not (files & {"shell.nix", "default.nix"})
    if system:
        bindings = tuple(Binding(("nixpkgs", "config", *one.path), one.value) for one in settings)
        code = render(comment_all(["A module of NixOS. Written by wheelfix."], Attrs(bindings)))
        yield "configuration.nix, or a module beside it", code
        return
    config = tuple(Binding(("config", *one.path), one.value) for one in settings)
    if flake:
        imported = call("import", select("nixpkgs"), Attrs((Inherit(("system",)), *config)))
        head = "pkgs of the flake, in place of nixpkgs.legacyPackages. Written by wheelfix."
        yield "flake.nix, where pkgs is made", render(comment_all([head], imported))
        return
    imported = call("import", SearchPath("nixpkgs"), Attrs(config))
    place = "shell.nix" if "shell.nix" in files else "default.nix"
    yield f"{place}, where nixpkgs is imported", render(comment_all(["Written by wheelfix."], imported))


def _render_devenv(*, unfree: bool, insecure: str) -> str:
    if insecure:
        return f"# Written by wheelfix.\npermittedInsecurePackages:\n  - {insecure}\n"
    return f"# Written by wheelfix.\n{'allowUnfree' if unfree else 'allowBroken'}: true\n"


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.ATTRIBUTE: _explain_attribute,
    SymptomKind.REFUSED: _explain_refused,
}
