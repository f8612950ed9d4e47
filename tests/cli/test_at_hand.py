"""Who is at hand: the same in every command, whatever way it was named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import build_elf
from tests.support.packageindex import Index
from tests.support.wheel import TAG, build_wheel

SONAME = "libodbc.so.2"
"""nixpkgs has it, in unixodbc; a wheel that is at hand and required goes before that."""


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "wheelfix", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache")},
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


def build_user(directory: Path, requires: str = "core==1.0", *, name: str = "user", tag: str = TAG) -> Path:
    directory.mkdir(exist_ok=True)
    elf = build_elf(directory / "work", f"{name}.so", needed=[SONAME])
    return build_wheel(directory, files={f"{name}/x.so": elf}, name=name, requires=[requires], tag=tag)


def build_core(directory: Path, *, version: str = "1.0", tag: str = TAG, soname: str = SONAME) -> Path:
    directory.mkdir(exist_ok=True)
    elf = build_elf(directory / "work", soname, soname=soname)
    files = {f"core/lib/{soname}": elf}
    return build_wheel(directory, files=files, name="core", version=version, tag=tag)


def find_answers(directory: Path, *arguments: str) -> dict[str, tuple[str, str | None]]:
    """Class and distribution of the soname, by the distribution that needs it."""
    told = run(directory, "scan", "--json", *arguments)
    found: Any = json.loads(told.stdout)
    return {
        document["name"]: (need["class"], need["distribution"])
        for document in (found if isinstance(found, list) else [found])
        for need in document["needs"]
        if need["soname"] == SONAME
    }


def install(wheel: Path, directory: Path) -> Path:
    site = directory / "venv" / "lib" / "python3.12" / "site-packages"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(site)], check=True)
    return directory / "venv"


SIBLING, PROVIDED = ("sibling", "core"), ("provided", None)


def test_nothing_at_hand_is_nixpkgs(tmp_path: Path) -> None:
    assert find_answers(tmp_path, str(build_user(tmp_path))) == {"user": PROVIDED}


def test_every_command_takes_a_pinned_wheel_in_the_same_directory_before_nixpkgs(tmp_path: Path) -> None:
    wheel = build_user(tmp_path).name
    build_core(tmp_path, tag="py3-none-manylinux2014_x86_64")
    assert find_answers(tmp_path, wheel) == {"user": SIBLING}
    for dialect in ("uv2nix", "poetry2nix", "nixpkgs"):
        code = run(tmp_path, "override", wheel, "--dialect", dialect).stdout
        assert "core" in code
        assert "pkgs.unixodbc" not in code
        assert "{ unixodbc" not in code
    page = run(tmp_path, "report", wheel).stdout
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    (library,) = (one for one in json.loads(data[1])["libraries"] if one["soname"] == SONAME)
    assert (library["class"], library["answer"]) == SIBLING
    plan = json.loads(run(tmp_path, "patch", wheel, "--dry-run", "--json").stdout)
    assert "core" in json.dumps(plan)
    old = "final: prev: { user = prev.user.overrideAttrs (o: { buildInputs = [ ]; }); }"
    (tmp_path / "old.nix").write_text(f"{{ pkgs, lib }}: {old}\n")
    alone = str(build_user(tmp_path / "alone"))
    assert "unixodbc" in run(tmp_path, "override", "--check", "old.nix", alone, "--json").stdout
    assert "unixodbc" not in run(tmp_path, "override", "--check", "old.nix", wheel, "--json").stdout
    assert "core" in run(tmp_path, "scan", "--explain", SONAME, wheel).stdout


@pytest.mark.parametrize(
    ("requires", "core"),
    [
        ("core>=1.0", {}),
        ("core==1.0; sys_platform == 'win32'", {}),
        ("core==1.1", {}),
        ("core==1.0", {"tag": "cp311-cp311-manylinux_2_28_x86_64"}),
        ("core==1.0", {"tag": "py3-none-musllinux_1_2_x86_64"}),
    ],
)
def test_a_neighbour_that_is_not_pinned_or_does_not_fit_is_not_at_hand(
    tmp_path: Path, requires: str, core: dict[str, str]
) -> None:
    wheel = build_user(tmp_path, requires).name
    build_core(tmp_path, **core)
    assert find_answers(tmp_path, wheel) == {"user": PROVIDED}


def test_a_damaged_neighbour_is_a_warning(tmp_path: Path) -> None:
    wheel = build_user(tmp_path).name
    core = build_core(tmp_path)
    core.write_bytes(core.read_bytes()[:-50])
    assert find_answers(tmp_path, wheel) == {"user": PROVIDED}
    for command in (f"scan {wheel}", f"override {wheel}", f"patch {wheel} --dry-run"):
        result = run(tmp_path, *command.split())
        assert result.returncode in {0, 1}
        text = "".join((result.stdout + result.stderr).split())  # wrapped anywhere
        assert f"liesbeside{wheel},whichpinsit,andisleftout:notacompleteziparchive" in text
        assert core.name in text


def test_a_directory_that_cannot_be_listed_has_no_neighbours(tmp_path: Path) -> None:
    wheel = build_user(tmp_path / "closed")
    build_core(tmp_path / "closed")
    (tmp_path / "closed").chmod(0o311)
    # root lists everything unless the capability to do so is taken away
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-m", "wheelfix", "scan", "--json", str(wheel)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / "closed").chmod(0o755)
    assert result.returncode == 0, result.stderr
    assert {n["soname"]: n["class"] for n in json.loads(result.stdout)["needs"]}[SONAME] == "provided"


def test_wheels_given_together_are_at_hand_in_any_order(tmp_path: Path) -> None:
    user, core = str(build_user(tmp_path / "a")), str(build_core(tmp_path / "b"))
    for order in ((user, core), (core, user)):
        assert find_answers(tmp_path, *order) == {"user": SIBLING}
        assert "pkgs.unixodbc" not in run(tmp_path, "override", *order).stdout


def test_wheels_of_one_directory_are_at_hand(tmp_path: Path) -> None:
    build_user(tmp_path / "shelf", "core")
    build_core(tmp_path / "shelf")
    assert find_answers(tmp_path, "shelf") == {"user": SIBLING}
    assert "pkgs.unixodbc" not in run(tmp_path, "override", "shelf").stdout


def test_with_takes_wheels_directories_and_environments_and_repeats(tmp_path: Path) -> None:
    wheel = str(build_user(tmp_path / "a"))
    core = build_core(tmp_path / "b")
    other = build_wheel(tmp_path, files={}, name="other")
    for place in (core, tmp_path / "b", install(core, tmp_path)):
        beside = ("--with", str(other), "--with", str(place))
        assert find_answers(tmp_path, wheel, *beside) == {"user": SIBLING}
        assert "pkgs.unixodbc" not in run(tmp_path, "override", wheel, *beside).stdout
        assert '"answer":"core"' in run(tmp_path, "report", wheel, *beside).stdout
        plan = run(tmp_path, "patch", wheel, "--dry-run", "--json", *beside).stdout
        assert "unixodbc" not in plan
    refused = run(tmp_path, "scan", wheel, "--with", "numpy")
    assert refused.returncode == 3
    assert "numpy: is a requirement, which `--with` does not take" in refused.stderr


def test_of_two_versions_the_pinned_one_is_at_hand_whatever_the_order(tmp_path: Path) -> None:
    user = str(build_user(tmp_path / "a"))
    right = str(build_core(tmp_path / "b"))
    wrong = str(build_core(tmp_path / "c", version="2.0", soname="libother.so.1"))
    for order in ((user, right, wrong), (wrong, right, user), (right, user, wrong)):
        assert find_answers(tmp_path, *order) == {"user": SIBLING}


def test_an_error_of_another_target_does_not_change_the_answer(tmp_path: Path) -> None:
    user, core = str(build_user(tmp_path / "a")), str(build_core(tmp_path / "b"))
    (tmp_path / "bad.whl").write_bytes(b"no wheel")
    for order in (("bad.whl", user, core), (user, "bad.whl", core), (core, user, "bad.whl")):
        assert find_answers(tmp_path, *order) == {"user": SIBLING}


def test_distributions_of_an_environment_are_at_hand_of_explain_and_override(tmp_path: Path) -> None:
    install(build_core(tmp_path / "b"), tmp_path)
    venv = install(build_user(tmp_path / "a"), tmp_path)
    assert find_answers(tmp_path, "venv") == {"user": SIBLING}
    assert "pkgs.unixodbc" not in run(tmp_path, "override", "venv").stdout
    path = venv / "lib" / "python3.12" / "site-packages" / "user" / "__init__.py"
    message = f'Traceback (most recent call last):\n  File "{path}", line 1, in <module>\n'
    message += f"ImportError: {SONAME}: cannot open shared object file: No such file or directory\n"
    (tmp_path / "message.log").write_text(message)
    told = run(tmp_path, "explain", "message.log", "--json").stdout
    assert '"core"' in told
    assert "unixodbc" not in json.dumps(json.loads(told)["build_inputs"])


def fill(index: Index, directory: Path) -> None:
    for wheel in (build_user(directory), build_core(directory)):
        index.add(wheel)


def test_a_requirements_file_is_resolved_together_and_all_of_it_is_at_hand(
    index: Index, tmp_path: Path
) -> None:
    fill(index, tmp_path / "wheels")
    (tmp_path / "wanted.txt").write_text("# ours\nuser>=1 ; python_version > '3'\n")
    assert find_answers(tmp_path, "wanted.txt", "--python", "3.12") == {"user": SIBLING}
    code = run(tmp_path, "override", "wanted.txt", "--python", "3.12", "--dialect", "nixpkgs")
    assert (code.returncode, "unixodbc" in code.stdout) == (0, False), code.stderr
    (tmp_path / "requirements.in").write_text("# nothing\n")
    nothing = run(tmp_path, "scan", "requirements.in")
    assert (nothing.returncode, "asks for nothing" in nothing.stderr) == (3, True)
    (tmp_path / "requirements.in").write_text("nosuchthing\n")
    absent = run(tmp_path, "scan", "requirements.in")
    assert absent.returncode == 3
    assert "requirements.in: uv cannot resolve it" in absent.stderr


def test_a_wheel_by_its_address_has_what_is_put_beside_it(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path / "wheels")
    base = index.url.removesuffix("/simple") + "/files"
    name = f"user-1.0-{TAG}.whl"
    for text in (f"{base}/{name}", f"user @ {base}/{name}"):
        assert find_answers(tmp_path, text) == {"user": PROVIDED}
        assert find_answers(tmp_path, text, "--with", "wheels") == {"user": SIBLING}
        for command in ("override", "adapter --from python312Packages.user"):
            assert run(tmp_path, *command.split(), text).returncode == 0


def test_a_lock_is_scanned_as_lock_reads_it(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path / "wheels")
    lines = [f"{n.partition('-')[0]}==1.0 --hash=sha256:{digest}\n" for n, digest in index.hashes.items()]
    (tmp_path / "requirements.txt").write_text("".join(lines))
    assert find_answers(tmp_path, "requirements.txt") == {"user": SIBLING}
    told = json.loads(run(tmp_path, "lock", "requirements.txt", "--json").stdout)
    (user,) = (one for one in told["packages"] if one["name"] == "user")
    assert {n["soname"]: n["class"] for n in user["needs"]}[SONAME] == SIBLING[0]
    assert user["build_inputs"] == []
    none = run(tmp_path, "scan", "requirements.txt", "--python", "3.9")
    assert (none.returncode, none.stdout) == (3, "")


def test_a_wheel_for_another_system_that_was_read_does_not_stand_in_for_that_of_a_lock(
    index: Index, tmp_path: Path
) -> None:
    fill(index, tmp_path / "wheels")
    files = {"user/x.so": b"\xcf\xfa\xed\xfe" + bytes(60)}
    mac = build_wheel(tmp_path, name="user", tag="cp312-cp312-macosx_11_0_arm64", files=files)
    index.add(mac)
    lines: dict[str, str] = {}
    for wheel, digest in index.hashes.items():
        name = wheel.partition("-")[0]
        lines[name] = lines.get(name, f"{name}==1.0") + f" --hash=sha256:{digest}"
    (tmp_path / "requirements.txt").write_text("\n".join(lines.values()) + "\n")
    assert run(tmp_path, "scan", str(mac)).returncode == 3
    assert find_answers(tmp_path, "requirements.txt") == {"user": SIBLING}
    assert run(tmp_path, "lock", "requirements.txt").returncode == 0


def test_one_wheel_that_cannot_be_read_does_not_silence_its_directory(tmp_path: Path) -> None:
    build_user(tmp_path / "shelf", "core")
    build_core(tmp_path / "shelf")
    (tmp_path / "shelf" / "other-1.0-cp312-cp312-macosx_11_0_arm64.whl").write_bytes(b"PK")
    result = run(tmp_path, "scan", "shelf", "--json")
    assert result.returncode == 3
    assert {d["name"] for d in json.loads(result.stdout)} == {"user", "core"}
    assert "other-1.0" in result.stderr
