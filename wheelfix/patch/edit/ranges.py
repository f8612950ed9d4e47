"""The smallest ranges to write."""

from __future__ import annotations

from wheelfix.patch.edited import Write

_CHUNK = 4096


def diff(offset: int, old: bytes, new: bytes) -> list[Write]:
    """The ranges in which new bytes differ from what stands at ``offset``; ``old`` is at least as long."""
    writes: list[Write] = []
    start = end = -1
    for chunk in range(0, len(new), _CHUNK):
        if old[chunk : chunk + _CHUNK] == new[chunk : chunk + _CHUNK]:
            continue
        for at in range(chunk, min(chunk + _CHUNK, len(new))):
            if old[at] == new[at]:
                continue
            if start >= 0 and at > end + 8:
                writes.append(Write(offset=offset + start, data=new[start:end]))
                start = at
            elif start < 0:
                start = at
            end = at + 1
    if start >= 0:
        writes.append(Write(offset=offset + start, data=new[start:end]))
    return writes
