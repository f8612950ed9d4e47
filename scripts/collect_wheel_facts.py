"""Write what wheelfix reads of real wheels into fixtures/wheel-facts, for tests that render Nix code.

Left out: member lists (save top modules and libraries), symbol versions of the toolchain, by-catch of
strings. Run with wheels as arguments; with ``NAME==VERSION``, the metadata of a closure goes into
fixtures/closures.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from wheelfix.index.choice import open_bundled
from wheelfix.model.base import to_builtins
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import OpeningKind
from wheelfix.model.scan import Opening
from wheelfix.model.wheel import Distribution
from wheelfix.override.imports import find_imports
from wheelfix.scan.conclude import conclude
from wheelfix.scan.read import read_wheel
from wheelfix.scan.requirement import fetch_closure

FIXTURES = Path(__file__).parents[1] / "fixtures"
_ASKED = re.compile(r"\bextra\b")


def collect_wheel(path: Path) -> None:
    with tempfile.TemporaryDirectory() as cache:  # without one, nobody asks for the digest
        reading = read_wheel(path, cache=Path(cache))
    names = [r.name for r in reading.distribution.requires if "platform" in r.text]
    wheel = reading.distribution
    libraries = {o.path for o in reading.objects}
    files = [f for f in wheel.files if f in libraries or re.fullmatch(r"[^/]+(/__init__)?\.py", f)]
    document = {
        "target": path.name,
        "name": reading.distribution.name,
        "version": reading.distribution.version,
        "tags": list(reading.distribution.tags),
        "requires": [r.text for r in reading.distribution.requires if not _ASKED.search(r.text)],
        "files": sorted(files),
        "imports": dict(find_imports(path, names)),
        "objects": [describe_object(o) for o in reading.objects if o.dynamic],
        "uses": to_builtins(reading.uses),
        "strings": collect_strings(conclude(reading, open_bundled()).openings),
        "source": to_builtins(reading.about),
    }
    write(
        FIXTURES / "wheel-facts" / f"{wheel.name}-{wheel.version}.json",
        document,
    )


def describe_object(obj: ElfObject) -> dict[str, object]:
    kept = [
        {"soname": v.soname, "versions": v.versions} for v in obj.versions if v.soname.startswith("libQt")
    ]
    return to_builtins(obj) | {"versions": kept}


def collect_strings(openings: Iterable[Opening]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for opening in openings:
        if opening.kind is OpeningKind.STRING:
            found.setdefault(opening.file, []).extend(opening.names)
    return {path: sorted(names) for path, names in sorted(found.items())}


def collect_closure(requirement: str) -> None:
    with tempfile.TemporaryDirectory() as cache:
        found = fetch_closure(requirement, Path(cache))
    document = [describe(distribution) for distribution in found]
    write(FIXTURES / "closures" / f"{found[0].name}-{found[0].version}.json", document)


def describe(wheel: Distribution) -> dict[str, object]:
    keep = [r.text for r in wheel.requires if not _ASKED.search(r.text) or wheel.name.startswith("cuda")]
    return {"target": wheel.target, "name": wheel.name, "version": wheel.version, "requires": keep}


def write(path: Path, document: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if argument.endswith(".whl"):
            collect_wheel(Path(argument))
        else:
            collect_closure(argument)
