"""One Python source, analysed as the only one of its distribution."""

from __future__ import annotations

from wheelfix.model.hints import SourceUse
from wheelfix.pysource.sources import find_in_sources


def find_python_dlopen(path: str, source: bytes) -> SourceUse:
    """What a source opens by name; nothing for one that is passed over."""
    found = find_in_sources([path], {path: source}.get)
    return next((use for use in found if use.path == path), SourceUse(path=path))
