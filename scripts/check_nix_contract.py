"""Compare the stub that tests evaluate generated code against with the real pyproject.nix, uv2nix and lib.

    python scripts/check_nix_contract.py NIXPKGS-LIB PYPROJECT-NIX UV2NIX

NIXPKGS-LIB is the directory ``lib`` of nixpkgs, the others are checkouts. See docs/nix-contract.md.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.facts import make_intake, plan, read_closure
from tests.support.golden import GOLDEN, ask_package, ask_stub, find_dependencies
from tests.support.nixeval import evaluate
from wheelfix.model.override import Cuda
from wheelfix.nix.build import strings
from wheelfix.nix.printer import render
from wheelfix.nix.tree import List

CONTRACT = Path(__file__).parents[1] / "tests" / "support" / "nix" / "contract.nix"
ATTRS = ["python312Packages.torchWithoutCuda", "python3Packages.torch"]


def write_lock(directory: Path, packages: dict[str, list[str]], files: dict[str, str]) -> None:
    """A workspace whose lock has these packages, with these wheels."""
    lines = ['version = 1\nrevision = 3\nrequires-python = ">=3.12"\n']
    for name, dependencies in packages.items():
        file = files.get(name, f"{name.replace('-', '_')}-1.0-py3-none-any.whl")
        listed = ", ".join(f'{{ name = "{d}" }}' for d in dependencies)
        lines.append(
            f'[[package]]\nname = "{name}"\nversion = "{file.split("-")[1]}"\n'
            'source = { registry = "https://example.org/simple" }\n'
            f"dependencies = [{listed}]\n"
            f'wheels = [{{ url = "https://example.org/{file}", hash = "sha256:{"0" * 64}", size = 1 }}]\n'
        )
    first = next(iter(packages))
    lines.append(
        '[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n'
        f'dependencies = [{{ name = "{first}" }}]\n'
    )
    (directory / "uv.lock").write_text("\n".join(lines))
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.12"\ndependencies = ["{first}"]\n'
    )


def ask_real(
    real: list[str],
    code: Path,
    name: str,
    attrs: list[str],
    lock: dict[str, list[str]],
    *,
    standalone: bool = False,
) -> Any:
    lib, pyproject, uv2nix = (Path(path).resolve() for path in real)
    known = make_intake(f"{name}-{_version(code)}").wheel
    with tempfile.TemporaryDirectory() as work:
        write_lock(Path(work), {name: lock[name], **lock}, {name: known.target})
        paths = render(List(tuple(strings(a.split(".")) for a in attrs)))
        return evaluate(
            f"import {CONTRACT} {{ lib = {lib}; pyproject-nix = {pyproject}; uv2nix = {uv2nix}; "
            f'workspace = {work}; code = {code}; name = "{name}"; attrs = {paths}; '
            f"standalone = {str(standalone).lower()}; }}"
        )


def _version(code: Path) -> str:
    return code.parent.name.rpartition("-")[2]


def check(real: list[str], code: Path, name: str, cuda: Cuda) -> None:
    """Ask both, and stop at a difference.

    The stub's packages begin without the manylinux inputs: those are taken off what the real one answers.
    """
    override, _ = plan(code.parent.name, cuda)
    attrs = sorted({i.attr for i in (*override.inputs, *override.runpaths)} | set(ATTRS))
    if name == "torch":
        lock = find_dependencies(read_closure(code.parent.name))
    else:
        lock = {name: [r.name for r in make_intake(code.parent.name).wheel.requires if r.active]}
        lock |= {other: [] for other in lock[name]}
    answer = ask_real(real, code, name, attrs, lock)
    found, baseline = answer["package"], answer["before"]["inputs"]
    stubbed = ask_package(code, name, attrs=attrs, packages=lock)
    if not stubbed["prebuilt"]:
        assert found["inputs"][: len(baseline)] == baseline, found
        found["inputs"] = found["inputs"][len(baseline) :]
        found["version"] = stubbed["version"]
    for key in ("inputs", "ignored", "runpaths", "preFixup", "dependencies", "version"):
        assert found[key] == stubbed[key], (code, key, found[key], stubbed[key])
    overlay = f"import {code} {{ inherit (stub) pkgs lib hacks; }}"
    left = ask_stub(f'stub.closure (stub.apply ({overlay})) "{name}"', attrs=attrs, packages=lock)
    environment = sorted(name if one in ATTRS else one for one in answer["environment"])
    assert environment == sorted(left), (code, environment, sorted(left))


def check_standalone(real: list[str], code: Path) -> None:
    """A complete file gives an environment without CUDA, with the lock's other packages in it."""
    lock = find_dependencies(read_closure(code.parent.name))
    answer = ask_real(real, code, "torch", ATTRS, lock, standalone=True)
    left = set(answer["environment"]) - {"app", *ATTRS}
    assert answer["name"] == "torch-env"
    assert left == {name for name in lock if not name.startswith(("nvidia-", "cuda-")) and name != "torch"}, (
        left
    )


def main() -> None:
    """Check every golden file that is written for uv2nix."""
    real = sys.argv[1:]
    if len(real) != len(("lib", "pyproject.nix", "uv2nix")):
        sys.exit(__doc__)
    for code in sorted(GOLDEN.glob("*/uv2nix*.nix")) + sorted(GOLDEN.glob("*/adapter.nix")):
        if code.parent.name == "several":
            continue
        cuda = Cuda.NIXPKGS if code.stem.endswith("nixpkgs") else Cuda.WHEELS
        check(real, code, code.parent.name.rpartition("-")[0], cuda)
        sys.stdout.write(f"same: {code.relative_to(GOLDEN)}\n")
    for code in sorted(GOLDEN.glob("*/adapter-standalone.nix")):
        check_standalone(real, code)
        sys.stdout.write(f"as expected: {code.relative_to(GOLDEN)}\n")


if __name__ == "__main__":
    main()
