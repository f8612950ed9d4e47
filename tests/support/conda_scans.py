"""Scans of packages of conda, written by hand."""

from __future__ import annotations

from wheelfix.model.classes import NeedClass, No
from wheelfix.model.index import IndexInfo, Provider
from wheelfix.model.scan import Need, WheelScan


def make_need(soname: str, kind: NeedClass, *files: str, attr: str = "") -> Need:
    """A library that files of a package need."""
    provider = Provider(attr=attr, output="out", path=f"/lib/{soname}", store_path=None)
    return Need(
        soname=soname,
        machine="x86_64",
        wanted_by=files,
        need_class=kind,
        cause=No(),
        providers=(provider,) if attr else (),
    )


def make_scan(*needs: Need, name: str = "x", version: str = "1") -> WheelScan:
    """A package with some needs."""
    return WheelScan(
        target=f"{name}-{version}-0.conda",
        name=name,
        version=version,
        tags=(),
        requires_dist=(),
        index=IndexInfo(source="file", system="x86_64-linux", date=None, digest="", sonames=0, entries=0),
        machine="x86_64",
        objects=(),
        needs=needs,
        openings=(),
        build_inputs=(),
        baseline_inputs=(),
        missed=(),
        findings=(),
    )
