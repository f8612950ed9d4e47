"""Replaces strings in files: ``substitute FILE... --replace-fail OLD NEW...``, or -warn, or -quiet."""

from __future__ import annotations

import sys
from pathlib import Path


def substitute(words: list[str]) -> int:
    """As ``substituteInPlace`` of nixpkgs does: all occurrences; none is an error of ``--replace-fail``."""
    count = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
    files, rest = words[:count], words[count:]
    if not files or not rest or len(rest) % 3:
        print(f"substitute: cannot be understood: {words}", file=sys.stderr)
        return 2
    for name in files:
        path = Path(name)
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        for option, old, new in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            if option not in {"--replace-fail", "--replace-warn", "--replace-quiet"}:
                print(f"substitute: no option {option}", file=sys.stderr)
                return 2
            if old not in text and option != "--replace-quiet":
                print(f"substitute: pattern {old!r} does not match anything in {name}", file=sys.stderr)
                if option == "--replace-fail":
                    return 1
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return 0


if __name__ == "__main__":
    sys.exit(substitute(sys.argv[1:]))
