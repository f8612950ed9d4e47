"""Refresh what the package knows of the attributes that nixpkgs lacks on other machines than x86_64-linux.

    python scripts/update_machines.py NIXPKGS --date YYYY-MM-DD [--usual] [PLACE...]

Asks a checkout of nixpkgs, by the Nix on PATH (2.18 or newer), which of the attributes that answers can name
do not evaluate for a place, whatever is allowed: a Nix system, or one followed by ``-musl`` for its
``pkgsMusl``. Without places, all of the table are asked about anew; other places are kept. Package sets that
no wheel's answer comes from are left out, and with --usual all that no fixture and no golden file names.
Writes ``machines.json``, and prints what changes. What an expression cannot catch is found by asking again
about parts: of all attributes, a place takes two minutes (aarch64-linux) to an hour (pkgsMusl).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from wheelfix.index.choice import open_bundled
from wheelfix.index.lookup import list_answers
from wheelfix.index.machines import MUSL

ROOT = Path(__file__).parents[1]
FILE = ROOT / "wheelfix" / "index" / "data" / "machines.json"
CHUNK, PARTS = 250, 4
"""Attributes of one process, and the parts that they are asked about in again where it ends with an error."""
LEFT_OUT = (
    *("apacheHttpd", "azure-sdk", "beam", "driversi686", "gccNGPackages", "gnat", "haskell", "linuxKernel"),
    *("lua", "minimal-bootstrap", "mopidy", "ocamlPackages", "octavePackages", "perl", "php", "postgresql"),
    "python3",
)
QUERY = """{ nixpkgs, names, system, musl }:
let
  all = import nixpkgs {
    inherit system;
    overlays = [ ];
    config = {
      allowUnfree = true;
      allowInsecurePredicate = _: true;
    };
  };
  pkgs = if musl then all.pkgsMusl else all;
  evaluates =
    path:
    let
      package = builtins.foldl' (set: name: set.${name} or (throw "none")) pkgs path;
      tried = builtins.tryEval (builtins.stringLength package.outPath);
    in
    tried.success;
in
map evaluates names"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("nixpkgs", type=Path)
    parser.add_argument("--date", required=True, type=date.fromisoformat, help="day of the commit")
    parser.add_argument("--usual", action="store_true", help="only what fixtures and golden files name")
    parser.add_argument("places", nargs="*")
    options = parser.parse_args()

    document = json.loads(FILE.read_text("utf-8"))
    table = open_bundled()
    known = (table.attributes.find(attr) for attr in list_answers(table))
    attrs = [one.attr for one in known if one and one.usable and not one.attr.startswith(LEFT_OUT)]
    if options.usual:
        named = find_named()
        attrs = [attr for attr in attrs if attr in named]
    release = (options.nixpkgs / "lib" / ".version").read_text().strip()
    for place in options.places or document["places"]:
        lacking = [attr for attr, there in ask_all(options.nixpkgs, attrs, place).items() if not there]
        before = set(document["places"].get(place, {}).get("lacking", ()))
        document["places"][place] = {"asked": len(attrs), "lacking": sorted(lacking)}
        print(f"{place}: {len(lacking)} of {len(attrs)}; new: {', '.join(sorted({*lacking} - before))}")
    document |= {"date": options.date.isoformat(), "release": release}
    document["sources"] = [f"nixpkgs {release} of {options.date}: evaluated by scripts/update_machines.py"]
    write(document)


def find_named() -> set[str]:
    """Collect the words of fixtures and golden files that may be attributes."""
    files = [*(ROOT / "fixtures").glob("*.json"), *(ROOT / "fixtures").glob("*.toml")]
    files += [path for path in (ROOT / "tests" / "golden").rglob("*") if path.is_file()]
    texts = (path.read_text("utf-8", "replace") for path in files)
    return {word for text in texts for word in re.findall(r"[A-Za-z_][\w'.-]*", text)}


def write(document: dict[str, object]) -> None:
    FILE.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")


def ask_all(nixpkgs: Path, attrs: Sequence[str], place: str) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for start in range(0, len(attrs), CHUNK):
        found |= ask(nixpkgs, attrs[start : start + CHUNK], place)
        print(f"{place}: {start + CHUNK} of {len(attrs)}", file=sys.stderr)
    return found


def ask(nixpkgs: Path, attrs: Sequence[str], place: str) -> dict[str, bool]:
    """Evaluate; what stops the evaluation as a whole is found by parts, and does not evaluate."""
    question = {
        "names": [attr.split(".") for attr in attrs],
        "system": place.removesuffix(f"-{MUSL}"),
        "musl": place.endswith(MUSL),
    }
    arguments = json.dumps(json.dumps(question)).replace("${", "\\${")
    expression = f"({QUERY}) ({{ nixpkgs = {nixpkgs.resolve()}; }} // builtins.fromJSON {arguments})"
    command = ["nix-instantiate", "--store", "dummy://", "--readonly-mode", "--eval", "--strict", "--json"]
    ran = subprocess.run([*command, "--expr", expression], capture_output=True, check=False)
    if ran.returncode == 0:
        return dict(zip(attrs, json.loads(ran.stdout), strict=True))
    if len(attrs) == 1:
        return {attrs[0]: False}
    size = -(-len(attrs) // PARTS)
    found: dict[str, bool] = {}
    for start in range(0, len(attrs), size):
        found |= ask(nixpkgs, attrs[start : start + size], place)
    return found


if __name__ == "__main__":
    main()
