"""Sonames that come with the GPU driver, never with a package.

On NixOS the user-space half of the driver is in ``/run/opengl-driver/lib`` and has to match the loaded kernel
module, so nothing may be linked against a copy of it. The table is ``data/driver.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from wheelfix.model.tables import Soname, Table, load_table

RUN_PATH: Final = "/run/opengl-driver/lib"
"""Where NixOS puts the libraries of the driver."""

WSL_PATH: Final = "/usr/lib/wsl/lib"
"""Where WSL puts the libraries of the display driver of Windows."""

_DIRECTORIES: Final = frozenset({RUN_PATH, "/run/opengl-driver-32/lib", WSL_PATH})
_WSL_DRIVERS: Final = "/usr/lib/wsl/drivers/"

# Private libraries of the driver carry its release number: libnvidia-glcore.so.580.142.
_RELEASE: Final = re.compile(r"[1-9][0-9]{2}\.[0-9]{2,3}(?:\.[0-9]{1,3})?")


class Drivers(Table):
    """Table of the libraries of GPU drivers.

    Attributes:
        nvidia: majors of the sonames, by purpose and by name up to ``.so``; a private library has none.
        windows: sonames of the display driver of Windows, under WSL.
    """

    FILE = "driver.toml"

    nvidia: dict[str, dict[str, frozenset[str]]]
    windows: frozenset[Soname]


def find_driver(soname: str) -> str | None:
    """Tell which driver supplies a soname, or None.

    Args:
        soname: as in DT_NEEDED or dlopen (``libcuda.so.1``, ``libnvidia-ml.so``).

    Returns:
        One clause for a report, without a full stop.
    """
    table = load_table(Drivers)
    if soname in table.windows:
        return f"part of the display driver of Windows, in {WSL_PATH} under WSL"
    stem, dot, major = soname.partition(".so")
    use = next((use for use, stems in table.nvidia.items() if stem in stems), None)
    if not dot or use is None:
        return None
    version = major.removeprefix(".")
    known = version in table.nvidia[use][stem] or _RELEASE.fullmatch(version)
    if major and not (major.startswith(".") and known):
        return None
    return f"part of the NVIDIA driver ({use}), in {RUN_PATH}"


def list_drivers() -> tuple[str, ...]:
    """Return the sonames of all libraries that come with a driver, but for those with its release in them."""
    table = load_table(Drivers)
    rows = [row for stems in table.nvidia.values() for row in stems.items()]
    return (*(f"{stem}.so.{major}" for stem, majors in rows for major in majors), *table.windows)


def find_directories(sonames: Iterable[str]) -> tuple[str, ...]:
    """List the directories where some libraries of drivers are found, NixOS' first.

    Args:
        sonames: of libraries that :func:`find_driver` knows, or that are looked for in a driver's directory.

    Example:
        >>> find_directories(["libcuda.so.1", "libdxcore.so"])
        ('/run/opengl-driver/lib', '/usr/lib/wsl/lib')
    """
    return (RUN_PATH, *((WSL_PATH,) if not load_table(Drivers).windows.isdisjoint(sonames) else ()))


def is_driver_directory(directory: str) -> bool:
    """Tell whether a directory is one where a GPU driver has its libraries, and no package has any.

    Args:
        directory: an absolute path, as in a run path.

    Example:
        >>> is_driver_directory("/usr/lib/wsl/lib/"), is_driver_directory("/usr/lib")
        (True, False)
    """
    return directory.rstrip("/") in _DIRECTORIES or directory.startswith(_WSL_DRIVERS)
