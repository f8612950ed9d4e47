"""Write what wheelfix's cache knows of the wheels of a lock: fixtures/locks/*.facts.json.xz.

    python scripts/collect_lock_facts.py uv.lock fixtures/locks/workbench.facts.json.xz

Run `wheelfix lock uv.lock --extra '*'` first: it reads the wheels (5 GB for the workbench).
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

from wheelfix.index.sources import find_cache
from wheelfix.lock.read import read_lock
from wheelfix.model.reading import WheelFacts
from wheelfix.wheel.results import find_hashed_name

_DIGEST = 15
"""Characters of a file's digest that are kept: enough to tell a few dozen files of one path apart."""


def main(lock: Path, output: Path) -> None:
    facts = {}
    for package in read_lock(lock).packages:
        for wheel in package.wheels:
            if wheel.sha256:
                entry = find_cache() / "facts" / find_hashed_name(wheel.sha256, WheelFacts)
                if entry.exists():
                    found = json.loads(entry.read_text())["facts"][0]
                    for file in found["files"]:
                        file["digest"] = file["digest"][:_DIGEST]
                    facts[wheel.sha256] = found
    output.write_bytes(lzma.compress(json.dumps(facts, sort_keys=True).encode(), preset=9))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
