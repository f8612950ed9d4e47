"""What a build compiles, against what the real cargo says of the same workspace."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.model.sdist import BuiltManifest
from wheelfix.sdist.graph import find_graph
from wheelfix.sdist.manifests import parse_lock, parse_manifest

NAMES = [f"c{number}" for number in range(6)]


def make_workspace(random: Random) -> dict[str, str]:
    """Manifests of crates that depend on later ones, with optional dependencies and features."""
    members = ", ".join(f'"{name}"' for name in NAMES)
    files = {"Cargo.toml": f'[workspace]\nresolver = "1"\nmembers = [{members}]\n'}
    for index, name in enumerate(NAMES):
        lines, optional, items = [], [], []
        for other in NAMES[index + 1 :]:
            if random.random() < 0.4:
                continue
            options = [f'path = "../{other}"']
            items += [f"{other}/f", f"{other}/g"]
            if random.random() < 0.7:
                options.append("optional = true")
                optional.append(other)
                items += [other, f"{other}?/f", f"{other}?/g"]
            if random.random() < 0.5:
                options.append("default-features = false")
            if random.random() < 0.3:
                options.append(f'features = ["{random.choice("fg")}"]')
            lines.append(f"{other} = {{ {', '.join(options)} }}")
        table = []
        for feature, also in (("f", []), ("g", ["f"]), ("default", ["f", "g"])):
            choice = random.sample([*items, *also], min(random.randrange(3), len(items) + len(also)))
            named = ", ".join(f'"{item}"' for item in choice)
            table.append(f"{feature} = [{named}]")
        parts = [f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"', "[dependencies]", *lines]
        files[f"{name}/Cargo.toml"] = "\n".join([*parts, "[features]", *table, ""])
        files[f"{name}/src/lib.rs"] = ""
    return files


def ask_cargo(directory: Path, features: list[str], default: bool) -> set[str]:
    command = ["cargo", "tree", "--offline", "-p", "c0", "-e", "normal,build", "--prefix", "none"]
    command += ["--manifest-path", str(directory / "c0" / "Cargo.toml"), "--features", ",".join(features)]
    command += [] if default else ["--no-default-features"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return {line.split()[0] for line in result.stdout.splitlines() if line.strip()}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(["f", "g"]), unique=True), st.booleans())
def test_same_crates_as_cargo(seed: int, features: list[str], default: bool) -> None:
    files = make_workspace(Random(seed))
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
