"""Collect nixpkgs' names of licenses, for ``wheelfix/nix/data/licenses.json``.

    python scripts/collect_licenses.py /path/to/nixpkgs            # rewrites the table
    python scripts/collect_licenses.py /path/to/nixpkgs --check    # exit 1 if the table would change

``nix-instantiate`` evaluates ``lib/licenses`` of the checkout. Deprecated names are left out: they do not say
whether later versions of a license are meant, and no maintainer may use them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

TABLE = Path(__file__).parent.parent / "wheelfix" / "nix" / "data" / "licenses.json"
SAME = {
    "LicenseRef-Proprietary": "unfree",
    "LicenseRef-Public-Domain": "publicDomain",
    # Its SPDX identifier in nixpkgs is that of the whole stack of licenses, Python-2.0, of which it is one.
    "PSF-2.0": "psfl",
}
"""What nixpkgs calls by a name that has another identifier, or none."""
QUESTION = """
  let
    lib = import %s;
    known = lib.filterAttrs (_: license: license ? spdxId && !license.deprecated) lib.licenses;
  in {
    release = lib.trivial.release;
    names = map (attr: { inherit attr; inherit (known.${attr}) spdxId; }) (lib.attrNames known);
  }
"""


def main() -> int:
    """Write the table, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nixpkgs", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--nix-instantiate", default="nix-instantiate")
    arguments = parser.parse_args()
    command = [arguments.nix_instantiate, "--eval", "--strict", "--json", "--expr"]
    question = QUESTION % (arguments.nixpkgs.resolve() / "lib")
    answer = json.loads(subprocess.run([*command, question], check=True, capture_output=True).stdout)
    attributes = {one["spdxId"]: one["attr"] for one in answer["names"]} | SAME
    old = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    if old.get("attributes") == attributes:
        return 0
    if arguments.check:
        print(f"{TABLE} is not that of this nixpkgs", file=sys.stderr)
        return 1
    source = f"nixpkgs {answer['release']}: lib/licenses, evaluated by scripts/collect_licenses.py"
    table = {
        "sources": [source],
        "date": datetime.now(UTC).date().isoformat(),
        "attributes": dict(sorted(attributes.items())),
    }
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(json.dumps(table, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
