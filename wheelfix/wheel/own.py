"""The ``*.dist-info`` directory that is a wheel's own, where it carries those of others as well.

Format: the binary distribution format specification ("The .dist-info directory").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wheelfix.wheel.contents import parse_rows
from wheelfix.wheel.metadata import parse_filename

_SUFFIX = ".dist-info"


def list_dist_infos(paths: Iterable[str]) -> list[str]:
    """The ``*.dist-info`` directories with a METADATA at the top of a wheel, sorted.

    Args:
        paths: of its members.
    """
    ends = f"{_SUFFIX}/METADATA"
    return sorted(p.rpartition("/")[0] for p in paths if p.endswith(ends) and p.count("/") == 1)


def choose_dist_info(filename: str, infos: Sequence[str], read: Callable[[str], bytes | None]) -> str | None:
    """Choose a wheel's own directory: by the name of its file, else by what its RECORD lists.

    Args:
        filename: of the wheel.
        infos: the directories it has.
        read: the content of a member by its path, or None.

    Returns:
        None if there is none, or several may be its own.
    """
    found = list(infos)
    if len(found) > 1 and (parsed := parse_filename(filename)):
        named = [(info, _split(info)) for info in found]
        exact = [info for info, split in named if split == parsed[:2]]
        found = exact or [info for info, split in named if split and split[0] == parsed[0]] or found
    if len(found) > 1:
        # A wheel's RECORD lists itself, and every file of the wheel: those that it carries of others, too.
        found = [info for info in found if _lists_all(info, infos, read)]
    return found[0] if len(found) == 1 else None


def _split(info: str) -> tuple[str, str] | None:
    """Normalised name and version in the name of a directory."""
    parsed = parse_filename(f"{info.removesuffix(_SUFFIX)}-py3-none-any.whl")
    return parsed[:2] if parsed else None


def _lists_all(info: str, infos: Iterable[str], read: Callable[[str], bytes | None]) -> bool:
    listed = {path for path, _ in parse_rows(read(f"{info}/RECORD") or b"")}
    return f"{info}/RECORD" in listed and all(f"{other}/METADATA" in listed for other in infos)
