"""Reports for the tests of the page, without wheels."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.objects import cause, elf, provider
from wheelfix.model.classes import Cause, NeedClass, Nobody
from wheelfix.model.hints import CalledName, OpeningKind, SourceCall
from wheelfix.model.hook import Missed, MissReason
from wheelfix.model.index import IndexInfo
from wheelfix.model.scan import Finding, Level, Need, Opening, WheelScan
from wheelfix.report.model import NixCode, Report

INDEX = IndexInfo(source="bundled", system="x86_64-linux", date="2026-05-03", digest="", sonames=0, entries=0)
CODE = '{ pkgs, lib, ... }:\nfinal: prev: {\n  # zlib: libz.so.1\n  demo = "${pkgs.zlib}\\n";\n}\n'


def need(
    soname: str,
    need_class: NeedClass,
    *,
    attrs: Sequence[str] = (),
    distribution: str | None = None,
    why: Cause | None = None,
    wanted_by: Sequence[str] = ("demo/x.so",),
    machine: str = "x86_64",
    optional: bool = False,
) -> Need:
    return Need(
        soname=soname,
        machine=machine,
        need_class=need_class,
        cause=why or cause(need_class, soname, attrs=attrs, distribution=distribution),
        wanted_by=tuple(wanted_by),
        providers=tuple(provider(attr, soname) for attr in attrs),
        versions=("V_1", "V_2"),
        optional=optional,
    )


def opening(name: str, file: str, *, attr: str, function: str = "ctypes.CDLL") -> Opening:
    """A call in a Python source that opens a library which nixpkgs provides."""
    called = CalledName(name=name, text=name, line=3, inside=True)
    call = SourceCall(
        kind=OpeningKind.CTYPES, line=3, function=function, variable="", names=(called,), optional=False
    )
    return Opening(
        file=file,
        line=3,
        kind=OpeningKind.CTYPES,
        names=(name,),
        answered=name,
        need_class=NeedClass.PROVIDED,
        providers=(provider(attr, name),),
        call=call,
    )


def scan(
    name: str,
    *needs: Need,
    findings: Sequence[Finding] = (),
    openings: Sequence[Opening] = (),
    ignored: Sequence[str] = (),
) -> WheelScan:
    inputs = {n.providers[0].attr for n in needs if n.need_class is NeedClass.PROVIDED}
    return WheelScan(
        target=f"{name}-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        name=name,
        version="1.0",
        tags=("cp312-cp312-manylinux_2_28_x86_64",),
        requires_dist=(),
        index=INDEX,
        machine="x86_64",
        objects=tuple(elf(path) for path in sorted({file for n in needs for file in n.wanted_by})),
        needs=needs,
        openings=tuple(openings),
        build_inputs=tuple(sorted(inputs)),
        baseline_inputs=tuple(sorted(inputs & {"zlib"})),
        missed=tuple(Missed(soname=name, reason=MissReason.DRIVER) for name in ignored),
        findings=tuple(findings),
    )


def every_class() -> Report:
    """Two distributions that want a library of every class between them."""
    warning = Finding(level=Level.WARNING, subject="demo/x.so", message="is old")
    note = Finding(level=Level.NOTE, subject="GLIBC_2.38", message="is the highest")
    demo = scan(
        "demo",
        need(
            "libz.so.1", NeedClass.PROVIDED, attrs=["zlib", "zlib-ng"], wanted_by=["demo/x.so", "demo/y.so"]
        ),
        need("libodbc.so.2", NeedClass.PROVIDED, attrs=["unixodbc"]),
        need("libc.so.6", NeedClass.LIBC),
        need("libcuda.so.1", NeedClass.DRIVER),
        need("libown.so.1", NeedClass.BUNDLED),
        need("libwhat.so.3", NeedClass.UNKNOWN),
        need("libGL.so.1", NeedClass.AMBIGUOUS, attrs=["libglvnd", "mesa"], optional=True),
        findings=[note, warning],
        ignored=["libcuda.so.1"],
        openings=[opening("libdl-1.so", "demo/__init__.py", attr="hello")],
    )
    other = scan(
        "other",
        need("libz.so.1", NeedClass.BUNDLED, wanted_by=["other/z.so"]),
        need("libc.so.6", NeedClass.LIBC, wanted_by=["other/z.so"]),
        need("libpython3.12.so.1.0", NeedClass.PYTHON, wanted_by=["other/z.so"]),
        need(
            "libcublas.so.12", NeedClass.SIBLING, distribution="nvidia-cublas-cu12", wanted_by=["other/z.so"]
        ),
        findings=[note],
    )
    code = (
        NixCode(label="uv2nix", place="An overlay.", text=CODE),
        NixCode(label="nix-shell", place="A shell.nix.", text="{ }\n"),
    )
    return Report(target="every class", scans=(demo, other), code=code)


def hostile(text: str) -> Report:
    """The same foreign text wherever a wheel's author can put one."""
    wanted = need(f"lib{text}.so", NeedClass.UNKNOWN, why=Nobody(nearest=(text,)), wanted_by=[f"{text}.so"])
    brought = need(f"{text}.so", NeedClass.SIBLING, distribution=text, attrs=[text])
    finding = Finding(level=Level.ERROR, subject=text, message=text)
    opened = opening(text, text, function=text, attr=text)
    one = scan(text, wanted, brought, findings=[finding], openings=[opened], ignored=[text])
    return Report(target=text, scans=(one,), code=(NixCode(label="uv2nix", place="Here.", text=f"{text}\n"),))


def many(libraries: int, distributions: int) -> Report:
    """An environment of a size that few have."""
    classes = list(NeedClass)
    scans = []
    for number in range(distributions):
        needs = []
        for serial in {
            (number * 37 + step * 13) % libraries for step in range(4 * libraries // distributions)
        }:
            need_class = classes[serial % len(classes)]
            needs.append(
                need(
                    f"lib{serial:04}.so.1",
                    need_class,
                    attrs=[f"attr{serial % 60}", "rival"],
                    distribution=f"pkg{serial % 20}" if need_class is NeedClass.SIBLING else None,
                    wanted_by=[f"pkg{number}/{file}.so" for file in range(5)],
                )
            )
        scans.append(scan(f"pkg{number}", *sorted(needs, key=lambda n: n.soname)))
    return Report(target="many", scans=tuple(scans), code=())
