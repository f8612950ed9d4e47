from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sdist import REGISTRY, lock
from wheelfix.errors import InputError
from wheelfix.model.sdist import CrateDependency, LockedCrate
from wheelfix.sdist.manifests import parse_channel, parse_lock, parse_manifest, parse_vendored


def test_lock() -> None:
    crates = parse_lock("Cargo.lock", lock("*demo 1.0.0 < a", "a 0.2.0+x < b").encode()).crates
    assert crates == (
        LockedCrate(name="demo", version="1.0.0", dependencies=("a",)),
        LockedCrate(name="a", version="0.2.0+x", source=REGISTRY, dependencies=("b",)),
    )
    assert crates[1].label == "a-0.2.0+x"


def test_manifest() -> None:
    text = b"""
[package]
name = "demo"
version.workspace = true
rust-version = "1.70"
edition = "2021"
workspace = "../.."
[dependencies]
plain = "1"
renamed = { package = "real", version = "1", features = ["f"], optional = true }
shared.workspace = true
[build-dependencies]
cc = { version = "1", default-features = false }
[dev-dependencies]
left-out = "1"
[target.'cfg(windows)'.dependencies]
win = { path = "../win" }
[features]
default = ["dep:renamed"]
"""
    manifest = parse_manifest("x/Cargo.toml", text)
    assert (manifest.name, manifest.version, manifest.rust_version) == ("demo", "workspace", "1.70")
    assert (manifest.workspace_root, manifest.is_workspace) == ("../..", False)
    assert manifest.features == {"default": ("dep:renamed",)}
    assert manifest.dependencies == (
        CrateDependency(key="plain", name="plain"),
        CrateDependency(key="renamed", name="real", features=("f",), optional=True),
        CrateDependency(key="shared", name="shared", inherited=True),
        CrateDependency(key="cc", name="cc", default_features=False),
        CrateDependency(key="win", name="win", path="../win", target="cfg(windows)"),
    )


def test_workspace() -> None:
    text = b"""
[workspace]
members = ["a", "b/*"]
exclude = ["fuzz"]
[workspace.package]
rust-version = "1.83"
authors = ["x"]
[workspace.dependencies]
shared = { version = "1", features = ["f"] }
[patch.crates-io]
patched = { path = "vendor/patched" }
"""
    manifest = parse_manifest("top/Cargo.toml", text)
    assert manifest.is_workspace
    assert manifest.name is None
    assert (manifest.members, manifest.excluded) == (("a", "b/*"), ("fuzz",))
    assert manifest.workspace_package == {"rust-version": "1.83"}
    assert manifest.workspace_dependencies == (CrateDependency(key="shared", name="shared", features=("f",)),)
    assert manifest.patched == {"patched": "top/vendor/patched"}


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ('[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "d"', "d"),
        ('[source.crates-io]\nreplace-with = "v"\n[source.v]\nreplace-with = "crates-io"', None),
        ('[source.other]\ndirectory = "d"', None),
        ("[build]\nrustflags = []", None),
    ],
)
def test_vendored(text: str, directory: str | None) -> None:
    assert parse_vendored(".cargo/config.toml", text.encode()) == directory


@pytest.mark.parametrize(
    ("path", "text", "channel"),
    [
        ("rust-toolchain.toml", '[toolchain]\nchannel = "nightly-2026-01-01"', "nightly-2026-01-01"),
        ("rust-toolchain", "1.70\n", "1.70"),
        ("rust-toolchain", '[toolchain]\nchannel = "beta"\n', "beta"),
        ("rust-toolchain.toml", "", None),
    ],
)
def test_channel(path: str, text: str, channel: str | None) -> None:
    assert parse_channel(path, text.encode()) == channel


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[[package]]\nname = 1\nversion = '1'", "package[0].name: is not text"),
        ("[[package]]\nname = 'a'", "package[0].version: is missing"),
        ("[[package]]\nname = 'a'\nversion = '1'\n[[package]]\nversion = '1'", "package[1].name: is missing"),
        ("package = 3", "package: is not a list"),
        ("package = [3]", "package[0]: is not a table"),
        (
            "[[package]]\nname = 'a'\nversion = '1'\ndependencies = 'b'",
            "package[0].dependencies: is not a list",
        ),
        (
            "[[package]]\nname = 'a'\nversion = '1'\ndependencies = [1]",
            "package[0].dependencies[0]: is not text",
        ),
        ("a = [", "is no TOML ("),
        ("\x00", "is no TOML ("),
        ("a = " + "[" * 10_000, "is no TOML (nested too deep)"),
        ("a = " + "9" * 5000, "is no TOML (a number in it is too long)"),
    ],
)
def test_broken_locks_are_refused(text: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_lock("Cargo.lock", text.encode())
    assert str(caught.value).startswith(f"Cargo.lock: {where}")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[package]\nversion = 1", "package.version: is neither text nor a table"),
        ("[package]\nversion = { workspace = 1 }", "package.version.workspace: is not true or false"),
        ("[dependencies]\na = 1", "dependencies.a: is neither text nor a table"),
        ("[dependencies.a]\noptional = 'yes'", "dependencies.a.optional: is not true or false"),
        ("[dependencies.a]\nfeatures = 'f'", "dependencies.a.features: is not a list"),
        ("[dependencies.a]\ndefault_features = nan", "dependencies.a.default_features: is not true or false"),
        (
            "[target.'cfg(unix)'.dependencies.a]\npath = 1",
            "target.'cfg(unix)'.dependencies.a.path: is not text",
        ),
        ("[workspace]\nmembers = [1979-05-27]", "workspace.members[0]: is not text"),
        ("[workspace.package]\nedition = 2021", "workspace.package.edition: is not text"),
        ("[features]\ndefault = 'f'", "features.default: is not a list"),
        ("[patch]\ncrates-io = 1", "patch.crates-io: is not a table"),
    ],
)
def test_broken_manifests_are_refused(text: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_manifest("x/Cargo.toml", text.encode())
    assert str(caught.value) == f"x/Cargo.toml: {where}"


def test_names_of_old_manifests() -> None:
    text = b"""
[project]
name = "old"
[dependencies]
a = { version = "1", default_features = false }
b = { version = "1", default_features = false, default-features = true }
[build_dependencies]
cc = "1"
[target.x86_64-unknown-linux-gnu.build_dependencies]
dd = "1"
"""
    manifest = parse_manifest("Cargo.toml", text)
    assert manifest.name == "old"
    assert [(d.key, d.default_features, d.target) for d in manifest.dependencies] == [
        ("a", False, ""),
        ("b", True, ""),
        ("cc", None, ""),
        ("dd", None, "x86_64-unknown-linux-gnu"),
    ]


TOML = st.recursive(
    st.booleans().map(lambda b: str(b).lower()) | st.integers(-9, 9).map(str) | st.just('"x"'),
    lambda below: (
        st.lists(below, max_size=3).map(lambda v: f"[{', '.join(v)}]")
        | st.dictionaries(
            st.sampled_from(["name", "path", "workspace", "features", "version", "optional", "package"]),
            below,
        ).map(lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}")
    ),
    max_leaves=6,
)
KEYS = ["package", "workspace", "dependencies", "features", "target", "patch", "source", "toolchain"]


@given(st.dictionaries(st.sampled_from(KEYS), TOML))
def test_any_types_are_read_or_refused(document: dict[str, str]) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in document.items()).encode()
    for parse in (parse_lock, parse_manifest, parse_vendored, parse_channel):
        with suppress(InputError):
            parse("x/Cargo.toml", text)
