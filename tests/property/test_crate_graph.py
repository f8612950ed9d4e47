"""What a build compiles, against what the real cargo says of the same workspace."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.lock.cargo import parse_lock, parse_manifest
from wheelfix.model.cargo import BuiltManifest
from wheelfix.resolve.crate_graph import find_graph

NAMES = [f"c{number}" for number in range(6)]
FEATURES = ["f", "g", "default"]


@st.composite
def workspaces(draw: st.DrawFn) -> dict[str, str]:
    """Manifests of crates that depend on later ones, with optional dependencies and features."""
    files = {"Cargo.toml": f'[workspace]\nresolver = "1"\nmembers = {NAMES}\n'.replace("'", '"')}
    for index, name in enumerate(NAMES):
        below = draw(st.lists(st.sampled_from(NAMES[index + 1 :]), unique=True)) if NAMES[index + 1 :] else []
        lines, optional = [], []
        for other in below:
            options = [f'path = "../{other}"']
            if draw(st.booleans()):
                options.append("optional = true")
                optional.append(other)
            if draw(st.booleans()):
                options.append("default-features = false")
            if draw(st.booleans()):
                options.append(f'features = ["{draw(st.sampled_from(["f", "g"]))}"]')
            lines.append(f"{other} = {{ {', '.join(options)} }}")
        items = [*optional, *(f"{other}/{f}" for other in below for f in "fg")]
        items += [f"{other}?/f" for other in optional]
        named = {
            feature: draw(
                st.lists(st.sampled_from(items + ["f"] * (feature != "f")), unique=True, max_size=3)
            )
            if items or feature != "f"
            else []
            for feature in ("f", "g", "default")
        }
        table = "\n".join(f"{key} = {value}".replace("'", '"') for key, value in named.items())
        files[f"{name}/Cargo.toml"] = (
            f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n'
            f"[dependencies]\n" + "\n".join(lines) + f"\n[features]\n{table}\n"
        )
        files[f"{name}/src/lib.rs"] = ""
    return files


def ask_cargo(directory: Path, features: list[str], default: bool) -> set[str]:
    command = ["cargo", "tree", "--offline", "-p", "c0", "-e", "normal,build", "--prefix", "none"]
    command += ["--manifest-path", str(directory / "c0" / "Cargo.toml"), "--features", ",".join(features)]
    command += [] if default else ["--no-default-features"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return {line.split()[0] for line in result.stdout.splitlines() if line.strip()}


@settings(max_examples=25, deadline=None)
@given(workspaces(), st.lists(st.sampled_from(["f", "g"]), unique=True), st.booleans())
def test_same_crates_as_cargo(files: dict[str, str], features: list[str], default: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for path, text in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        expected = ask_cargo(directory, features, default)
        lock = parse_lock("Cargo.lock", (directory / "Cargo.lock").read_bytes())
    manifests = {p: parse_manifest(p, t.encode()) for p, t in files.items() if p.endswith(".toml")}
    start = BuiltManifest(
        path="c0/Cargo.toml", evidence="", features=tuple(features), default_features=default
    )
    graph = find_graph(manifests, lock, [start])
    assert {crate.name for crate in graph.parents} == expected
