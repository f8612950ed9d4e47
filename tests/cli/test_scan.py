"""The command as a user runs it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.report.json import load_schema


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wheelfix", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
    )


def scan_json(*arguments: str | Path) -> Any:
    return json.loads(run("scan", "--json", *arguments).stdout)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    needed = ["libz.so.1", "libodbc.so.2", "libcuda.so.1", "libinner.so", "libpython3.12.so.1.0"]
    files = {
        "demo/x.so": build_elf(tmp_path, "x.so", needed=needed, runpath=["$ORIGIN/../demo.libs"]),
        "demo.libs/libinner.so": build_elf(tmp_path, "libinner.so", soname="libinner.so"),
    }
    return build_wheel(tmp_path, files=files)


def test_answer_comes_first_and_evidence_after(wheel: Path) -> None:
    result = run("scan", wheel)
    assert result.returncode == 0, result.stderr
    text = result.stdout
    assert text.splitlines()[1].startswith("In a .venv, after `uv pip install ")
    flat = " ".join(text.split())
    assert "buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.unixodbc" in flat
    ignored = (
        'autoPatchelfIgnoreMissingDeps = (old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [ "libcuda.so.1" ];'
    )
    assert ignored in flat
    assert text.index("unixodbc") < text.index("libodbc.so.2")
    assert "\x1b" not in text
    assert result.stderr == ""


def test_json_follows_its_schema(wheel: Path) -> None:
    document = scan_json(wheel)
    jsonschema.validate(document, load_schema("wheelfix.scan/2"), cls=jsonschema.Draft202012Validator)
    classes = {n["soname"]: n["class"] for n in document["needs"]}
    assert classes["libz.so.1"] == "provided"
    assert classes["libinner.so"] == "bundled"
    assert classes["libcuda.so.1"] == "driver"
    assert classes["libpython3.12.so.1.0"] == "python"
    assert document["ignore_missing"] == ["libcuda.so.1"]
    assert document["build_inputs"] == ["unixodbc", "zlib"]
    assert document["baseline_inputs"] == ["zlib"]


def test_same_bytes_on_every_run(wheel: Path) -> None:
    outputs = {run("scan", "--json", wheel, env={"PYTHONHASHSEED": str(seed)}).stdout for seed in range(4)}
    assert len(outputs) == 1


def test_several_targets_are_a_list_in_the_order_given(tmp_path: Path, wheel: Path) -> None:
    other = build_wheel(tmp_path, files={}, name="other")
    assert [d["name"] for d in scan_json(wheel, other)] == ["demo", "other"]


def test_a_need_without_an_answer_is_exit_code_1(tmp_path: Path) -> None:
    path = build_wheel(
        tmp_path, files={"x.so": build_elf(tmp_path, "x.so", needed=["libnobody-has-this.so.9"])}
    )
    result = run("scan", path)
    assert result.returncode == 1
    assert "No answer:" in result.stdout
    assert "libnobody-has-this.so.9" in result.stdout


def test_nearest_major_is_named(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, files={"x.so": build_elf(tmp_path, "x.so", needed=["libffi.so.7"])})
    (need,) = (n for n in scan_json(path)["needs"] if n["soname"] == "libffi.so.7")
    assert need["class"] == "unknown"
    assert "libffi.so.8" in need["reason"]


def test_preference(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, files={"x.so": build_elf(tmp_path, "x.so", needed=["libgs.so.10"])})
    (before,) = (n for n in scan_json(path)["needs"] if n["soname"] == "libgs.so.10")
    other = before["providers"][1]["attr"]
    assert scan_json("--prefer", other, path)["build_inputs"] == [other]


def test_pure_python(tmp_path: Path) -> None:
    result = run("scan", build_wheel(tmp_path, files={"demo.py": b""}, tag="py3-none-any"))
    assert result.returncode == 0
    assert "Pure Python" in result.stdout


def broken_elf(tmp_path: Path) -> Path:
    data = bytearray(build_elf(tmp_path, "x.so"))
    struct.pack_into("<Q", data, 32, 1 << 60)
    return build_wheel(tmp_path, files={"demo/x.so": bytes(data)})


def truncated(tmp_path: Path) -> Path:
    path = build_wheel(tmp_path, files={"demo/x.so": build_elf(tmp_path, "x.so")})
    path.write_bytes(path.read_bytes()[:-100])
    return path


def no_zip(tmp_path: Path) -> Path:
    path = tmp_path / "notes-1.0-py3-none-any.whl"
    path.write_text("not a wheel")
    return path


def no_metadata(tmp_path: Path) -> Path:
    import zipfile

    path = tmp_path / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.py", "")
    return path


def missing(tmp_path: Path) -> Path:
    return tmp_path / "gone.whl"


def directory(tmp_path: Path) -> Path:
    return tmp_path


def hostile_name(tmp_path: Path) -> Path:
    return build_wheel(tmp_path, files={"../\x1b[31mevil\n.so": b"x"})


def socket_file(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe.whl")
    return tmp_path / "pipe.whl"


@pytest.mark.parametrize(
    "make", [broken_elf, truncated, no_zip, no_metadata, missing, directory, hostile_name, socket_file]
)
def test_bad_input_is_one_line_a_hint_and_exit_code_3(tmp_path: Path, make: Any) -> None:
    result = run("scan", make(tmp_path))
    assert result.returncode == 3
    lines = result.stderr.splitlines()
    assert lines[0].startswith("wheelfix: ")
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2
    assert "\x1b" not in result.stderr
    assert result.stdout == ""


def test_unreadable_file(wheel: Path) -> None:
    wheel.chmod(0)
    # root reads everything unless the capability to do so is taken away
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-m", "wheelfix", "scan", str(wheel)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert "permission denied" in result.stderr


def test_one_bad_wheel_does_not_hide_the_others(tmp_path: Path, wheel: Path) -> None:
    result = run("scan", "--json", no_zip(tmp_path), wheel)
    assert result.returncode == 3
    assert json.loads(result.stdout)["name"] == "demo"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libnone.so.1"])
    hostile = "demo/\x1b]0;title\x07\u202e[bold]x.so"
    result = run("scan", build_wheel(tmp_path, files={hostile: library}), env={"FORCE_COLOR": "1"})
    assert "\x1b]0" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "[bold]x.so" in result.stdout


def test_no_color_is_honoured(wheel: Path) -> None:
    assert "\x1b" in run("scan", wheel, env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b[3" not in run("scan", wheel, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("scan").returncode == 2
    assert run("scan", "--no-such-option").returncode == 2


def test_index_that_is_none_is_exit_code_4(tmp_path: Path, wheel: Path) -> None:
    bad = tmp_path / "files"
    bad.write_bytes(b"NIXI")
    result = run("scan", "--index", bad, wheel)
    assert result.returncode == 4
    assert result.stderr.startswith("wheelfix: ")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in run("scan", "--debug", missing(tmp_path)).stderr


def test_quiet_gives_the_answer_alone(wheel: Path) -> None:
    text = run("scan", "--quiet", wheel).stdout
    assert "pkgs.unixodbc" in text
    assert "wanted by" not in text


def test_no_command_shows_the_help() -> None:
    result = run()
    assert "wheelfix scan" in result.stdout + result.stderr


def test_a_closed_pipe_is_no_traceback(wheel: Path) -> None:
    command = f"{sys.executable} -m wheelfix scan {wheel} | head -c 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr


def test_directory_of_wheels(tmp_path: Path, wheel: Path) -> None:
    other = build_wheel(tmp_path, files={}, name="other")
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for path in (wheel, other):
        path.rename(shelf / path.name)
    assert [d["name"] for d in scan_json(shelf)] == ["demo", "other"]


def test_installed_environment_by_record(tmp_path: Path, wheel: Path) -> None:
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("version = 3.12\n")
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    document = scan_json(tmp_path / "venv")
    alone = scan_json(wheel)
    for key in ("name", "version", "needs", "build_inputs", "baseline_inputs", "ignore_missing"):
        assert document[key] == alone[key]


def test_a_second_scan_reads_from_the_cache(tmp_path: Path, wheel: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = run("scan", "--json", wheel, env=env)
    assert any((tmp_path / "cache" / "wheelfix" / "facts").iterdir())
    assert run("scan", "--json", wheel, env=env).stdout == first.stdout


@pytest.mark.network
def test_requirement_is_fetched_and_kept(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = run("scan", "--json", "pyodbc==5.5.0", "--python", "3.12", env=env)
    assert json.loads(result.stdout)["build_inputs"] == ["stdenv.cc.cc.lib", "unixodbc"]
    offline = env | dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    assert run("scan", "--json", "pyodbc==5.5.0", env=offline).stdout == result.stdout


def test_libraries_opened_by_python_are_told(tmp_path: Path) -> None:
    source = b'import ctypes\nlib = ctypes.CDLL("libmagic.so.1")\n'
    path = build_wheel(tmp_path, files={"demo.py": source}, tag="py3-none-any")
    (found,) = scan_json(path)["openings"]
    assert [p["attr"] for p in found.pop("providers")] == ["file"]
    assert found == {
        "file": "demo.py",
        "line": 2,
        "kind": "ctypes",
        "names": ["libmagic.so.1"],
        "optional": False,
        "answered": "libmagic.so.1",
        "class": "provided",
        "distribution": None,
        "form": "substitute",
        "held": None,
        "permissions": [],
        "note": None,
    }
    told = 'libmagic.so.1  pkgs.file, for demo.py: ctypes.CDLL("libmagic.so.1"), line 2;'
    shown = run("scan", path).stdout
    assert told in shown
    assert "its path is written into the source" in " ".join(shown.split())


def test_explain_says_why_step_by_step(wheel: Path) -> None:
    result = run("scan", "--explain", "libodbc.so.2", wheel)
    assert result.returncode == 0
    assert "Does nixpkgs provide it?" in result.stdout
    assert result.stdout.rstrip().endswith("This decides: provided.")
    (document,) = json.loads(run("scan", "--json", "--explain", "libodbc.so.2", wheel).stdout)
    assert document["schema"] == "wheelfix.trace/1"
    assert document["steps"][-1]["class"] == document["need"]["class"] == "provided"


def test_explain_of_what_nobody_wants(wheel: Path) -> None:
    result = run("scan", "--explain", "libno\x1b.so", wheel)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("wheelfix: libno\\x1b.so: nothing here wants it\nhint: ")
    near = run("scan", "--explain", "libodcb.so.2", wheel)
    assert near.returncode == 3
    assert "hint: write libodbc.so.2" in near.stderr
    empty = run("scan", "--json", "--explain", "libodcb.so.2", wheel)
    assert (empty.returncode, json.loads(empty.stdout)) == (3, [])


def test_distributions_at_hand_are_checked(tmp_path: Path) -> None:
    user = build_elf(tmp_path, "x.so", needed=["libown.so.1"], runpath=["$ORIGIN/../base/lib"])
    path = build_wheel(tmp_path, files={"demo/x.so": user}, requires=["base"])
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    library = build_elf(tmp_path, "libown.so.1", soname="libown.so.1")
    build_wheel(shelf, files={"base/lib/libown.so.1": library}, name="base")
    (need,) = (n for n in scan_json("--with", shelf, path)["needs"] if n["soname"] == "libown.so.1")
    assert (need["class"], need["distribution"]) == ("sibling", "base")
    assert "checked: base 1.0 has base/lib/libown.so.1" in need["reason"]
    build_wheel(shelf, files={"base/lib/libold.so.1": library.replace(b"libown", b"libold")}, name="base")
    document = scan_json("--with", shelf, path)
    assert any("does not carry libown.so.1" in f["message"] for f in document["findings"])


def test_against_tells_whether_a_library_will_do(tmp_path: Path) -> None:
    source = (
        '__asm__(".symver f_2,f@@V_2"); void f_2(void) {}\n__asm__(".symver f_1,f@V_1"); void f_1(void) {}'
    )
    new, old = tmp_path / "new" / "lib", tmp_path / "old" / "lib"
    build_versioned(new, source, "V_1 { global: f; local: *; };\nV_2 { global: f; } V_1;")
    build_versioned(old, "void f(void) {}", "V_1 { global: f; local: *; };")
    (tmp_path / "u.c").write_text("void f(void); void g(void) { f(); }")
    command = ["gcc", "-shared", "-fPIC", "-nostdlib", "-o", tmp_path / "u.so", tmp_path / "u.c"]
    subprocess.run([*map(str, command), str(new / "libv.so.1")], check=True)
    path = build_wheel(tmp_path, files={"demo/u.so": (tmp_path / "u.so").read_bytes()})
    good = [f for f in scan_json("--against", new.parent, path)["findings"] if "libv" in f["subject"]]
    assert [f["level"] for f in good] == ["note"]
    bad = [f for f in scan_json("--against", old, path)["findings"] if "libv" in f["subject"]]
    assert [f["level"] for f in bad] == ["error"]
    assert "V_2" in bad[0]["message"]
    assert run("scan", "--against", tmp_path / "none", path).returncode == 3


def build_versioned(directory: Path, source: str, versions: str) -> None:
    directory.mkdir(parents=True)
    (directory / "v.c").write_text(source)
    (directory / "v.map").write_text(versions)
    command = ["gcc", "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libv.so.1"]
    script = f"-Wl,--version-script={directory / 'v.map'}"
    subprocess.run([*command, script, "-o", directory / "libv.so.1", directory / "v.c"], check=True)


def test_an_environment_is_summed_up_first(tmp_path: Path) -> None:
    import zipfile

    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    for name, soname in (("one", "libodbc.so.2"), ("two", "libnobody.so.1")):
        elf = build_elf(tmp_path, "x.so", needed=[soname])
        with zipfile.ZipFile(build_wheel(tmp_path, files={f"{name}/x.so": elf}, name=name)) as archive:
            archive.extractall(site)
    advice, _, summary = run("scan", tmp_path / "venv").stdout.partition("\n\n")
    assert advice.splitlines()[0].endswith("venv needs from nixpkgs: unixodbc")
    assert "libnobody.so.1, for two" in advice.splitlines()[1]
    lines = summary.splitlines()
    assert lines[0] == "2 distributions, 2 ELF files"
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "Linked from nixpkgs:",
        "unixodbc one",
        "Without an answer:",
        "libnobody.so.1 two",
    ]
