"""Overrides as people have them, against real wheels and wheels made with gcc."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.test_own_code import STRATEGIES, find_read, find_written
from tests.support.elf import build_elf
from tests.support.lint import check_file
from tests.support.real import by_size, fetch_wheel, find_pin
from tests.support.wheel import build_wheel
from wheelfix import scan_wheel
from wheelfix.errors import InputError
from wheelfix.flows.lint import lint_overrides
from wheelfix.flows.override import write_override
from wheelfix.index.choice import open_index
from wheelfix.lint.model import Instead, LintFinding, Rule
from wheelfix.model.scan import Level
from wheelfix.scan.scan import ScanOptions

NUMBA = """{ pkgs }:
final: prev: {
  numba = prev.numba.overrideAttrs (old: {
    buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.tbb_2021_11 pkgs.openssl pkgs.zlib ];
    builtInputs = [ pkgs.opensls ];
    autoPatchelfIgnoreMissingDeps = [ "libcuda.so.1" "libtbb.so12" ];
  });
  other = prev.other.overrideAttrs { };
}
"""


def summarize(findings: tuple[LintFinding, ...]) -> list[tuple[str, str]]:
    return [(f.rule.value, f.subject) for f in findings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "overrides.nix"


@pytest.mark.network
def test_numba(file: Path) -> None:
    file.write_text(NUMBA)
    wheel = fetch_wheel(find_pin("numba-"))
    findings = lint_overrides(file, [str(wheel)], ScanOptions(index=open_index())).findings
    assert summarize(findings) == [
        ("unneeded-input", "openssl"),
        ("misspelt-attribute", "builtInputs"),
        ("ignored-unwanted", "libcuda.so.1"),
        ("misspelt-soname", "libtbb.so12"),
        ("renamed-input", "tbb_2021_11"),
        ("already-added", "zlib"),
        ("not-checked", "other"),
    ]
    assert {f.path for f in findings} == {str(file)}


@pytest.mark.network
def test_what_a_scan_says_passes_its_check(file: Path) -> None:
    scan = scan_wheel(fetch_wheel(find_pin("numba-")))
    inputs = " ".join(f"pkgs.{attr}" for attr in scan.build_inputs if attr not in scan.baseline_inputs)
    ignored = " ".join(f'"{soname}"' for soname in scan.ignore_missing)
    file.write_text(
        "{ pkgs, ... }: final: prev: { numba = prev.numba.overrideAttrs (old: {\n"
        f"buildInputs = (old.buildInputs or [ ]) ++ [ {inputs} ];\n"
        f"autoPatchelfIgnoreMissingDeps = [ {ignored} ]; }}); }}"
    )
    assert check_file(file, [scan], open_index()) == ()


def test_made_wheel(tmp_path: Path, file: Path) -> None:
    library = build_elf(tmp_path, "_core.so", needed=["libssl.so.3", "libcuda.so.1", "libpmix.so.2"])
    wheel = build_wheel(tmp_path, files={"demo/_core.so": library})
    file.write_text(
        "{ pkgs }: self: super: { demo = super.demo.overridePythonAttrs (old: { buildInputs = [ pkgs.krb5 ];"
        ' autoPatchelfIgnoreMissingDeps = [ "libpmix.so2" "libssl.so.3" ]; }); }'
    )
    findings = check_file(file, [scan_wheel(wheel)], open_index())
    assert summarize(findings) == [
        ("missing-ignore", "libcuda.so.1"),
        ("missing-input", "pmix"),
        ("unneeded-input", "krb5"),
        ("misspelt-soname", "libpmix.so2"),
        ("ignored-provided", "libssl.so.3"),
    ]
    assert {f.suggestion for f in findings if f.rule is Rule.MISSPELT_SONAME} == {'"libpmix.so.2"'}
    assert [f.level for f in findings].count(Level.ERROR) == 2


def test_file_that_is_one_override_is_the_only_targets(tmp_path: Path, file: Path) -> None:
    library = build_elf(tmp_path, "_core.so", needed=["libssl.so.3"])
    wheel = build_wheel(tmp_path, files={"demo/_core.so": library})
    inputs = "(old.buildInputs or [ ]) ++ [ pkgs.openssl.out pkgs.krb5 ]"
    file.write_text(f"{{ pkgs, ... }}: old: {{ buildInputs = {inputs}; }}")
    assert summarize(check_file(file, [scan_wheel(wheel)], open_index())) == [("unneeded-input", "krb5")]


def test_syntax_error_is_told_before_targets_are_looked_for(file: Path) -> None:
    file.write_text("{ a = 1 }")
    with pytest.raises(InputError, match=r"overrides\.nix:1:8: syntax error"):
        lint_overrides(file, ["no-such-wheel.whl"], ScanOptions(index=open_index()))


REAL = ["azure_cog", "libusbsio", "mysql_conn", "numba-", "pyodbc-", "torchaudio-2.5", "torchcodec"]
REAL += ["pyside6_ess"]


@pytest.mark.network
@pytest.mark.parametrize("start", by_size(REAL))
def test_what_is_written_for_a_real_wheel_is_read_and_passes(tmp_path: Path, start: str) -> None:
    wheel = fetch_wheel(find_pin(start))
    options = ScanOptions(index=open_index())
    for dialect, cuda in STRATEGIES:
        code = write_override([str(wheel)], dialect, cuda, options).text
        file = tmp_path / f"{dialect}-{cuda}.nix"
        file.write_text(code)
        assert find_read(file) == find_written(code)
        linted = lint_overrides(file, [str(wheel)], options)
        assert [f for f in linted.findings if f.instead is not Instead.PREBUILT] == []
