"""Comments and shell scripts: what is laid out line by line, without looking into expressions."""

from __future__ import annotations

import re
import textwrap

from wheelfix.nix.flat import print_flat, print_parts
from wheelfix.nix.quote import clean_comment
from wheelfix.nix.tree import Script, Str

WIDTH = 80
STEP = 2
_NARROWEST = 40
# What stands in ''…'' as it is; a dollar unless it could begin an interpolation.
_PLAIN = re.compile(r"(?:[ !#%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~\"-]|\$(?=[A-Za-z(]))*")


def lay_comment(comment: str, indent: int) -> list[str]:
    """Wrap a comment that is indented by so many columns; the lines come without indentation."""
    width = max(_NARROWEST, WIDTH - indent - len("# "))
    words = textwrap.wrap(clean_comment(comment), width, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in words]


def lay_script(e: Script, indent: int, column: int, reserve: int) -> list[str]:
    """Lay shell code out, as ``''…''`` where nothing in it could be taken for Nix; as ``"…"`` elsewhere."""
    literals = [part for line in e.lines for part in line if isinstance(part, str)]
    starts = [line[0] if line and isinstance(line[0], str) else "x" for line in e.lines]
    # An indented string loses the indentation its lines share: one has to begin with code.
    if all(map(_PLAIN.fullmatch, literals)) and any(s and s[0] != " " for s in starts):
        pad = " " * (indent + STEP)
        lines = [print_parts(line, str) for line in e.lines]
        if None not in lines:
            return ["''", *(pad + line if line else "" for line in lines), " " * indent + "''"]
    whole = tuple(part for line in e.lines for part in (*line, "\n"))
    return [print_flat(Str(whole)) or '""']
