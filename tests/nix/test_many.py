"""Code for thousands of packages: as deep as for two, linear in size, and evaluated by the real Nix."""

from __future__ import annotations

from functools import partial, reduce
from pathlib import Path

import pytest

from tests.support.facts import open_table
from tests.support.lint import check_file
from tests.support.many import make_scans, plan_overrides
from tests.support.nixeval import evaluate
from tests.support.uv2nix import NIX
from wheelfix.lock.model import LockPlan, SourceBuild
from wheelfix.lock.render import render_lock
from wheelfix.model.override import PACKAGE_DIALECTS, Adapter, Cuda, Dialect, Override, Search, StripPlan
from wheelfix.model.scan import Finding, Level
from wheelfix.nix.parts import formals, write_guarded
from wheelfix.nix.printer import render
from wheelfix.nix.tree import Attrs, Binary, Expr, Lambda
from wheelfix.override.dialects import render_overrides
from wheelfix.override.overlay import render_overlay, write_package

LIB = NIX / "standin" / "nixpkgs.lib" / "lib"
MANY = 5000
SETS = [Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX]


def find_depth(code: str) -> int:
    return max(len(line) - len(line.lstrip(" ")) for line in code.splitlines())


def ask(overlay: str, question: str, count: int) -> object:
    """Evaluate a question about ``over``, what an overlay makes of a set of so many packages."""
    names = [scan.name for scan in make_scans(count)]
    listed = " ".join(f'"{name}"' for name in names)
    return evaluate(
        f"""let
          lib = import {LIB};
          make = name: rec {{ overrideAttrs = f: f {{ }}; overridePythonAttrs = overrideAttrs; }};
          prev = lib.genAttrs [ {listed} ] make;
          pkgs = {{ onetbb = "tbb"; unixodbc = "odbc"; autoPatchelfHook = "hook"; stdenv.cc.cc.lib = "cc"; }};
          over = ({overlay}) {{ inherit pkgs lib; }} prev prev;
        in {question}"""
    )


@pytest.mark.parametrize("dialect", PACKAGE_DIALECTS)
def test_many_packages_are_written_no_deeper_than_few_and_in_linear_size(dialect: Dialect) -> None:
    few, some, many = (
        render_overrides(plan_overrides(make_scans(n), dialect), [], dialect) for n in (4, 200, MANY)
    )
    assert find_depth(many) == find_depth(few)
    assert len(many) / MANY < 1.05 * len(some) / 200


@pytest.mark.parametrize("dialect", SETS)
def test_overlays_of_many_packages_evaluate(dialect: Dialect) -> None:
    code = render_overrides(plan_overrides(make_scans(MANY), dialect), [], dialect)
    changed = [scan.name for scan in make_scans(MANY) if not scan.name.startswith("soundfile")]
    last = changed[-1]
    found = ask(code, f'[ (builtins.attrNames over) over."{last}".buildInputs ]', MANY)
    assert isinstance(found, list)
    assert found[0] == sorted(changed)
    assert "odbc" in found[1]


def test_a_package_more_is_an_element_more_and_changes_no_other_line() -> None:
    overrides = plan_overrides(make_scans(5), Dialect.UV2NIX)
    two, four = (
        render_overlay([o for o in overrides[:n] if o.inputs], [], Dialect.UV2NIX).splitlines()
        for n in (2, 5)
    )
    assert two[-1] == four[-1] == "]"
    assert four[: len(two) - 1] == two[:-1]
    assert four[len(two) - 1] == "  (lib.optionalAttrs (prev ? numba-3) {"


def test_a_package_that_the_set_lacks_is_left_out_and_not_looked_at() -> None:
    code = render_overlay(plan_overrides(make_scans(8), Dialect.UV2NIX), [], Dialect.UV2NIX)
    assert ask(code, "builtins.attrNames over", 4) == ["numba-0", "numba-3", "pyodbc-1"]


def test_locks_of_many_packages_are_written_no_deeper_than_small_ones() -> None:
    def write(count: int) -> str:
        plan = LockPlan(
            lock="uv.lock",
            python="3.12",
            system="x86_64-linux",
            dialect=Dialect.UV2NIX,
            overrides=tuple(plan_overrides(make_scans(count), Dialect.UV2NIX)),
            adapters=tuple(
                Adapter(
                    name=f"adapted-{n}",
                    version="1.0",
                    target="uv.lock",
                    attr=("python3Packages", f"adapted-{n}"),
                    strip=StripPlan(),
                )
                for n in range(count)
            ),
            builds=tuple(
                SourceBuild(name=f"built-{n}", version="1.0", target="uv.lock", requires=("setuptools",))
                for n in range(count)
            ),
            findings=tuple(
                Finding(level=Level.NOTE, subject=f"noted-{n}", message="is not on Linux")
                for n in range(count)
            ),
        )
        return render_lock(plan)

    two, many = write(2), write(2000)
    assert find_depth(many) == find_depth(two)
    assert many.count("optionalAttrs (prev ? ") == 2 * 2000 + sum(
        not scan.name.startswith("soundfile") for scan in make_scans(2000)
    )


def test_a_shell_looks_into_a_directory_once() -> None:
    searches = tuple(
        Search(attr="jdk", directory=directory, reason="libjvm.so") for directory in ("lib/a", "lib/b")
    )
    overrides = [
        Override(name=f"p{n}", version="1", target="p.whl", tags=(), cuda=Cuda.WHEELS, searches=searches)
        for n in range(2000)
    ]
    code = render_overrides(overrides, [], Dialect.SHELL)
    found = [line.strip() for line in code.splitlines() if "jdk" in line]
    assert found == ['+ ":${pkgs.jdk}/lib/a"', '+ ":${pkgs.jdk}/lib/b";']


@pytest.mark.parametrize("count", [1, 2, 80, MANY])
@pytest.mark.parametrize("dialect", PACKAGE_DIALECTS)
def test_the_check_has_nothing_to_say_of_what_was_just_written(
    dialect: Dialect, count: int, tmp_path: Path
) -> None:
    scans = make_scans(count)
    file = tmp_path / "overrides.nix"
    file.write_text(render_overrides(plan_overrides(scans, dialect), [], dialect))
    assert check_file(file, scans, open_table()) == ()


def test_the_check_misses_what_was_taken_out_of_a_merge(tmp_path: Path) -> None:
    scans = make_scans(80)
    code = render_overlay(plan_overrides(scans, Dialect.UV2NIX), [], Dialect.UV2NIX)
    file = tmp_path / "overrides.nix"
    file.write_text(code.replace("pkgs.unixodbc", "pkgs.zlib", 1))
    found = [f for f in check_file(file, scans, open_table()) if f.level is Level.ERROR]
    assert [(f.package, f.subject) for f in found] == [("pyodbc-1", "unixodbc")]


@pytest.mark.parametrize("count", [2, 80, 120])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_check_reads_the_nested_merges_of_older_files(side: str, count: int, tmp_path: Path) -> None:
    scans = make_scans(count)
    sets = [
        write_guarded(override.name, package)
        for override in plan_overrides(scans, Dialect.UV2NIX)
        if (package := write_package(override, Dialect.UV2NIX))
    ]
    body: Expr = Attrs()
    if side == "left":
        body = reduce(partial(Binary, "//"), sets)
    else:
        body = reduce(lambda rest, one: Binary("//", one, rest), reversed(sets))
    code = render(Lambda(formals("pkgs", "lib", ellipsis=True), Lambda("final", Lambda("prev", body))))
    assert code.count("\n// lib.optionalAttrs") + code.count("  // lib.optionalAttrs") == len(sets) - 1
    file = tmp_path / "overrides.nix"
    file.write_text(code)
    assert check_file(file, scans, open_table()) == ()
