"""What a test run downloads: little enough for everybody who wants to run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import real, real_sdists
from tests.support.surroundings import make_environment

LIMIT = 300_000_000
README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_default_run_stays_below_its_limit_and_says_how_much_it_is() -> None:
    wheels = real.read_proof_pins().values()
    sdists = real_sdists.read_pins().values()
    small = sum(pin["size"] for pin in wheels if not pin.get("large")) + sum(pin["size"] for pin in sdists)
    large = sum(pin["size"] for pin in wheels if pin.get("large"))
    assert small < LIMIT
    said = re.findall(r"\(about ([\d.]+) (MB|GB)\b", README.partition("## Development")[2])
    assert [float(count) for count, _ in said] == [round(small, -7) / 1e6, round(large, -8) / 1e9]


def test_a_large_wheel_is_not_fetched_for_a_test_without_the_mark() -> None:
    (name, *_) = (name for name, pin in real.read_pins().items() if pin.get("large"))
    with pytest.raises(AssertionError, match=r"pytest\.mark\.large"):
        real.fetch_wheel(name)


def test_an_environment_keeps_what_registries_need_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").touch()
    given = {
        "HOME": str(tmp_path),
        "PATH": "/bin",
        "PIP_INDEX_URL": "a",
        "UV_DEFAULT_INDEX": "b",
        "https_proxy": "c",
        "SSL_CERT_FILE": "d",
        "PIP_CACHE_DIR": "e",
        "PYTHONPATH": "f",
        "LD_LIBRARY_PATH": "g",
        "LC_ALL": "h",
        "NIX_PATH": "i",
    }
    found = make_environment(given, tmp_path / "home")
    assert found["PIP_CONFIG_FILE"] == str(tmp_path / ".config" / "pip" / "pip.conf")
    assert found["HOME"] == str(tmp_path / "home")
    assert {k for k in given if k in found} == {
        "HOME",
        "PATH",
        "PIP_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "https_proxy",
        "SSL_CERT_FILE",
    }
