"""Environments of real wheels and a Python in a store: what ``wheelfix try`` says, patched and not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.proof.test_packages import find_wheels
from tests.support.documents import check_document
from tests.support.proof.probes import read_probes
from tests.support.proof.proving import NOTHING, STORE, build, install_plainly
from wheelfix.cli import cli

pytestmark = pytest.mark.network

PACKAGES = {
    "pulsectl": "libpulse.so.0",
    "py-libnuma": "libnuma.so",
    "pyenchant": "libenchant-2.so",
    "pyodbc": "libodbc.so.2",
    "python-magic": "libmagic.so",
}
"""Distributions that nothing can be imported of without a library, and what is said to be missing."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments], catch_exceptions=False)


def test_a_patch_is_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIX_STORE_DIR", str(STORE))
    wheels = {wheel for name in PACKAGES for wheel in find_wheels(read_probes()[name])}
    environment = tmp_path / "venv"
    install_plainly(environment, sorted(wheels))
    before = check_document(run("try", str(environment), "--json").stdout)
    assert before["namespace"]
    failed = {one["distribution"]: one for one in before["tried"] if one["counts"]}
    told = {name: one["missing"][0]["soname"] for name, one in failed.items()}
    assert told.items() >= PACKAGES.items(), told
    assert f"wheelfix patch {environment}" in before["now"]

    with tempfile.TemporaryDirectory() as work:
        directories, said = build(Path(work), [], NOTHING, ["directories"])
    assert directories, said
    libs = [word for directory in directories for word in ("--libs", str(directory))]
    assert run("patch", str(environment), *libs).exit_code in {0, 1}
    after = run("try", str(environment))
    assert after.exit_code == 0, after.output
