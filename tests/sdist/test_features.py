from __future__ import annotations

from collections.abc import Mapping

import pytest

from wheelfix.model.sdist import BuiltManifest, Manifest
from wheelfix.sdist.features import Enabled, find_enabled, find_workspace
from wheelfix.sdist.manifests import parse_manifest


def parse(files: Mapping[str, str]) -> dict[str, Manifest]:
    return {path: parse_manifest(path, text.encode()) for path, text in files.items()}


def enable(files: Mapping[str, str], *features: str, default: bool = True) -> Enabled:
    start = BuiltManifest(path="Cargo.toml", evidence="", features=features, default_features=default)
    return find_enabled(parse(files), [start])


def crate(name: str, rest: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "1.0.0"\n{rest}'


FEATURES = crate(
    "demo",
    """
[dependencies]
always = "1"
tls = { version = "1", optional = true, features = ["own"] }
json = { version = "1", optional = true }
zip = { version = "1", optional = true }
[features]
default = ["secure"]
secure = ["dep:tls", "tls/vendored"]
weak = ["json?/fast"]
strong = ["json/fast"]
all = ["strong", "weak", "zip"]
""",
)


@pytest.mark.parametrize(
    ("features", "default", "on", "asked"),
    [
        ((), True, {"always", "tls"}, {"always": set(), "tls": {"own", "vendored"}}),
        ((), False, {"always"}, {"always": set()}),
        (("weak",), False, {"always"}, {"always": set()}),
        (("weak", "json"), False, {"always", "json"}, {"always": set(), "json": {"fast"}}),
        (("strong",), False, {"always", "json"}, {"always": set(), "json": {"fast"}}),
        (("all",), False, {"always", "json", "zip"}, {"always": set(), "json": {"fast"}, "zip": set()}),
        (("always/extra",), False, {"always"}, {"always": {"extra"}}),
        (("json", "weak"), False, {"always", "json"}, {"always": set(), "json": {"fast"}}),
        (("unknown",), False, {"always"}, {"always": set()}),
    ],
)
def test_features(features: tuple[str, ...], default: bool, on: set[str], asked: dict[str, set[str]]) -> None:
    enabled = enable({"Cargo.toml": FEATURES}, *features, default=default)
    assert enabled.dependencies["Cargo.toml"] == on
    assert enabled.requested == asked


def test_features_reach_crates_of_the_tree_by_any_path() -> None:
    files = {
        "Cargo.toml": crate(
            "demo", '[dependencies]\na = { path = "a" }\nb = { path = "b", features = ["deep"] }\n'
        ),
        "a/Cargo.toml": crate("a", '[dependencies]\nb = { path = "../b", default-features = false }\n'),
        "b/Cargo.toml": crate(
            "b",
            '[dependencies]\nx = { version = "1", optional = true }\ny = { version = "1", optional = true }\n'
            '[features]\ndefault = ["y"]\ndeep = ["dep:x"]\n',
        ),
    }
    assert enable(files).dependencies["b/Cargo.toml"] == {"x", "y"}


def test_workspace_is_inherited() -> None:
    files = {
        "Cargo.toml": "[workspace]\n[workspace.dependencies]\n"
        'real = { package = "r", version = "1", features = ["f"] }\n'
        'bare = { version = "1", default-features = false }\n[patch.crates-io]\nq = { path = "vendor/q" }\n'
        + crate("demo", '[dependencies]\nreal = { workspace = true, features = ["g"] }\nq = "1"\n'),
        "vendor/q/Cargo.toml": crate("q", '[dependencies]\ndeep = "1"\n'),
    }
    enabled = enable(files)
    assert enabled.dependencies == {"Cargo.toml": {"r", "q"}, "vendor/q/Cargo.toml": {"deep"}}
    assert enabled.requested["r"] == {"f", "g"}


def test_other_platforms_do_not_count() -> None:
    text = crate(
        "demo", '[target."cfg(windows)".dependencies]\nw = "1"\n[target."cfg(unix)".dependencies]\nu = "1"\n'
    )
    assert enable({"Cargo.toml": text}).dependencies == {"Cargo.toml": {"u"}}


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("Cargo.toml", "Cargo.toml"),
        ("src/rust/Cargo.toml", "Cargo.toml"),
        ("fuzz/deep/Cargo.toml", None),
        ("own/Cargo.toml", "own/Cargo.toml"),
        ("sent/away/Cargo.toml", "own/Cargo.toml"),
        ("absent/Cargo.toml", None),
    ],
)
def test_workspace_of_a_manifest(path: str, root: str | None) -> None:
    files = {
        "Cargo.toml": '[workspace]\nexclude = ["./fuzz"]\n',
        "src/rust/Cargo.toml": crate("a"),
        "fuzz/deep/Cargo.toml": crate("b"),
        "own/Cargo.toml": crate("c") + "[workspace]\n",
        "sent/away/Cargo.toml": '[package]\nname = "d"\nversion = "1.0.0"\nworkspace = "../../own"\n',
    }
    found = find_workspace(parse(files), path)
    assert (found.path if found else None) == root
