"""R for rpy2: libR is found, and the R packages that are asked for, where nothing is but store and libc.

What stands in for R has libR.so and no more; what stands in for rpy2 looks for R as rpy2 does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.proof.proving import NOTHING, build, read_python, run_probe, write_lock
from tests.support.wheel import build_wheel
from wheelfix.cli import cli

SITUATION = b"""
import os
def get_r_home():
    return os.environ.get("R_HOME")
"""
INTERFACE = b"""
import ctypes
from rpy2.situation import get_r_home
if get_r_home() is None:
    raise ValueError("r_home is None")
rlib = ctypes.CDLL(get_r_home() + "/lib/libR.so")
"""
PROBE = """
import os
before = os.environ.get("R_HOME")
import rpy2.rinterface_lib.openrlib as openrlib
assert openrlib.rlib.R_answer() == 42
assert before is None, "it is set where rpy2 is imported, and not before"
found = [name for place in os.environ["R_LIBS_SITE"].split(":") for name in os.listdir(place)]
assert found == ["data.table"], found
"""


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    interface = {
        "rpy2/situation/__init__.py": SITUATION,
        "rpy2/rinterface_lib/__init__.py": b"",
        "rpy2/rinterface_lib/openrlib.py": INTERFACE,
    }
    (tmp_path / "wheels").mkdir()
    return [
        build_wheel(tmp_path / "wheels", name="rpy2_rinterface", files=interface, tag="py3-none-any"),
        build_wheel(
            tmp_path / "wheels",
            name="rpy2",
            version="3.6.9",
            files={},
            tag="py3-none-any",
            requires=["rpy2-rinterface"],
        ),
    ]


def test_an_environment_finds_r_and_what_is_asked_for(tmp_path: Path, wheels: list[Path]) -> None:
    write_lock(tmp_path, wheels)
    (tmp_path / "pyproject.toml").write_text('[tool.wheelfix]\nr-packages = ["data.table"]\n')
    arguments = ["lock", str(tmp_path / "uv.lock"), "--find-links", str(tmp_path / "wheels")]
    done = CliRunner().invoke(cli, [*arguments, "--python", read_python()], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("R_HOME =") == 1, "rpy2 itself has no code that looks for it"
    paths, said = build(tmp_path, wheels, done.stdout, ["environment"])
    assert paths, said
    result = run_probe(paths[0] / "bin" / "python", PROBE)
    assert result.worked, result.said
    assert [path.name for path in result.mapped if path.name == "libR.so"] == ["libR.so"]


def test_without_the_overlay_r_is_not_found(tmp_path: Path, wheels: list[Path]) -> None:
    paths, said = build(tmp_path, wheels, NOTHING, ["environment"])
    assert paths, said
    result = run_probe(paths[0] / "bin" / "python", PROBE)
    assert not result.worked
    assert "r_home is None" in result.said
