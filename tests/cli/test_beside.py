"""What is at hand of a wheel is what can be installed beside it, and what is not there is not referred to."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.elf import build_elf
from tests.support.wheel import TAG, build_wheel

NOBODYS = "libnobody-has.so.1"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
OLD = "cp311-cp311-manylinux_2_28_x86_64"


def run(directory: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "wheelfix", *map(str, arguments)],
        cwd=directory,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache")},
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


def build_user(directory: Path, *, requires: str = "core>=1", tag: str = TAG, needed: str = NOBODYS) -> Path:
    directory.mkdir(exist_ok=True, parents=True)
    core = build_elf(directory / "elf", "core.so", needed=[needed])
    return build_wheel(directory, name="user", files={"user/_e.so": core}, requires=[requires], tag=tag)


def build_core(directory: Path, *, version: str = "1.0", tag: str = TAG, soname: str = NOBODYS) -> Path:
    files = {f"core/{soname}": build_elf(directory / "elf", soname, soname=soname)}
    return build_wheel(directory, name="core", version=version, files=files, tag=tag)


def find_class(directory: Path, *targets: Path, soname: str = NOBODYS) -> str:
    found = json.loads(run(directory, "scan", "--json", *targets).stdout)
    (user,) = (d for d in (found if isinstance(found, list) else [found]) if d["name"] == "user")
    need_class: str = next(n["class"] for n in user["needs"] if n["soname"] == soname)
    return need_class


def test_a_wheel_of_another_libc_is_not_at_hand(tmp_path: Path) -> None:
    user, musl = build_user(tmp_path), build_core(tmp_path, tag=MUSL)
    assert find_class(tmp_path, user, musl) == "unknown"
    assert find_class(tmp_path, user, build_core(tmp_path)) == "sibling"


def test_a_newer_version_for_another_python_takes_nothing_away(tmp_path: Path) -> None:
    user, fits = build_user(tmp_path, tag=OLD), build_core(tmp_path, tag=OLD)
    newer = build_core(tmp_path, version="2.0", soname="libother.so.1")
    assert find_class(tmp_path, user, fits) == "sibling"
    assert find_class(tmp_path, user, newer, fits) == "sibling"


def test_a_pin_is_compared_as_a_version(tmp_path: Path) -> None:
    for number, pin in enumerate(("core==1.0.0", "core===1.0", "core==1.0,!=2")):
        user = build_user(tmp_path / str(number), requires=pin)
        build_core(tmp_path / str(number))
        assert find_class(tmp_path, user) == "sibling", pin
    loose = build_user(tmp_path / "loose", requires="core>=1")
    build_core(tmp_path / "loose")
    assert find_class(tmp_path, loose) == "unknown"


def test_a_lock_refers_to_nothing_that_it_does_not_have(tmp_path: Path) -> None:
    wheel = build_user(tmp_path, requires="nvidia-cublas-cu12", needed="libcublas.so.12")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"user==1.0 --hash=sha256:{digest}\n")
    result = run(tmp_path, "lock", "requirements.txt", "--find-links", tmp_path)
    assert "final.nvidia-cublas-cu12" not in result.stdout
    assert '"libcublas.so.12"' in result.stdout
    assert "nvidia-cublas-cu12 has it and is not in the lock" in result.stderr


def test_several_versions_in_a_lock_are_told_by_scan_too(tmp_path: Path) -> None:
    wheels = [build_core(tmp_path, version="1.0"), build_core(tmp_path, version="2.0")]
    lines = [
        f"core=={wheel.name.split('-')[1]} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        for wheel in wheels
    ]
    (tmp_path / "requirements.txt").write_text("".join(lines))
    result = run(tmp_path, "scan", "requirements.txt", "--find-links", tmp_path)
    assert "core is in the environment in 2 versions, 1.0 and 2.0: 2.0 is taken" in result.stderr


def make_environment(directory: Path, *wheels: Path) -> Path:
    site = directory / ".venv" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (directory / ".venv" / "pyvenv.cfg").write_text("version = 3.12.1\n")
    for wheel in wheels:
        zipfile.ZipFile(wheel).extractall(site)
    return site


def test_what_another_wheel_has_is_not_missing_next(tmp_path: Path) -> None:
    core = build_elf(tmp_path / "elf", "core.so", needed=[NOBODYS, "libodbc.so.2"])
    user = build_wheel(tmp_path, name="user", files={"user/_e.so": core}, requires=["core>=1"])
    site = make_environment(tmp_path, user, build_core(tmp_path))
    error = "ImportError: libodbc.so.2: cannot open shared object file: No such file or directory\n"
    (tmp_path / "error.txt").write_text(f'  File "{site}/user/__init__.py", line 1, in <module>\n{error}')
    told = json.loads(run(tmp_path, "explain", "--json", "error.txt").stdout)
    assert [m["soname"] for m in told["missing"]] == ["libodbc.so.2"]
    assert told["siblings"] == []


def test_files_of_no_package_are_not_passed_over(tmp_path: Path) -> None:
    site = make_environment(tmp_path, build_user(tmp_path, needed="libz.so.1"))
    (site / "loose.so").write_bytes(build_elf(tmp_path / "elf", "loose.so", needed=["libxml2.so.2"]))
    result = run(tmp_path, "override", ".venv")
    assert result.returncode == 1
    assert "1 ELF file of no package" in result.stderr
    assert "`wheelfix override --dialect shell .venv`" in result.stderr
    assert "libxml2.so.2 for loose.so" in run(tmp_path, "override", ".venv", "--dialect", "shell").stdout


def test_a_pattern_as_soname_ignores_nothing_but_itself(tmp_path: Path) -> None:
    core = build_elf(tmp_path / "elf", "core.so", needed=["libPLACEHOLDER.so"])
    core = core.replace(b"libPLACEHOLDER.so\0", b"*\0".ljust(18, b"\0"))
    wheel = build_wheel(tmp_path, name="user", files={"user/_e.so": core})
    code = run(tmp_path, "override", wheel).stdout
    assert '"[*]"' in code
    assert '"*"' not in code


def test_what_is_opened_by_name_is_told_where_an_explanation_was_asked_for(tmp_path: Path) -> None:
    source = b'import ctypes\nctypes.CDLL("libmagic.so.1")\n'
    wheel = build_wheel(tmp_path, name="user", files={"user/__init__.py": source})
    result = run(tmp_path, "scan", wheel, "--explain", "libmagic.so.1")
    assert result.returncode == 0, result.stderr
    assert "opened by name in user/__init__.py" in result.stdout
    assert 'ctypes.CDLL("libmagic.so.1"), line 2: its path is written into the source' in result.stdout
    assert result.stdout.rstrip().endswith("This decides: provided.")
    (trace,) = json.loads(run(tmp_path, "scan", wheel, "--explain", "libmagic.so.1", "--json").stdout)
    assert [opening["form"] for opening in trace["openings"]] == ["substitute"]
    assert (trace["need"]["class"], trace["need"]["wanted_by"]) == ("provided", ["user/__init__.py"])


def test_what_is_opened_and_needs_no_answer_is_told(tmp_path: Path) -> None:
    source = b'import ctypes\nctypes.CDLL("libm.so.6")\n'
    wheel = build_wheel(tmp_path, name="user", files={"user/__init__.py": source})
    result = run(tmp_path, "scan", wheel, "--explain", "libm.so.6")
    assert (result.returncode, result.stdout) == (3, "")
    assert "libm.so.6: is opened by name, and is the wheel's own, the C library's" in result.stderr


def test_hints_can_be_pasted_whatever_a_file_is_called(tmp_path: Path) -> None:
    for name in ("new\nline.so", b"\xff\xfe.so".decode("utf-8", "surrogateescape"), "it's.so", "-x.so"):
        (tmp_path / name).write_bytes(build_elf(tmp_path / "elf", "x.so", needed=["libz.so.1"]))
        told = run(tmp_path, "lock", name if not name.startswith("-") else f"./{name}").stderr
        command = told.partition("hint: run `")[2].partition("`\n")[0]
        arguments = command.removeprefix("wheelfix ")
        shell = ["bash", "-c", f"{sys.executable} -m wheelfix {arguments}"]
        done = subprocess.run(shell, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, (command, done.stderr)


def test_a_link_that_leads_nowhere_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "click").symlink_to("/nowhere")
    result = run(tmp_path, "scan", "click")
    assert (result.returncode, "is a link that leads nowhere" in result.stderr) == (3, True)


def test_an_address_stays_one(tmp_path: Path) -> None:
    address = "https://h.invalid/x-1.0-py3-none-any.whl"
    for command in ("lock", "explain"):
        result = run(tmp_path, command, address)
        assert result.returncode == 3
        assert address in result.stderr.partition("hint:")[2], result.stderr


def test_a_preference_may_be_written_as_in_code(tmp_path: Path) -> None:
    told = [
        json.loads(run(tmp_path, "locate", "--json", "libjpeg.so.62", "--prefer", prefer).stdout)
        for prefer in ("mozjpeg", "pkgs.mozjpeg")
    ]
    assert told[0] == told[1]
    assert told[0]["results"][0]["providers"][0]["attr"] == "mozjpeg"
    refused = run(tmp_path, "locate", "libjpeg.so.62", "--prefer", "mozjpeg.nosuch")
    assert refused.returncode == 3
