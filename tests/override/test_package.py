"""Packages for nixpkgs: as a maintainer would write them, and for the interpreters that take the wheel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, parse_tag

from tests.support.elf import build_elf
from tests.support.facts import make_reading, open_table, plan
from tests.support.golden import ask_stub
from tests.support.nixeval import evaluate
from tests.support.wheel import build_wheel
from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, PythonPackage
from wheelfix.model.override import Cuda, Dialect
from wheelfix.model.scan import Level
from wheelfix.override.dialects import render_overrides
from wheelfix.override.package import find_interpreters
from wheelfix.override.plan import OverridePlan, describe_package, plan_overrides
from wheelfix.override.python_set import PythonSet
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import find_targets

PLATFORM = "manylinux_2_17_x86_64"
# libPrefix and pythonVersion of nixpkgs' interpreters, and what an installer says that they take.
INTERPRETERS = {
    "python3.9": ("3.9", "cp39"),
    "python3.12": ("3.12", "cp312"),
    "python3.14": ("3.14", "cp314"),
    "python3.14t": ("3.14", "cp314t"),
    "python3.15": ("3.15", "cp315"),
    "python3.15t": ("3.15", "cp315t"),
    "pypy3.11": ("3.11", "pypy311_pp73"),
}


def list_tags(version: str, abi: str) -> set[Tag]:
    """What an interpreter takes, by ``packaging``."""
    pair = tuple(map(int, version.split(".")))
    if abi.startswith("cp"):
        own = cpython_tags(pair, [abi], [PLATFORM])
        return {*own, *compatible_tags(pair, f"cp{pair[0]}{pair[1]}", [PLATFORM])}
    name = f"pp{pair[0]}{pair[1]}"
    return {*generic_tags(name, [abi], [PLATFORM]), *compatible_tags(pair, name, [PLATFORM])}


@pytest.mark.parametrize(
    "tags",
    [
        "cp312-cp312",
        "cp314-cp314",
        "cp314-cp314t",
        "cp314.cp315-cp314.cp315",
        "cp314-cp314.cp314t",
        "cp37-abi3",
        "cp314-abi3",
        "cp35.cp36.cp37.cp38.cp39.cp310-abi3",
        "cp315-abi3t",
        "cp315-abi3.abi3t",
        "cp314-none",
        "py3-none",
        "py2.py3-none",
        "py312-none",
        "pp311-pypy311_pp73",
    ],
)
def test_disabled_is_what_does_not_take_the_wheel(tags: str, tmp_path: Path) -> None:
    override = plan("pyodbc-5.5.0", Cuda.WHEELS)
    wheel = parse_tag(f"{tags}-{PLATFORM}")
    assert override.details
    details = replace(override.details, pythons=("", ""))
    override = replace(override, tags=tuple(sorted(map(str, wheel))), details=details)
    path = tmp_path / "package.nix"
    path.write_text(render_overrides([override], [], Dialect.NIXPKGS))
    attrs = [i.attr for i in override.inputs]
    for prefix, (version, abi) in INTERPRETERS.items():
        asked = f"(stub.callAny (import {path})).args.disabled or false"
        disabled = ask_stub(asked, attrs=attrs, packages={}, pythonVersion=version, libPrefix=prefix)
        assert disabled is wheel.isdisjoint(list_tags(version, abi)), prefix


def test_tags_that_are_none_refuse_nobody() -> None:
    assert find_interpreters([]) == find_interpreters([""]) == find_interpreters(["x"]) == ("", "")
    assert find_interpreters(["cp²-cp³-any"]) == ("", "")


class Set:
    """A Python package set, and names that mean something else."""

    def __init__(self, packages: Iterable[PythonPackage], taken: Iterable[str] = ()) -> None:
        self._packages = {one.name: one for one in packages}
        self._taken = {attr: Attribute(attr=attr) for attr in taken}

    def ask_distributions(self, names: Iterable[str]) -> None:
        """It has all answers already, too."""

    def ask(self, attrs: Iterable[str] = (), python: Iterable[str] = ()) -> None:
        pass

    def find(self, attr: str) -> Attribute | None:
        return self._taken.get(attr)

    def find_python(self, name: str) -> PythonPackage | None:
        return self._packages.get(name)

    def find_python_attr(self, attr: str) -> PythonPackage | None:
        return next((one for one in self._packages.values() if one.attr == attr), None)


KNOWN = Set(
    [
        PythonPackage(attr="cffi", name="cffi", version="1.17.1"),
        PythonPackage(attr="opencv4", name="opencv-python", version="4.9.0"),
        PythonPackage(attr="zlib", name="zlib", version="1"),
        PythonPackage(attr="pinned", name="pinned", version="2.0"),
        PythonPackage(attr="odd", name="odd", version="0-unstable-2026-01-01"),
        PythonPackage(attr="closed", name="closed", version="1", unfree=True),
        PythonPackage(attr="failing", name="failing", version="1", broken=True),
        PythonPackage(attr="gone", name="gone", removed="was removed"),
    ],
    taken=["nginx"],
)


def make(wheels: Iterable[Path], packages: PythonSet | None = KNOWN) -> tuple[str, OverridePlan]:
    """What ``wheelfix override --dialect nixpkgs`` writes for wheels."""
    options = ScanOptions(index=open_table(), cache=None)
    read = scan_targets(find_targets(map(str, wheels), "override"), options)
    parts = [
        replace(p, reading=replace(p.reading, about=replace(p.reading.about, sha256="00" * 32)))
        for p in read.parts
    ]
    found = plan_overrides(
        replace(read, parts=tuple(parts)), Dialect.NIXPKGS, Cuda.NIXPKGS, packages=packages
    )
    return render_overrides(found.overrides, found.adapters, Dialect.NIXPKGS), found


def build(tmp_path: Path, *lines: str, name: str = "demo", **more: Any) -> Path:
    fields = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0", *lines]
    more.setdefault("files", {f"{name.replace('-', '_')}/__init__.py": b""})
    metadata = "\n".join(fields).encode() + b"\n"
    more.setdefault("tag", "py3-none-any")
    return build_wheel(tmp_path, name=name.replace("-", "_"), version="1.0", metadata=metadata, **more)


def test_a_pure_wheel_is_plain(tmp_path: Path) -> None:
    lines = ["Summary: a tool for this.", "License: MIT", "Requires-Dist: cffi>=1", "Requires-Python: >=3.8"]
    code, found = make([build(tmp_path, *lines)])
    assert (
        code
        == """\
# demo 1.0, from demo-1.0-py3-none-any.whl. Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, cffi }:
buildPythonPackage rec {
  pname = "demo";
  version = "1.0";
  format = "wheel";
  src = fetchPypi {
    inherit pname version format;
    dist = "py3";
    python = "py3";
    hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  };
  dependencies = [ cffi ];
  pythonImportsCheck = [ "demo" ];
  meta = {
    description = "Tool for this";
    license = lib.licenses.mit;
  };
}
"""
    )
    assert (found.findings, found.answered) == ((), True)


@pytest.mark.parametrize(
    ("requires", "disabled"),
    [
        (">=3.9", None),
        (">=3.12", 'pythonOlder "3.12"'),
        (">=3.9,<3.14", 'pythonAtLeast "3.14"'),
        ("==3.12.*", 'pythonOlder "3.12" || pythonAtLeast "3.13"'),
    ],
)
def test_pythons_that_only_the_metadata_refuses(requires: str, disabled: str | None, tmp_path: Path) -> None:
    code, _ = make([build(tmp_path, f"Requires-Python: {requires}")])
    assert (f"  disabled = {disabled};\n" in code) if disabled else ("disabled" not in code)


def test_libraries_of_a_wheel_for_any_platform_need_the_hook_and_no_platforms(tmp_path: Path) -> None:
    files = {"demo/__init__.py": b"", "demo/x.so": build_elf(tmp_path, "x.so", needed=["libz.so.1"])}
    code, _ = make([build(tmp_path, files=files)])
    assert "nativeBuildInputs = [ autoPatchelfHook ];" in code
    assert "sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];" in code
    assert "platforms" not in code


def test_libraries_are_not_the_python_packages_of_their_name(tmp_path: Path) -> None:
    files = {"demo/__init__.py": b"", "demo/x.so": build_elf(tmp_path, "x.so", needed=["libz.so.1"])}
    wheel = build(tmp_path, "Requires-Dist: zlib", files=files)
    code, _ = make([wheel])
    assert "    pkgs.zlib\n" in code
    assert "dependencies = [ zlib ];" in code
    assert code.partition("}:")[0].endswith(
        "{ lib, pkgs, buildPythonPackage, fetchPypi, autoPatchelfHook, zlib "
    )
    code, _ = make([wheel], None)  # without data about nixpkgs, the two still differ
    assert "    pkgs.zlib\n" in code


def test_what_nixpkgs_has_not_got_is_named_and_evaluates(tmp_path: Path) -> None:
    lines = [
        "Requires-Dist: cffi",
        "Requires-Dist: Absent_One>=2",
        "Requires-Dist: nginx",
        "Requires-Dist: gone",
    ]
    code, found = make([build(tmp_path, *lines)])
    assert "absent-one ? null," in code
    assert "dependencies = [ cffi ] ++ lib.remove null [ absent-one ];" in code
    head = " ".join(line.strip("# ") for line in code.splitlines() if line.startswith("#"))
    command = "`wheelfix override --dialect nixpkgs demo absent-one gone nginx` writes them together"
    assert "Not in nixpkgs: absent-one, gone, nginx." in head
    assert command in head
    (finding,) = found.findings
    assert (finding.level, finding.subject) == (Level.WARNING, "demo")
    assert finding.message.startswith("requires absent-one, gone, nginx, which nixpkgs has not got: ")
    assert command in finding.message
    path = tmp_path / "package.nix"
    path.write_text(code)
    question = f"let f = import {path}; in builtins.attrNames (builtins.functionArgs f)"
    assert not {"nginx", "gone"} & set(evaluate(question)), "callPackage gives these a value"
    asked = "map (d: d.pname) (f (stub.take f // {{ absent-one = {}; }})).args.dependencies"
    for value, names in (("null", ["cffi"]), ("stub.pkgs.glib", ["cffi", "glib"])):
        question = f"let f = import {path}; in {asked.format(value)}"
        assert ask_stub(question, attrs=["glib"], packages={}) == names


def test_a_library_of_an_absent_package_is_searched_where_it_is_given(tmp_path: Path) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libother.so.1"], runpath=["$ORIGIN/../other/lib"])
    other = build_elf(tmp_path, "libother.so.1", soname="libother.so.1")
    files = {"demo/__init__.py": b"", "demo/x.so": library}
    first = build(tmp_path, "Requires-Dist: other", files=files)
    second = build(tmp_path, name="other", files={"other/__init__.py": b"", "other/lib/libother.so.1": other})
    options = ScanOptions(index=open_table(), cache=None, beside=(str(second),))
    read = scan_targets(find_targets([str(first)], "override"), options)
    about = replace(read.parts[0].reading.about, sha256="00" * 32)
    part = replace(read.parts[0], reading=replace(read.parts[0].reading, about=about))
    found = plan_overrides(replace(read, parts=(part,)), Dialect.NIXPKGS, Cuda.NIXPKGS, packages=KNOWN)
    path = tmp_path / "package.nix"
    path.write_text(render_overrides(found.overrides, (), Dialect.NIXPKGS))
    for value, command in (("null", ""), ("stub.pkgs.glib", "addAutoPatchelfSearchPath /nix/store/")):
        question = f"let f = import {path}; in (f (stub.take f // {{ other = {value}; }})).args.preFixup"
        code = ask_stub(question, attrs=["glib"], packages={})
        assert command in code
        assert bool(code) == bool(command)
    together, _ = make([first, second])
    assert "lib.optionalString" not in together
    assert "? null" not in together


def test_packages_of_nixpkgs_have_names_of_their_own(tmp_path: Path) -> None:
    code, _ = make([build(tmp_path, "Requires-Dist: opencv-python")])
    assert "dependencies = [ opencv4 ];" in code
    both = [build(tmp_path, "Requires-Dist: opencv-python"), build(tmp_path, name="opencv-python")]
    code, _ = make(both)
    assert "\n  opencv4 =\n" in code, "the overlay replaces what nixpkgs has"
    assert 'pname = "opencv-python";' in code
    assert "dependencies = [ opencv4 ];" in code


def test_requirements_that_nixpkgs_does_not_meet_are_relaxed(tmp_path: Path) -> None:
    lines = ["Requires-Dist: CFFI>=2", "Requires-Dist: pinned==1.0", "Requires-Dist: odd>=3"]
    code, found = make([build(tmp_path, *lines)])
    assert (
        """\
  pythonRelaxDeps = [
    # CFFI>=2: nixpkgs has 1.17.1
    "CFFI"
    # pinned==1.0: nixpkgs has 2.0
    "pinned"
  ];
"""
        in code
    )
    levels = {finding.message.split(":")[0]: finding.level for finding in found.findings}
    assert levels == {"requires CFFI>=2": Level.NOTE, "requires pinned==1.0": Level.WARNING}


def test_what_nixpkgs_refuses_to_build_is_said(tmp_path: Path) -> None:
    code, found = make([build(tmp_path, "Requires-Dist: closed", "Requires-Dist: failing")])
    head = code.partition("{")[0]
    assert "Marked as broken in nixpkgs, so that this does not evaluate: failing." in " ".join(
        head.split("\n# ")
    )
    assert "Needs allowUnfree in the configuration of nixpkgs, for closed." in " ".join(head.split("\n# "))
    assert [finding.level for finding in found.findings] == [Level.WARNING] * 2


def test_extras_that_are_asked_for_are_those_of_nixpkgs(tmp_path: Path) -> None:
    code, _ = make([build(tmp_path, "Requires-Dist: cffi[Fast_Path]")])
    assert "dependencies = [ cffi ] ++ (cffi.optional-dependencies.fast-path or [ ]);" in code


def test_packages_that_require_each_other_evaluate(tmp_path: Path) -> None:
    wheels = [
        build(tmp_path, "Requires-Dist: other", "Requires-Dist: cffi"),
        build(tmp_path, "Requires-Dist: Demo", name="other"),
    ]
    code, found = make(wheels)
    path = tmp_path / "overlay.nix"
    path.write_text(code)
    final = f"let final = (import {path} final {{ }}) // {{ callPackage = f: _: f (stub.take f // "
    final += "builtins.intersectAttrs (builtins.functionArgs f) final); }; in "
    asked = "map (name: map (d: d.pname) final.${name}.args.dependencies or [ ])"
    names = ask_stub(f'{final} {asked} [ "demo" "other" ]', attrs=[], packages={})
    assert names == [["cffi", "other"], []]
    assert 'pythonRemoveDeps = [ "Demo" ];' in code
    assert "# Without demo, which requires it in turn: an environment has to name both." in code
    assert [(f.subject, f.level) for f in found.findings] == [("other", Level.WARNING)]


def test_stripped_wheels_are_no_requirements_either() -> None:
    code = render_overrides([plan("torch-2.9.1", Cuda.NIXPKGS)], [], Dialect.NIXPKGS)
    removed = code.partition("pythonRemoveDeps = [")[2].partition("]")[0].split()
    assert '"nvidia-cublas-cu12"' in removed
    assert not {'"triton"', '"numpy"'} & set(removed)


@pytest.mark.parametrize(
    ("files", "imports"),
    [
        (["google/cloud/storage/__init__.py", "google/cloud/storage/acl.py"], ["google.cloud.storage"]),
        (["google/__init__.py", "google/cloud/storage/__init__.py"], ["google.cloud.storage"]),
        (["plugins/one/__init__.py", "plugins/one/deep/__init__.py"], ["plugins.one"]),
        (["google_cloud_storage.data/purelib/gcs/__init__.py"], ["gcs"]),
        (["other.py", "_private.py", "setup.py", "tests/__init__.py"], ["other"]),
        (["libgcs.so", "gcs/libgcs.so", "gcs/data.txt"], []),
        (["gcs.pth", "gcs/deep/inner/__init__.py"], []),
        (["gcs-stubs/__init__.pyi"], []),
    ],
)
def test_modules_to_import(files: list[str], imports: list[str]) -> None:
    wheel = replace(
        make_reading("numba-0.68.1").distribution, name="google-cloud-storage", files=frozenset(files)
    )
    override = replace(plan("numba-0.68.1", Cuda.WHEELS), searches=())
    details = describe_package(replace(make_reading("numba-0.68.1"), distribution=wheel), override)
    assert list(details.imports) == imports


def test_sources(tmp_path: Path) -> None:
    """What fetchPypi cannot make an address of is fetched from its own, or lies beside the file."""
    override = plan("pyodbc-5.5.0", Cuda.WHEELS)
    assert override.details
    cases = {
        "pyodbc-5.5.0+cu1-cp312-cp312-linux_x86_64.whl": "PyPI has no local versions",
        "pyodbc-5.5.0-1-cp312-cp312-linux_x86_64.whl": "fetchPypi knows no build tags",
    }
    for filename, why in cases.items():
        details = replace(override.details, filename=filename)
        code = render_overrides([replace(override, details=details)], [], Dialect.NIXPKGS)
        assert why in code
        assert f"./{filename};" in code
        assert "fetchPypi," not in code
        details = replace(details, url="https://example.org/a%2B.whl")
        code = render_overrides([replace(override, details=details)], [], Dialect.NIXPKGS)
        assert 'url = "https://example.org/a%2B.whl";' in code
        assert f'name = "{filename}";' in code
