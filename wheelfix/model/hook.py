"""Models of what nixpkgs' auto-patchelf misses in a wheel, and what it takes away."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.backends import Unused
from wheelfix.model.base import Struct
from wheelfix.model.index import Refused


class MissReason(StrEnum):
    """Why auto-patchelf does not find a library that is there at run time, or that is not wanted then.

    ``DRIVER``: it comes with the GPU driver. ``FILE_NAME``: its file is called otherwise than its DT_SONAME.
    ``OTHER_PYTHON``: it belongs to an interpreter that the wheel is not for. ``SOME_PYTHON``: it belongs to
    one of the interpreters that the wheel is for. ``UNUSED``: only files for backends that are not chosen
    want it. ``REFUSED``: only plugins want it, and nixpkgs refuses its provider.
    """

    DRIVER = "driver"
    FILE_NAME = "file-name"
    OTHER_PYTHON = "other-python"
    SOME_PYTHON = "some-python"
    UNUSED = "unused"
    REFUSED = "refused"


class Missed(Struct):
    """A soname that auto-patchelf has to be told to ignore.

    Attributes:
        file: name of the file that has it, for ``FILE_NAME``; else empty.
        distribution: that has this file; None for the wheel itself.
        python: version of the interpreter, for ``OTHER_PYTHON`` and ``SOME_PYTHON``; else empty.
        why: more about ``UNUSED`` and ``REFUSED``; else None.
    """

    soname: str
    reason: MissReason
    file: str = ""
    distribution: str | None = None
    python: str = ""
    why: Unused | Refused | None = None


class LostOpening(Struct):
    """A library of the wheel that an ELF file opens by name, and finds through a run path that is replaced.

    Attributes:
        file: the member that opens it.
        name: the name that it opens.
        entry: of its run path, which leads there now.
        path: the member that is opened.
    """

    file: str
    name: str
    entry: str
    path: str
