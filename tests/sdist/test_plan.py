from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.sdist import CARGO, build_sdist, lock
from wheelfix.errors import InputError
from wheelfix.model.base import replace
from wheelfix.model.scan import Level
from wheelfix.model.sdist import CargoSource
from wheelfix.sdist.manifests import parse_lock
from wheelfix.sdist.model import CargoPlan, GivenLock
from wheelfix.sdist.plan import find_build_systems, find_unfilled, plan_cargo, refuse_no_rust
from wheelfix.sdist.read import read_plan, read_source
from wheelfix.wheel.sdist import read_sdist

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def read(tmp_path: Path, files: Mapping[str, str], *, info: str = "") -> CargoSource:
    return read_source(read_sdist(build_sdist(tmp_path, files, info=info)))


def plan(tmp_path: Path, files: Mapping[str, str]) -> CargoPlan:
    return plan_cargo(read(tmp_path, {**CARGO, **files}))


def crates(tmp_path: Path, *locked: str, dependencies: str = "") -> CargoPlan:
    """The plan of a crate with these dependencies, all of them from a registry."""
    names = [crate.split()[0] for crate in locked]
    asked = dependencies or "".join(f'{name} = "1"\n' for name in names)
    manifest = CARGO["Cargo.toml"] + f"[dependencies]\n{asked}"
    return plan(
        tmp_path, {"Cargo.toml": manifest, "Cargo.lock": lock(f"*demo 1.0.0 < {' '.join(names)}", *locked)}
    )


def ask(name: str, feature: str) -> str:
    return f'{name} = {{ version = "1", features = ["{feature}"] }}\n'


def inputs(found: CargoPlan) -> tuple[list[str], list[str], list[str]]:
    return [i.attr for i in found.libraries], [i.attr for i in found.tools], [s.name for s in found.settings]


@pytest.mark.parametrize(
    ("locked", "dependencies", "expected"),
    [
        (["openssl-sys 0.9.1 < cc pkg-config", "cc 1.0.0", "pkg-config 0.3.0"], "", (["openssl"], [], [])),
        (["openssl-sys 0.9.1 < openssl-src", "openssl-src 3.0.0"], "", ([], ["perl"], [])),
        (["libsqlite3-sys 0.30.0 < pkg-config", "pkg-config 0.3.0"], "", (["sqlite"], [], [])),
        (["libsqlite3-sys 0.30.0 < cc", "cc 1.0.0"], "", ([], [], [])),
        (["libz-sys 1.1.0"], "", (["zlib"], [], [])),
        (["libz-sys 1.1.0"], ask("libz-sys", "static"), ([], [], [])),
        (["libz-sys 1.1.0 < cmake", "cmake 0.1.0"], "", ([], ["cmake"], [])),
        (["bzip2-sys 0.1.0"], "", (["bzip2"], [], [])),
        (["bzip2 0.4.0 < bzip2-sys", "bzip2-sys 0.1.0"], ask("bzip2", "static"), ([], [], [])),
        (["zstd-sys 2.0.0"], "", (["zstd"], [], ["ZSTD_SYS_USE_PKG_CONFIG"])),
        (["libgit2-sys 0.17.0"], "", (["libgit2"], [], [])),
        (["git2 0.20.0 < libgit2-sys", "libgit2-sys 0.17.0"], ask("git2", "vendored-libgit2"), ([], [], [])),
        (["rdkafka-sys 4.0.0 < cmake", "cmake 0.1.0"], "", ([], ["cmake"], [])),
        (["rdkafka-sys 4.0.0"], "", ([], ["perl", "which"], [])),
        (["rdkafka-sys 4.0.0"], ask("rdkafka-sys", "dynamic-linking"), (["rdkafka"], [], [])),
        (["prost-build 0.13.0"], "", ([], ["protobuf"], [])),
        (["prost-build 0.13.0", "protox 0.7.0"], "", ([], [], [])),
        (["bindgen 0.70.0 < clang-sys", "clang-sys 1.0.0"], "", ([], ["rustPlatform.bindgenHook"], [])),
        (["nasm-rs 0.2.0"], "", ([], ["nasm"], [])),
        (["aws-lc-sys 0.44.0 < cmake", "cmake 0.1.0"], 'aws-lc-sys = "1"', ([], [], [])),
        (["onig_sys 69.9.0"], "", (["oniguruma"], [], ["RUSTONIG_SYSTEM_LIBONIG"])),
        (["wit-bindgen 0.2.0", "js-sys 0.3.0", "linux-raw-sys 0.4.0"], "", ([], [], [])),
    ],
)  # fmt: skip
def test_native_inputs(
    tmp_path: Path, locked: list[str], dependencies: str, expected: tuple[list[str], list[str], list[str]]
) -> None:
    assert inputs(crates(tmp_path, *locked, dependencies=dependencies)) == expected


def test_reason_names_the_crate_and_who_asks_for_it(tmp_path: Path) -> None:
    manifest = CARGO["Cargo.toml"] + '[dependencies]\nnative-tls = "1"\n'
    locked = lock(
        "*demo 1.0.0 < native-tls",
        "native-tls 0.2.0 < openssl",
        "openssl 0.10.0 < openssl-sys",
        "openssl-sys 0.9.5",
    )
    found = plan(tmp_path, {"Cargo.toml": manifest, "Cargo.lock": locked})
    assert found.libraries[0].reason == "openssl-sys 0.9.5 (of openssl, of native-tls, of demo) links OpenSSL"


def test_crates_for_tests_and_other_members_do_not_count(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": CARGO["Cargo.toml"]
        + '[dev-dependencies]\nopenssl-sys = "1"\n[workspace]\nmembers = ["x"]\n',
        "x/Cargo.toml": '[package]\nname = "x"\nversion = "1.0.0"\n[dependencies]\nlibz-sys = "1"\n',
        "Cargo.lock": lock(
            "*demo 1.0.0 < openssl-sys", "*x 1.0.0 < libz-sys", "openssl-sys 0.9.1", "libz-sys 1.0.0"
        ),
    }
    assert inputs(plan(tmp_path, files)) == ([], [], [])


def test_download_inside_a_build_is_a_problem(tmp_path: Path) -> None:
    found = crates(
        tmp_path,
        "hwlocality-sys 0.7.0",
        dependencies='hwlocality-sys = { version = "1", features = ["vendored"] }',
    )
    assert [f.level for f in found.findings] == [Level.ERROR]
    assert "downloads hwloc" in found.findings[0].message


@pytest.mark.parametrize("locked", [False, True])
def test_a_feature_for_windows_whose_crate_is_not_locked_is_a_problem(tmp_path: Path, locked: bool) -> None:
    wanted = 'pyo3 = { version = "0.22", features = ["generate-import-lib"] }'
    crate = ["pyo3 0.22.0 < python3-dll-a", "python3-dll-a 0.2.10"] if locked else ["pyo3 0.22.0"]
    found = crates(tmp_path, *crate, dependencies=wanted)
    told = [finding.message for finding in found.findings if finding.level is Level.ERROR]
    assert bool(told) is not locked
    assert all("python3-dll-a" in message for message in told)


def test_root_is_that_of_the_workspace(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": CARGO["pyproject.toml"] + '[tool.maturin]\nmanifest-path = "src/rust/Cargo.toml"\n',
        "Cargo.toml": '[workspace]\nmembers = ["src/rust"]\n',
        "src/rust/Cargo.toml": CARGO["Cargo.toml"],
    }
    found = plan(tmp_path, files)
    assert (found.root, found.lock) == (".", True)
    assert (
        found.root_reason
        == "[tool.maturin] manifest-path is src/rust/Cargo.toml, a member of the workspace of Cargo.toml"
    )


def test_root_is_that_of_the_crate_without_a_workspace(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": CARGO["pyproject.toml"] + '[tool.maturin]\nmanifest-path = "src/rust/Cargo.toml"\n',
        "src/rust/Cargo.toml": CARGO["Cargo.toml"],
        "src/rust/Cargo.lock": CARGO["Cargo.lock"],
    }
    assert (plan(tmp_path, files).root, plan(tmp_path, files).lock) == ("src/rust", True)


def test_several_roots_are_an_error(tmp_path: Path) -> None:
    modules = "".join(
        f'[[tool.setuptools-rust.ext-modules]]\ntarget = "{x}"\npath = "{x}/Cargo.toml"\n' for x in "ab"
    )
    files = {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools-rust"]\n' + modules,
        **{f"{x}/{name}": CARGO[name] for x in "ab" for name in ("Cargo.toml", "Cargo.lock")},
    }
    found = plan(tmp_path, files)
    assert found.root == "a"
    assert [f.message for f in found.findings if f.level is Level.ERROR] == [
        "builds with several Cargo.lock, also in b; importCargoLock takes one"
    ]


def test_missing_lock_is_said_and_a_given_one_used(tmp_path: Path) -> None:
    files = {key: text for key, text in CARGO.items() if key != "Cargo.lock"}
    files["Cargo.toml"] += '[dependencies]\nlibz-sys = "1"\n'
    source = read(tmp_path, files)
    bare = plan_cargo(source)
    assert (bare.lock, [f.level for f in bare.findings]) == (False, [Level.ERROR])
    assert "--lock" in bare.findings[0].message
    given = parse_lock("x", lock("*demo 1.0.0 < libz-sys", "libz-sys 1.0.0").encode())
    found = plan_cargo(source, given=GivenLock(name="demo.lock", lock=given))
    assert (found.lock, found.lock_file, inputs(found)[0]) == (False, "demo.lock", ["zlib"])
    assert [f.level for f in found.findings] == [Level.NOTE]


def test_lock_of_the_sdist_wins_over_a_given_one(tmp_path: Path) -> None:
    given = parse_lock("x", lock("*demo 1.0.0 < libz-sys", "libz-sys 1.0.0").encode())
    found = plan_cargo(read(tmp_path, CARGO), given=GivenLock(name="demo.lock", lock=given))
    assert (found.lock, found.lock_file, found.libraries) == (True, None, ())


def test_git_crates_share_a_hash_by_commit(tmp_path: Path) -> None:
    entry = '[[package]]\nname = "{}"\nversion = "1.0.0"\nsource = "git+https://git.example/r?branch=x#{}"\n'
    text = (
        CARGO["Cargo.lock"]
        + entry.format("b", COMMIT)
        + entry.format("a", COMMIT)
        + entry.format("c", "f" * 40)
    )
    source = read(tmp_path, {**CARGO, "Cargo.lock": text})
    found = plan_cargo(source, hashes={COMMIT: b"\1" * 32})
    assert [(g.url, g.crates, g.sha256) for g in found.git] == [
        ("https://git.example/r", ("a-1.0.0", "b-1.0.0"), b"\1" * 32),
        ("https://git.example/r", ("c-1.0.0",), None),
    ]
    assert found.findings == ()
    (unfilled,) = find_unfilled(found)
    assert (unfilled.level, "fill in the hash of c-1.0.0" in unfilled.message) == (Level.WARNING, True)


def test_other_registries_are_an_error_without_their_password(tmp_path: Path) -> None:
    entry = '[[package]]\nname = "b"\nversion = "1"\nsource = "registry+https://me:pw@crates.example/index"\n'
    found = plan(tmp_path, {"Cargo.lock": CARGO["Cargo.lock"] + entry})
    assert [f.level for f in found.findings] == [Level.ERROR]
    assert "https://crates.example/index" in found.findings[0].message


@pytest.mark.parametrize(
    ("package", "more", "version"),
    [
        ('rust-version = "1.70"', "", ("1.70", "rust-version of demo")),
        (
            "rust-version.workspace = true",
            '[workspace.package]\nrust-version = "1.83.0"',
            ("1.83.0", "rust-version of demo"),
        ),
        ('edition = "2024"', "", ("1.85", "edition 2024 of demo")),
        ('rust-version = "x"', "", None),
        ("", "", None),
    ],
)
def test_minimum_rust(tmp_path: Path, package: str, more: str, version: tuple[str, str] | None) -> None:
    manifest = f'[package]\nname = "demo"\nversion = "1.0.0"\n{package}\n[workspace]\n{more}\n'
    assert plan(tmp_path, {"Cargo.toml": manifest}).rust_version == version


def test_highest_minimum_of_the_tree_counts(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": CARGO["Cargo.toml"] + 'rust-version = "1.9"\n[dependencies]\nx = { path = "x" }\n',
        "x/Cargo.toml": '[package]\nname = "x"\nversion = "1.0.0"\nrust-version = "1.10"\n',
        "y/Cargo.toml": '[package]\nname = "y"\nversion = "1.0.0"\nrust-version = "1.99"\n',
    }
    assert plan(tmp_path, files).rust_version == ("1.10", "rust-version of x")


@pytest.mark.parametrize(("channel", "kept"), [("nightly-2026-09-01", "nightly-2026-09-01"), ("1.80", None)])
def test_nightly_is_kept(tmp_path: Path, channel: str, kept: str | None) -> None:
    assert plan(tmp_path, {"rust-toolchain.toml": f'[toolchain]\nchannel = "{channel}"\n'}).channel == kept


def test_crates_that_the_sdist_brings_are_told_and_not_read(tmp_path: Path) -> None:
    config = '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "include/cargo"\n'
    files = {".cargo/config.toml": config, "include/cargo/x/Cargo.toml": "broken ["}
    assert plan(tmp_path, files).vendored == "include/cargo"


def test_build_systems_with_what_they_require() -> None:
    known = {"cffi": ("pycparser",), "a": ("b", "cffi"), "b": ("a",)}
    found = find_build_systems([("a", ()), ("cffi", ("x",)), ("maturin", ())], known)
    assert [(one.name, one.extras, one.reason) for one in found] == [
        ("a", (), ""),
        ("b", (), "a requires it"),
        ("cffi", ("x",), ""),
        ("maturin", (), ""),
        ("pycparser", (), "cffi requires it"),
    ]


def test_sdist_without_rust_has_no_plan_and_says_why(tmp_path: Path) -> None:
    system = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    path = build_sdist(tmp_path, {"pyproject.toml": system})
    assert read_plan(path, "3.12") is None
    source = read_source(read_sdist(path))
    with pytest.raises(InputError, match="demo: builds no Rust: its build system is setuptools"):
        refuse_no_rust(source, "demo")
    split = replace(source, project=replace(source.project, depends=("demo-core==1.0", "other==2")))
    with pytest.raises(InputError) as caught:
        refuse_no_rust(split, "demo")
    assert caught.value.hint.endswith("use `wheelfix sdist demo-core==1.0`")
    refuse_no_rust(read(tmp_path, CARGO), "demo")


def test_many_crates_of_one_name_end(tmp_path: Path) -> None:
    names = [f"zstd-sys 1.0.{number} < zstd-sys" for number in range(20_000)]
    found = crates(tmp_path, *names, dependencies='zstd-sys = "1"')
    assert inputs(found) == (["zstd"], [], ["ZSTD_SYS_USE_PKG_CONFIG"])


def test_guess_is_told(tmp_path: Path) -> None:
    system = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    found = plan(tmp_path, {"pyproject.toml": system})
    assert [f.level for f in found.findings] == [Level.WARNING]
    assert "guess" in found.findings[0].message
