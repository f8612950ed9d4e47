"""Locks of the shapes that public projects have: Nix builds each, or one line says why not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.conda import Member, build_conda
from tests.support.proof.conda import realise_prefix
from tests.support.shapes import SHAPES, list_shapes, make_lock
from wheelfix.cli import cli


@dataclass(frozen=True)
class Case:
    """What is asked for of a template, and what comes of it.

    Attributes:
        shape: the template.
        options: of `wheelfix lock`.
        has: files that are in the environment.
        has_not: and files that are not.
        told: parts of what is said.
        code: exit code.
    """

    shape: str
    options: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    has_not: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    code: int = 0


SITE12, SITE13 = (f"lib/python3.{minor}/site-packages" for minor in (12, 13))
LOCAL = "is a directory, and is not in the environment"
SECRET = "has a password or token in its address"
CASES = [
    Case(
        "v3.pixi.lock",
        has=(
            "bin/python3.12",
            "lib/libz.so.1",
            f"{SITE12}/iniconfig/__init__.py",
            f"{SITE12}/tinypkg/__init__.py",
        ),
    ),
    Case(
        "v4.pixi.lock",
        has=("bin/python3.12", f"{SITE12}/tinypkg/__init__.py"),
        told=("error: gitted 3.1 has no wheel", f"editable {LOCAL}"),
        code=1,
    ),
    Case("v4.pixi.lock", ("--group", "docs"), has=("lib/libgcc_s.so.1",), has_not=("bin/python3.12",)),
    Case(
        "v5.pixi.lock",
        has=(
            "lib/libstdc++.so.6",
            "share/tzdata/data",
            f"{SITE12}/compiled/_c.so",
            f"{SITE12}/linked/__init__.py",
        ),
    ),
    Case(
        "v6.pixi.lock",
        has=(f"{SITE13}/compiled/_c.so", f"{SITE13}/numpy/core.so", f"{SITE13}/click/__init__.py"),
        told=(f"project {LOCAL}",),
    ),
    Case(
        "v6.pixi.lock",
        ("--group", "py312"),
        has=("bin/python3.12", f"{SITE12}/click/__init__.py", f"{SITE12}/linked/__init__.py"),
        has_not=(f"{SITE12}/compiled/_c.so",),
    ),
    Case("v6.pixi.lock", ("--group", "bare"), has=("lib/libz.so.1",), has_not=("bin/python",)),
    Case("v6.pixi.lock", ("--group", "docs"), has=("share/tzdata/data",), has_not=("bin/python",)),
    Case(
        "v6.pixi.lock", ("--group", "test"), told=("has no environment 'test'", "bare, docs, py312"), code=3
    ),
    Case(
        "v6-channels.pixi.lock",
        has=(
            "lib/librclcpp.so",
            "lib/libx264.so.164",
            "share/_private_thing/data",
            "share/beside/data",
            "share/paid-data/data",
            f"{SITE12}/ruamel_yaml/__init__.py",
            "conda-meta/x264-1!164.3095-h166bdaf_2.json",
        ),
        told=(f"paid-data 2024.1.0 {SECRET}", f"_private_thing 1.0_rc1 {SECRET}", "libX11.so.6"),
    ),
    Case(
        "v6-sources.pixi.lock",
        has=("lib/libz.so.1", f"{SITE12}/tinypkg/__init__.py"),
        told=(
            "error: cpp_math 0.1.0 is built by pixi",
            "error: python_rich 0.1.0 is built by pixi",
            "error: many 0.2.dev148+g0e9db5fa5 has no wheel",
            "error: sourced 0.5 has no wheel",
            f"minimal-project {LOCAL}",
        ),
        code=1,
    ),
    Case("v6-unhashed.pixi.lock", told=("tinypkg-1.4-py3-none-any.whl: has no sha256 in the lock",), code=3),
    Case("v6-programs.pixi.lock", ("--group", "tools"), has=("bin/ninja", "lib/libz.so.1")),
    Case("v6-programs.pixi.lock", told=("has no packages in the environment default",), code=3),
    Case(
        "v7.pixi.lock",
        has=(f"{SITE13}/compiled/_c.so", f"{SITE13}/linked/__init__.py", "share/tzdata/data"),
        has_not=("share/gpu-package/data",),
    ),
    Case(
        "v7.pixi.lock",
        ("--group", "dev"),
        has=("lib/libz.so.1",),
        told=("error: cpp_math is built by pixi",),
        code=1,
    ),
    Case(
        "categories.conda-lock.yml",
        ("--group", "main"),
        has=("bin/python3.12",),
        has_not=(f"{SITE12}/iniconfig/__init__.py", f"{SITE12}/tinypkg/__init__.py"),
    ),
    Case(
        "categories.conda-lock.yml",
        ("--group", "test"),
        has=("bin/python3.12", f"{SITE12}/iniconfig/__init__.py", f"{SITE12}/tinypkg/__init__.py"),
    ),
    Case(
        "old.conda-lock.yml",
        has=("bin/python3.12", "lib/libz.so.1", f"{SITE12}/tinypkg/__init__.py"),
        told=("_libgcc_mutex 0.1 has an md5 alone in the lock",),
    ),
    Case(
        "pip.conda-lock.yml",
        has=(
            "share/private-thing/data",
            f"{SITE12}/tinypkg/__init__.py",
            f"{SITE12}/ruamel_yaml/__init__.py",
        ),
        told=("gitted 2.32.4 has no wheel", "archived 0.0.0 has no wheel", f"private-thing 1.0 {SECRET}"),
        code=1,
    ),
    Case("v5.pixi.lock", ("--platform", "aarch64-linux"), told=("is not locked for linux-aarch64",), code=3),
]


def name_case(case: Case) -> str:
    return " ".join((case.shape, *case.options))


def lock(path: Path, *options: str) -> Result:
    arguments = ["lock", str(path), "--find-links", str(path.parent / "links"), *options]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_every_shape_has_a_case_and_a_description() -> None:
    assert {case.shape for case in CASES} == set(list_shapes())
    described = (SHAPES / "README.md").read_text()
    assert all(f"| `{shape}` |" in described for shape in list_shapes())


@pytest.mark.parametrize("case", CASES, ids=name_case)
def test_a_lock_is_built_or_refused(case: Case, tmp_path: Path) -> None:
    path = make_lock(tmp_path, case.shape)
    done = lock(path, *case.options)
    assert done.exit_code == case.code, done.output
    assert not [part for part in case.told if part not in done.stderr], done.stderr
    for secret in ("secret@", "tk-0000", "PRIVATE_TOKEN"):
        assert secret not in done.output
    if case.code == 3:
        assert len(done.stderr.splitlines()) == 2, "a line, and a hint"
        return
    made, said = realise_prefix(path.parent, done.stdout, sorted((path.parent / "links").iterdir()))
    assert made, said
    assert not [name for name in case.has if not (made / name).exists()]
    assert not [name for name in case.has_not if (made / name).exists()]


NINJA = "ninja-1.12.1-h297d8ca_0.conda"
ROOM = "/short"


def replace_ninja(lock: Path, files: Mapping[str, Member | bytes], **options: Any) -> None:
    """Put another package in the place of ninja's, with a lock that has its digests."""
    old = lock.parent / "links" / NINJA
    text, algorithms = lock.read_text(), ("sha256", "md5")
    digests = [hashlib.new(name, old.read_bytes()).hexdigest() for name in algorithms]
    build_conda(old.parent, "ninja", files, version="1.12.1", build="h297d8ca_0", **options)
    for name, digest in zip(algorithms, digests, strict=True):
        text = text.replace(digest, hashlib.new(name, old.read_bytes()).hexdigest())
    lock.write_text(text)


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ({"../outside": b""}, {}, "outside"),
        ({"/etc/passwd": b""}, {}, "passwd"),
        ({"bin/ninja": Member(b"../../../etc/passwd", link=True)}, {}, "bin/ninja"),
        ({"bin/ninja": b"true"}, {"paths": [{"_path": "bin/ninja", "sha256": "0" * 64}]}, "bin/ninja"),
        ({"share/x\n\x1b[31m": Member(b"/etc", link=True)}, {}, "share/x"),
    ],
    ids=["above", "absolute", "link", "digest", "control"],
)  # fmt: skip
def test_hostile_packages_are_refused(
    files: dict[str, Member | bytes], options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = make_lock(tmp_path, "v6-programs.pixi.lock")
    replace_ninja(path, files, **options)
    done = lock(path, "--group", "tools")
    assert done.exit_code in {1, 3}, done.output
    told = [line for line in done.stderr.splitlines() if said in line]
    assert told, done.stderr
    assert all(line.startswith("wheelfix: ") and NINJA in line for line in told)
    assert "\x1b" not in done.stderr
    if done.exit_code == 1:
        made, log = realise_prefix(path.parent, done.stdout, sorted((path.parent / "links").iterdir()))
        assert made is None
        assert len([line for line in log.splitlines() if line.startswith("link.py: ninja: ")]) == 1, log


def test_a_placeholder_without_room_is_refused_in_the_build(tmp_path: Path) -> None:
    path = make_lock(tmp_path, "v6-programs.pixi.lock")
    program = Member(f"{ROOM}/share\0".encode(), 0o755, placeholder="binary", prefix=ROOM)
    replace_ninja(path, {"bin/ninja": program})
    done = lock(path, "--group", "tools")
    made, said = realise_prefix(path.parent, done.stdout, sorted((path.parent / "links").iterdir()))
    assert made is None
    assert [line for line in said.splitlines() if "ninja" in line and "room" in line], said


def test_what_has_another_hash_than_the_lock_says_is_refused(tmp_path: Path) -> None:
    path = make_lock(tmp_path, "v6-programs.pixi.lock")
    package = path.parent / "links" / NINJA
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    path.write_text(path.read_text().replace(digest, "0" * 64))
    done = lock(path, "--group", "tools")
    assert done.exit_code == 3
    assert len(done.stderr.splitlines()) == 2
    assert package.name in done.stderr
