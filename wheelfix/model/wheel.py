"""Models of a distribution as its metadata describes it: name, version, tags, requirements."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.model.base import Struct, field
from wheelfix.model.conda import CondaBuild


class Requirement(Struct):
    """One Requires-Dist line.

    Attributes:
        name: normalised distribution name (PEP 503).
        extras: extras asked of it, sorted.
        active: whether its marker holds for the wheel's platform with no extra chosen.
        under: extras that make its marker hold, sorted; also given where it holds without any.
        text: the line in the metadata, unchanged.
        platform: whether its marker depends on the platform.
        conditional: whether it has a marker.
    """

    name: str
    extras: tuple[str, ...]
    active: bool
    text: str
    under: tuple[str, ...] = ()
    platform: bool = False
    conditional: bool = False


class Distribution(Struct):
    """Name, version, tags and requirements of a wheel.

    Attributes:
        target: file name of the wheel.
        name: normalised distribution name (PEP 503).
        version: as the metadata writes it.
        tags: expanded compatibility tags, sorted (``cp312-cp312-manylinux_2_28_x86_64``).
        requires: in metadata order.
        files: POSIX paths of all members, relative to the wheel's root.
        variant: label of the wheel variant that it is (PEP 825), or empty.
        properties: of that variant: values by namespace and feature.
        conda: of a package of conda; its name is conda's own then, it has no tags, and ``files`` are
            relative to site-packages (``../../libz.so.1`` is in ``lib`` of the prefix).
    """

    target: str
    name: str
    version: str
    tags: tuple[str, ...]
    requires: tuple[Requirement, ...]
    files: frozenset[str]
    variant: str = ""
    properties: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    conda: CondaBuild | None = None
