"""Messages of Nix before anything is built: attributes that are not there, packages that are refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.index.lookup import find_default_python
from wheelfix.index.names import split_name
from wheelfix.index.releases import modernize
from wheelfix.index.table import SonameTable
from wheelfix.model.index import Attribute
from wheelfix.model.override import Dialect
from wheelfix.near import find_near
from wheelfix.nix.parts import comment_all
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
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

_ATTR = r"[A-Za-z_][\w'+-]{0,80}(?:\.[A-Za-z_][\w'+-]{0,80}){0,4}"

# Where an attribute is selected from, in the line of code that Nix shows.
_CODE = re.compile(r"^\s*\d{1,6}\|\s?(?P<code>.*)")
_OF_NIXPKGS = re.compile(
    r"(?<![\w.'-])(?:pkgs|nixpkgs|xorg|lib\.getLib)\b|import <nixpkgs>|with (?:pkgs|python3\w*Packages)\b"
    r"|(?:[bB]uildInputs|packages|makeLibraryPath|libraries)\s*=?\s*\[|withPackages|mkShell"
)
_WITH = re.compile(
    r"\bwith\s+(?:(?P<pkgs>(?:\w+\.)?pkgs|nixpkgs|import <nixpkgs> \{ ?\})"
    r"|[\w.]*[pP]ython\w*(?:Packages|\.pkgs)|ps|pp|pyPkgs)\s*;"
)
"""What a variable that is not defined was expected to come from."""
_OF_PYTHON = re.compile(
    r"python3?\d*(?:Packages|\.pkgs)|pythonPackages|withPackages|(?<![\w.])(?:ps|pp|pyPkgs)\."
)
_OF_SET = re.compile(r"set\.\$\{name\}|resolvers\.nix|(?<![\w.])(?:final|prev|pyfinal|pyprev|pythonSet)\.")
_OF_NIX = re.compile(
    r"aliases\.nix|while (?:evaluating|calling)|at /nix/store/|\.nix:\d|[nN]ixpkgs|/pkgs/"
    r"|\(use '--show-trace'"
)


def _read_attribute(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read a name that is not there, and by the code around it, which set was asked for it."""
    name = match["names"]
    lines = (match.string, *around.after()[:14])
    code = [found["code"] for line in lines if (found := _CODE.match(line))]
    using = [line for line in code if re.search(rf"(?<![\w'-]){re.escape(name)}(?![\w'-])|\$\{{", line)]
    place = None
    if "undefined variable" in match.string:
        # Only `with` makes a variable an attribute: any other name is one of the user's own code.
        scopes = [scope for line in code for scope in _WITH.finditer(line)]
        if scopes:
            place = "pkgs" if scopes[-1]["pkgs"] else "python3Packages"
    elif any(_OF_SET.search(line) for line in (*using, *(line for line in lines if "resolvers.nix" in line))):
        place = "set"
    elif any(_OF_PYTHON.search(line) for line in using):
        place = "python3Packages"
    elif any(_OF_NIXPKGS.search(line) for line in using) or (
        len(using) and any(_OF_NIXPKGS.search(line) for line in code)
    ):
        place = "pkgs"
    yield Symptom(kind=SymptomKind.ATTRIBUTE, names=(name,), place=place)


_INSTEAD = re.compile(
    r"(?<!\w)(?:[Cc]onsider(?: using)?|[Uu]se|[Ss]witch to|[Mm]igrate to|in fav(?:ou?)r of|replaced by"
    r"|superseded by|[Tt]ry) (?:the )?['\"`‘]?(?:pkgs\.)?"
    rf"(?!(?:it|a|an|another|the|that|this|one|other|instead|upstream)\b)(?P<new>{_ATTR})"
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
    yield Symptom(kind=SymptomKind.ATTRIBUTE, names=names, place=place)


_WHY = {
    "unfree": re.compile(r"has an unfree license|unfree"),
    "insecure": re.compile(r"marked as insecure|insecure"),
    "broken": re.compile(r"marked as broken|[Bb]roken"),
    "unsupported": re.compile(r"not (?:available|supported) on"),
    "blocklisted": re.compile(r"blocklisted|blacklisted"),
    "binary": re.compile(r"not built from source"),
}


def _read_refused(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    text_of_it = " ".join((match["why"], *around.after()[:3]))
    for why, pattern in _WHY.items():
        if pattern.search(match["why"]):
            yield Symptom(kind=SymptomKind.REFUSED, names=(why, match["package"]))
            return
    for why, pattern in _WHY.items():
        if pattern.search(text_of_it):
            yield Symptom(kind=SymptomKind.REFUSED, names=(why, match["package"]))
            return


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


def _explain_attribute(symptom: Symptom, situation: Situation) -> Trouble | None:
    old = symptom.names[0]
    if symptom.place == "set":
        return _explain_set(old)
    new = symptom.names[1] if len(symptom.names) > 1 else None
    said = _find_said(old, symptom.place, situation.index)
    newer = new or (said.renamed if said else None) or (modernize(old) if modernize(old) != old else None)
    if newer:
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs has {newer} in place of {old}.",
            paste=((f"where the code has {old}", _render_attr(newer, symptom.place)),),
        )
    if said and said.removed is not None:
        near = _find_near(old, symptom.place, situation.index)
        reason = f": {said.removed}" if said.removed else ""
        return Trouble(
            kind=symptom.kind,
            what=f"nixpkgs has removed {old}{reason}.",
            paste=(
                (
                    f"where the code has {old}: the nearest that there is",
                    _render_attr(near[0], symptom.place),
                ),
            )
            if near
            else (),
            now=(f"Or take {old} from an older nixpkgs, as a second input of the flake.",),
        )
    if symptom.place is None:
        return None  # a name of the user's own code, as far as is known
    near = _find_near(old, symptom.place, situation.index)
    beside = f"near to it is {' or '.join(near)}" if near else "nothing that this index knows is near to it"
    return Trouble(
        kind=symptom.kind,
        what=f"nixpkgs has no {old}, or no longer: {beside}.",
        paste=((f"where the code has {old}", _render_attr(near[0], symptom.place)),) if near else (),
        now=(f"wheelfix locate {shlex.quote(old)}",) if symptom.place == "pkgs" else (),
        answered=bool(near),
    )


def _find_said(name: str, place: str | None, index: SonameTable | None) -> Attribute | None:
    """Find what the index says of an attribute that is gone; None of one that it has, or does not know."""
    if index is None:
        return None
    python = index.attributes.find_python_attr(name) if place == "python3Packages" else None
    if python and (python.removed is not None or python.renamed):
        return Attribute(attr=name, removed=python.removed, renamed=python.renamed)
    said = index.attributes.find(name)
    return said if said and (said.removed is not None or said.renamed) else None


def _find_near(name: str, place: str | None, index: SonameTable | None) -> tuple[str, ...]:
    if index is None:
        return ()
    known: Iterable[str]
    if place == "python3Packages":
        known = index.attributes.list_python()
    else:
        known = (attr for attr in index.attributes.list_attrs() if "." not in attr or "." in name)
    return find_near(name, known, count=3)


def _render_attr(attr: str, place: str | None) -> str:
    parts = attr.removeprefix("pkgs.").split(".")
    if place == "python3Packages" and parts[0] != place:
        parts.insert(0, place)
    return render(select("pkgs", *parts))


def _explain_set(name: str) -> Trouble:
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


_BUILD_SYSTEMS = select("pyproject-build-systems", "overlays", "default")


# Refused packages


def _explain_refused(symptom: Symptom, situation: Situation) -> Trouble:
    why, package = symptom.names
    explain = {"unfree": _allow_unfree, "insecure": _allow_insecure, "broken": _allow_broken}.get(why)
    if explain:
        return explain(package, situation)
    if why == "interpreter":
        return _choose_python(package, symptom.version or "this Python", situation)
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


def _find_pname(package: str) -> str:
    return split_name(package, "out")[0]


def _allow_unfree(package: str, situation: Situation) -> Trouble:
    name = _find_pname(package)
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
    attr = f"python3{int(default.rpartition('.')[2]) - 1}"
    name = re.sub(r"\Apython[\d.]+-", "", _find_pname(package))
    packages = Lambda("ps", List((select("ps", name),)))
    code = render(
        comment_all(["An older Python. Written by wheelfix."], call(f"pkgs.{attr}.withPackages", packages))
    )
    return Trouble(
        kind=SymptomKind.REFUSED,
        what=f"nixpkgs has no {name} for {python}: the package's recipe says that it does not work there.",
        paste=(("where the environment is made, with all of its packages", code),),
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
