"""report on the command line."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import build_elf
from tests.support.nixeval import evaluate
from tests.support.shapes import make_lock
from tests.support.wheel import build_wheel


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wheelfix", "report", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def read_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    library = build_elf(tmp_path, "x.so", needed=["libz.so.1", "libodbc.so.2", "libcuda.so.1"])
    return build_wheel(tmp_path, files={"demo/x.so": library, "demo/__init__.py": b""})


def test_a_wheel(wheel: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    result = run(wheel, "-o", output)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    data = read_data(output.read_text("utf-8"))
    assert data["target"] == wheel.name
    found = {one["soname"]: (one["class"], one["answer"]) for one in data["libraries"]}
    assert found["libodbc.so.2"] == ("provided", "unixodbc")
    assert found["libcuda.so.1"] == ("driver", "the GPU driver")
    assert (
        evaluate(f"let pkgs.unixodbc = 1; pkgs.zlib = 2; in builtins.elem 1 {data['copied_inputs']}") is True
    )
    assert evaluate(data["copied_ignored"]) == ["libcuda.so.1"]


def test_the_code_is_that_of_override(wheel: Path) -> None:
    code = {one["label"]: one["text"] for one in read_data(run(wheel).stdout)["code"]}
    labels = ["uv2nix", "pyproject.nix", "poetry2nix", "nixpkgs", "mach-nix", "NixOS", "devenv", "nix-shell"]
    assert list(code) == labels
    dialects = ["uv2nix", "pyproject-nix", "poetry2nix", "nixpkgs", "mach-nix", "nixos", "devenv", "shell"]
    for label, dialect in zip(labels, dialects, strict=True):
        told = subprocess.run(
            [sys.executable, "-m", "wheelfix", "override", wheel, "--dialect", dialect],
            capture_output=True,
            text=True,
            check=True,
        )
        assert code[label] == told.stdout


def test_an_environment(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    for name in ("demo", "more"):
        library = build_elf(tmp_path, f"{name}.so", needed=["libz.so.1", "libnobody-has-this.so.9"])
        other = build_wheel(tmp_path, files={f"{name}/x.so": library}, name=name)
        subprocess.run([sys.executable, "-m", "zipfile", "-e", str(other), str(site)], check=True)
    result = run(tmp_path / "venv")
    assert (result.returncode, result.stderr) == (1, "")
    data = read_data(result.stdout)
    assert data["target"] == "venv"
    assert [one["name"] for one in data["distributions"]] == ["demo", "more"]
    missing = data["libraries"][0]
    assert (missing["soname"], missing["class"]) == ("libnobody-has-this.so.9", "unknown")
    assert [one["by"] for one in missing["wanted"]] == [0, 1]
    command, *lists = data["code"]
    assert (command["label"], command["text"]) == ("patch", f"wheelfix patch {tmp_path}/venv\n")
    assert [one["label"] for one in lists] == ["NixOS", "devenv", "nix-shell"]
    for one in lists:
        assert evaluate(f"builtins.isFunction ({one['text']})") is True
    assert data["ignored"] == []


def test_a_lock(wheel: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = tmp_path / "pylock.toml"
    lock.write_text(
        'lock-version = "1.0"\ncreated-by = "test"\n'
        '[[packages]]\nname = "demo"\nversion = "1.0"\n'
        f'wheels = [{{ name = "{wheel.name}", path = "{wheel.name}", hashes = {{ sha256 = "{digest}" }} }}]\n'
    )
    result = run(lock)
    assert (result.returncode, result.stderr) == (0, "")
    data = read_data(result.stdout)
    assert data["target"] == "pylock.toml"
    assert [one["name"] for one in data["distributions"]] == ["demo"]
    assert "unixodbc" in data["inputs"]
    labels = ["uv2nix", "pyproject.nix", "poetry2nix", "NixOS", "devenv", "nix-shell"]
    assert [one["label"] for one in data["code"]] == labels
    dialects = ["uv2nix", "pyproject-nix", "poetry2nix", "nixos", "devenv", "shell"]
    for one, dialect in zip(data["code"], dialects, strict=True):
        told = subprocess.run(
            [sys.executable, "-m", "wheelfix", "lock", lock, "--dialect", dialect],
            capture_output=True,
            text=True,
            check=True,
        )
        assert one["text"] == told.stdout


def test_a_page_is_replaced_by_a_whole_one_or_not_at_all(wheel: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    output.write_text("old")
    assert run(tmp_path / "missing.whl", "-o", output).returncode == 3
    assert output.read_text() == "old"
    assert run(wheel, "-o", output).returncode == 0
    assert output.read_text("utf-8").endswith("</html>\n")
    assert run(wheel, "-o", tmp_path / "nowhere" / "report.html").returncode == 5
    assert sorted(p.name for p in tmp_path.iterdir() if "report" in p.name) == ["report.html"]


def test_the_same_wheel_gives_the_same_page(wheel: Path) -> None:
    assert run(wheel).stdout == run(wheel).stdout


def report_lock(tmp_path: Path, shape: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The page of a lock with packages of conda."""
    lock = make_lock(tmp_path, shape)
    links = ("--find-links", str(lock.parent / "links"))
    result = run(lock, *links, "-o", tmp_path / "report.html", *arguments)
    assert result.returncode in {0, 1}, result.stderr
    return result.returncode, read_data((tmp_path / "report.html").read_text("utf-8"))


def test_a_lock_of_pixi_has_its_environment_and_lists(tmp_path: Path) -> None:
    code, data = report_lock(tmp_path, "v6.pixi.lock")
    assert code == 0
    assert data["answered"]
    assert [one["label"] for one in data["code"]] == ["conda", "NixOS", "devenv", "nix-shell"]
    assert "linkPrefix" in data["code"][0]["text"]


def test_what_the_environment_leaves_out_is_told_and_no_answer(tmp_path: Path) -> None:
    code, data = report_lock(tmp_path, "pip.conda-lock.yml")
    assert code == 1
    assert not data["answered"]
    errors = [one["subject"] for one in data["findings"] if one["level"] == "error"]
    assert errors == ["archived 0.0.0", "gitted 2.32.4"]


def test_another_environment_of_pixi(tmp_path: Path) -> None:
    _, data = report_lock(tmp_path, "v6.pixi.lock", "--group", "py312")
    assert "Python 3.12" in data["code"][0]["text"]


def test_a_group_is_for_locks(wheel: Path) -> None:
    result = run(wheel, "--group", "test")
    assert result.returncode == 3
    assert "--group test: is for locks" in result.stderr
