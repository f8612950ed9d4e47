"""No golden file names an attribute that nixpkgs has not got, or refuses without the file saying so first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wheelfix.index.attributes import open_bundled_attributes
from wheelfix.model.index import Permission

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.rglob("*.nix"))
_CODE = re.compile(r'#.*|"(?:\\.|[^"\\])*"')
_PATH = re.compile(r"\bpkgs((?:\.[A-Za-z_][\w'-]*)+)")
_BARE = re.compile(r"(?<![\w.\"'-])([A-Za-z_][\w'-]*(?:\.[A-Za-z_][\w'-]*)*)")


def find_named(text: str) -> set[str]:
    """Find what stands below pkgs, and, in files of nixpkgs itself, all that may be an attribute of it."""
    code = _CODE.sub("", text)
    named = {match.lstrip(".") for match in _PATH.findall(code)}
    if "buildPythonPackage" in code or "rustPlatform" in code:
        named |= set(_BARE.findall(code))
    return named


def find_announced(text: str) -> dict[str, str]:
    """Find the lines at the head that name a permission."""
    head = text.partition("{")[0]
    return {
        one: match[1] for one in Permission if (match := re.search(rf"{one}([^.]*(?:\.[a-z][^.]*)*)", head))
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN)))
def test_named_attributes_can_be_evaluated_or_are_announced(path: Path) -> None:
    text = path.read_text()
    attributes, announced = open_bundled_attributes(), find_announced(text)
    wrong = []
    for attr in sorted(find_named(text)):
        said = attributes.find(attr)
        if said and not said.usable:
            wrong.append(f"{attr}: gone or broken")
        wrong += [
            f"{attr}: {one} is not announced"
            for one in (said.permissions if said else ())
            if attr not in announced.get(one, "")
        ]

    assert wrong == []


def test_the_files_name_attributes() -> None:
    """The search finds what is there, so that finding nothing wrong means something."""
    named = {attr for path in FILES for attr in find_named(path.read_text())}

    assert {"onetbb", "cudaPackages.libcublas", "autoPatchelfHook"} <= named
