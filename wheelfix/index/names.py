"""Taking apart the names of libraries, store paths and attributes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_NAME: Final = re.compile(r"(?P<pname>.+?)-(?P<version>[^a-zA-Z].*)", re.DOTALL)
_NUMBER: Final = re.compile(r"\d+")
# `-1.0`, `2.8`, `_14`, `-unstable`: what distinguishes releases, not libraries.
_RELEASE: Final = re.compile(r"(?:[-_.]?v?\d+(?:[._]\d+)*|-unstable|-git|-latest)+$")
_NOISE: Final = re.compile(r"[^a-z0-9+]")


def split_soname(soname: str) -> tuple[str, str]:
    """Split a soname into stem and major.

    Example:
        >>> split_soname("libpython3.11.so.1.0"), split_soname("libjvm.so"), split_soname("libtcl8.6.so")
        (('libpython3.11', '1.0'), ('libjvm', ''), ('libtcl8.6', ''))
    """
    stem, dot, major = soname.partition(".so.")
    return (stem, major) if dot else (soname.removesuffix(".so"), "")


def is_soname(name: str) -> bool:
    """Tell whether a file name may be asked for by the loader.

    Plugins and Python modules (``_ssl.cpython-313-x86_64-linux-gnu.so``) are loaded by path; what is linked
    against is called ``lib*`` or carries a version.
    """
    if name.startswith("lib"):
        return name.endswith(".so") or ".so." in name
    stem, dot, major = name.partition(".so.")
    return bool(dot and stem and major[:1].isdigit())


def split_store_name(name: str, output: str) -> tuple[str, str]:
    """Split the name of a store path into package name and version, as builtins.parseDrvName does.

    Args:
        name: after the hash.
        output: whose name is appended to the version, save for ``out``.

    Example:
        >>> split_store_name("krb5-1.22.1-lib", "lib"), split_store_name("gcc-15.2.0", "out")
        (('krb5', '1.22.1'), ('gcc', '15.2.0'))
    """
    bare = name.removesuffix(f"-{output}") if output != "out" else name
    match = _NAME.fullmatch(bare)
    return (match["pname"], match["version"]) if match else (bare, "")


def measure_distance(major: str, other: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Order majors by how far they are from one, the newer of two equally far first."""
    ours, theirs = _read_numbers(major), _read_numbers(other)
    length = max(len(ours), len(theirs))
    padded = [n + (0,) * (length - len(n)) for n in (ours, theirs)]
    gaps = tuple(abs(a - b) for a, b in zip(*padded, strict=True))
    return gaps, tuple(-n for n in theirs)


def _read_numbers(major: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBER.findall(major))


@lru_cache(maxsize=65536)
def list_forms(name: str) -> tuple[str, ...]:
    """Reduce a stem, attribute or package name to comparable forms, the most telling first.

    Example:
        >>> list_forms("libSDL2_image-2.0"), list_forms("xcb-util-wm")
        (('sdl2image20', 'sdl2image'), ('xcbutilwm',))
    """
    bare = name.lower().removeprefix("lib")
    short = _RELEASE.sub("", bare)
    forms = dict.fromkeys(_NOISE.sub("", form) for form in (bare, short))
    return tuple(form for form in forms if form)
