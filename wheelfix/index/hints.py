r"""Which packages may hold a shared library, told from their raw bytes at C speed.

Decoding a whole database takes minutes of Python time; a thirteenth of its packages holds libraries. This
module answers "maybe" or "certainly not" for a block, and never the latter wrongly. A library is a file name
that ends with ``.so`` or contains ``.so.``. Where do the four bytes of ``.so`` and what follows (``.`` or the
end) come from? In the first entry that has them at that place,

- all from its own tail: the block contains ``.so.`` or ``.so\n``;
- ``.`` or ``.s`` from the path before: the tail starts with ``so`` or ``o``, a *joint*;
- ``.so`` from the path before: the tail starts with ``.`` or is empty. Then an earlier path has a *stem*,
  ``.so`` with another byte behind it (``libmoar.so-gdb.py``), raw or through a joint, and all paths between
  share it.

Tails that start with ``o`` are common (``main.c``, ``main.o``), so a joint is only believed if the shared
prefix does end with ``.s``: checked by walking back through the raw bytes. Stems are common too
(``com.sonos.svg``), so from each one walks forward while it is shared. Going backwards some byte sequences
can be read in two ways; then, and after a long walk, the answer is "maybe".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# A joint that is followed by neither "." nor the end only matters if the next entry shares more than it did.
_JOINT: Final = re.compile(rb"\0(?:\x80..|[^\x80])(s?o)(?:([.\n])|(?=[^\0]*\0[\x01-\x80]))", re.DOTALL)
_STEM: Final = b".so"
_ENDS: Final = b".\n"
_KINDS: Final = b"rxds"
_LONG: Final = 0x80
# Entries looked at for one package before giving up; decoding it costs about as much.
_BUDGET: Final = 300_000
_GLANCE: Final = 8

LIBRARY: Final = re.compile(rb"/[^/]*\.so(?:\.[^/]*)?\Z", re.DOTALL)
"""Matches (search) the path of a shared library."""


def may_hold_library(raw: bytes) -> bool:
    """Tell whether a package may have a file named ``*.so`` or ``*.so.*``.

    Args:
        raw: the undecoded entries of one package.

    Returns:
        False only if there is certainly none.
    """
    try:
        return _may_hold_library(raw)
    except IndexError:
        return True  # ends amid an entry: the decoder shall say where


def _may_hold_library(raw: bytes) -> bool:
    stem = raw.find(_STEM)
    found = stem
    while found >= 0:
        if raw[found + len(_STEM)] in _ENDS:
            return True
        found = raw.find(_STEM, found + len(_STEM))
    budget = iter(range(_BUDGET))
    for match in _JOINT.finditer(raw):
        if _may_be_library_joint(raw, match, budget):
            return True
    return stem >= 0 and _may_continue_stem(raw, stem, budget)


def _may_be_library_joint(raw: bytes, match: re.Match[bytes], budget: Iterator[int]) -> bool:
    wanted = b"." if match[1] == b"so" else b".s"
    nul, after, above, last = match.start(), match.end(1), len(match[1]), match[2]
    # A glance both ways mostly settles it, else all the way.
    if not last and not _may_be_continued(raw, after, above, islice(budget, _GLANCE)):
        return False
    if not _prefix_may_end_with(raw, nul, wanted, islice(budget, _GLANCE)):
        return False
    if not last and not _may_be_continued(raw, after, above, budget):
        return False
    return _prefix_may_end_with(raw, nul, wanted, budget)


def _may_continue_stem(raw: bytes, found: int, budget: Iterator[int]) -> bool:
    while found >= 0:
        after = found + len(_STEM)
        line, nul = raw.find(b"\n", after), raw.find(b"\0", after)
        if nul < 0 or line < nul:  # else it is in the target of a link
            start = _find_terminator(raw, found)
            if start < 0:
                return True
            body = _find_body(raw, start)
            if found >= body and _may_be_continued(raw, after, after - body, budget):
                return True
        found = raw.find(_STEM, after)
    return False


def _may_be_continued(raw: bytes, position: int, above: int, budget: Iterator[int]) -> bool:
    """Tell whether a later path may share a stem exactly up to its end, and go on like a library's.

    Args:
        raw: the undecoded entries of one package.
        position: in the tail of the entry that has the stem.
        above: how far into that tail the stem ends.
        budget: the steps left.
    """
    for _ in budget:
        nul = raw.find(b"\0", position)
        if nul < 0:
            return False
        step = raw[nul + 1]  # read in place: this loop runs millions of times
        if step == _LONG:
            above -= _read_step(raw, nul)
            position = nul + 4
        else:
            above -= step if step < _LONG else step - 256
            position = nul + 2
        if above > 0:
            return False  # shares less than the stem
        if above == 0 and raw[position] in _ENDS:
            return True
    return True


def _prefix_may_end_with(raw: bytes, nul: int, wanted: bytes, budget: Iterator[int]) -> bool:
    """Tell whether what an entry shares with the path before may end with some bytes.

    Args:
        raw: the undecoded entries of one package.
        nul: where the entry's metadata ends.
        wanted: one or two bytes.
        budget: the steps left.
    """
    step = _read_step(raw, nul)
    for _ in budget:
        # step is how many bytes more the entry shares than the one we look at now did.
        end = raw.rfind(b"\n", 0, nul)
        if end < 0:
            return False  # the first entry of a package shares nothing
        found = _find_terminator(raw, end)
        if found < 0:
            return True
        nul = found
        if step > 0:
            own = raw[_find_body(raw, nul) : end][:step][-len(wanted) :]
            if not wanted.endswith(own):
                return False
            wanted = wanted[: len(wanted) - len(own)]
            if not wanted:
                return True
            step = 0
        step += _read_step(raw, nul)
    return True


def _read_step(raw: bytes, nul: int) -> int:
    if raw[nul + 1] == _LONG:
        return int.from_bytes(raw[nul + 2 : nul + 4], "big", signed=True)
    return int.from_bytes(raw[nul + 1 : nul + 2], "big", signed=True)


def _find_body(raw: bytes, nul: int) -> int:
    return nul + (4 if raw[nul + 1] == _LONG else 2)


def _find_terminator(raw: bytes, end: int) -> int:
    """Find the NUL that ends the metadata of the entry whose line ends at ``end``; -1 if unsure.

    A NUL before the tail may also be a differential of 0, or part of a long one.
    """
    nul = raw.rfind(b"\0", 0, end)
    if nul >= 3:
        if raw[nul - 1] == 0 and raw[nul - 2] in _KINDS and raw[nul - 3] != _LONG:
            return nul - 1
        if raw[nul - 1] in _KINDS and raw[nul - 2] != _LONG:
            return nul
    elif nul == 2 and raw[1] in _KINDS:
        return nul
    return -1
