"""Renew the library that draws the graph of `wheelfix report`.

    python scripts/bundle_graph.py 3.34.4

Takes cytoscape out of the package registry that npm is configured for, and writes the file that browsers
load, its licence and where both come from to ``wheelfix/report/data``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

DATA = Path(__file__).parents[1] / "wheelfix" / "report" / "data"
COMMENT = """\
# Where cytoscape.min.js comes from; renewed by `python scripts/bundle_graph.py VERSION`, which takes it
# unchanged out of the npm package. The licence is in cytoscape.LICENSE.

"""
TAKEN = {"package/dist/cytoscape.min.js": "cytoscape.min.js", "package/LICENSE": "cytoscape.LICENSE"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("version")
    wanted = f"cytoscape@{parser.parse_args().version}"
    with tempfile.TemporaryDirectory() as work:
        told = subprocess.run(
            ["npm", "pack", "--json", wanted], cwd=work, capture_output=True, text=True, check=True
        )
        package = json.loads(told.stdout)[0]
        with tarfile.open(Path(work) / package["filename"]) as archive:
            for member, name in TAKEN.items():
                file = archive.extractfile(member)
                assert file is not None
                (DATA / name).write_bytes(file.read())
    digest = hashlib.sha256((DATA / "cytoscape.min.js").read_bytes()).hexdigest()
    facts = {
        "package": f"npm {package['name']}",
        "version": package["version"],
        "license": "MIT",
        "integrity": package["integrity"],
        "sha256": digest,
    }
    lines = [f'{key} = "{value}"\n' for key, value in facts.items()]
    (DATA / "provenance.toml").write_text(COMMENT + "".join(lines))
    print("".join(lines), end="")


if __name__ == "__main__":
    main()
