"""ELF facts without an ELF file, for the pure layers."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.model.classes import (
    Brought,
    Cause,
    NeedClass,
    Nobody,
    OfDriver,
    OfInterpreter,
    OfLibc,
    Provided,
    Reached,
    Rivals,
    SiblingClue,
)
from wheelfix.model.elf import ElfObject, VersionNeed
from wheelfix.model.index import Lookup, Provider
from wheelfix.model.scan import Carrier, Known
from wheelfix.model.wheel import Distribution, Requirement


def elf(
    path: str,
    *,
    needed: Sequence[str] = (),
    soname: str | None = None,
    rpath: Sequence[str] = (),
    runpath: Sequence[str] = (),
    machine: str = "x86_64",
    interpreter: str | None = None,
    versions: Sequence[VersionNeed] = (),
) -> ElfObject:
    return ElfObject(
        path=path,
        machine=machine,
        bits=64,
        soname=soname,
        needed=tuple(needed),
        rpath=tuple(rpath),
        runpath=tuple(runpath),
        interpreter=interpreter,
        executable=interpreter is not None,
        dynamic=True,
        versions=tuple(versions),
    )


def wheel(
    name: str = "demo",
    *,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    tags: Sequence[str] = ("cp312-cp312-manylinux_2_28_x86_64",),
    files: Sequence[str] = (),
) -> Distribution:
    return Distribution(
        target=f"{name}-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        name=name,
        version="1.0",
        tags=tuple(tags),
        requires=tuple(Requirement(name=r, extras=tuple(extras), active=True, text=r) for r in requires),
        files=frozenset(files),
    )


def provider(attr: str, soname: str) -> Provider:
    return Provider(attr=attr, output="out", path=f"/lib/{soname}", store_path=None)


def cause(
    need_class: NeedClass,
    soname: str = "libx.so.1",
    *,
    attrs: Sequence[str] = (),
    distribution: str | None = None,
    directory: str | None = None,
) -> Cause:
    """A cause that leads to a class."""
    attr = attrs[0] if attrs else "attr"
    causes: dict[NeedClass, Cause] = {
        NeedClass.BUNDLED: Reached(path=f"demo/{soname}", entry="$ORIGIN"),
        NeedClass.LIBC: OfLibc(libc="glibc"),
        NeedClass.PYTHON: OfInterpreter(),
        NeedClass.DRIVER: OfDriver(part="part of a driver"),
        NeedClass.SIBLING: Brought(
            how=SiblingClue.REQUIRED,
            distribution=distribution or "other",
            directory=directory,
            required=True,
        ),
        NeedClass.PROVIDED: Provided(attr=attr, path=f"/lib/{soname}"),
        NeedClass.AMBIGUOUS: Rivals(attrs=tuple(attrs)),
        NeedClass.UNKNOWN: Nobody(),
    }
    return causes[need_class]


def facts(
    soname: str,
    *,
    attrs: Sequence[str] = (),
    rivals: Sequence[str] = (),
    nearest: Sequence[str] = (),
    libc: str | None = None,
    driver: str | None = None,
    carriers: Sequence[tuple[str, str]] = (),
    machine: str = "x86_64",
) -> Known:
    return Known(
        soname=soname,
        machine=machine,
        lookup=Lookup(
            soname=soname,
            providers=tuple(provider(a, soname) for a in attrs),
            rivals=tuple(rivals),
            nearest=tuple(nearest),
        ),
        libc=libc,
        driver=driver,
        carriers=tuple(Carrier(distribution=d, directory=p, exact=True) for d, p in carriers),
    )
