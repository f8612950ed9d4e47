"""Compare what stands in for pyproject.nix, uv2nix and nixpkgs' lib in the tests with the real ones.

    python scripts/check_nix_contract.py NIXPKGS-LIB PYPROJECT-NIX UV2NIX

NIXPKGS-LIB is the directory ``lib`` of nixpkgs, the others are checkouts. See docs/nix-contract.md. Stops at
the first difference.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.real.cases import write_lock
from tests.integration.test_workbench import make_bench, run
from tests.support.facts import make_reading, plan, read_closure
from tests.support.golden import GOLDEN, ask_package, ask_stub, find_dependencies
from tests.support.nixeval import NixError, evaluate
from tests.support.uv2nix import SOURCES, ask_uv2nix
from wheelfix.model.override import Cuda
from wheelfix.nix.printer import render
from wheelfix.nix.tree import List, strings

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "tests" / "support" / "nix" / "contract.nix"
ATTRS = ["python312Packages.torchWithoutCuda", "python3Packages.torch"]
TESTS = [
    "tests/cli/test_env.py",
    "tests/integration/test_workbench.py",
    "tests/integration/test_from_mach_nix.py",
    "tests/lock/test_adapters.py",
]
OVERLAYS = (
    ("--extra", "*"),
    ("--cuda", "nixpkgs"),
    ("--provider", "torch=nixpkgs:python312Packages.torchWithoutCuda"),
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MARKERS = (
    "sys_platform == 'linux'",
    "sys_platform != 'linux' or platform_machine == 'x86_64'",
    "sys_platform == 'win32' and platform_machine == 'x86_64' or os_name == 'posix'",
    "(sys_platform == 'win32' or os_name == 'posix') and platform_machine == 'aarch64'",
    "platform_machine in 'x86_64 aarch64'",
    "'arm' in platform_machine",
    "implementation_name == 'cpython' and platform_python_implementation != 'PyPy'",
    "platform_system == 'Darwin'",
    "python_version < '3.13'",
    "python_version >= '3.13' and python_full_version < '3.14'",
    "python_full_version == '3.12.*'",
    "python_full_version != '3.12.*'",
    "python_full_version >= '3.12.9'",
)
FILES = (
    ("x-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "x-1-py3-none-any.whl"),
    (
        "x-1-py3-none-any.whl",
        "x-1-cp311-abi3-manylinux2010_x86_64.whl",
        "x-1-cp38-abi3-manylinux1_x86_64.whl",
    ),
    ("x-1-cp313-cp313-manylinux_2_28_x86_64.whl", "x-1-cp312-cp312-manylinux_2_28_x86_64.whl"),
    ("x-1-py3-none-manylinux_2_99_x86_64.whl", "x-1-py3-none-manylinux1_x86_64.whl"),
    ("x-1-1-py3-none-any.whl", "x-1-2-py3-none-any.whl", "x-1-py3-none-any.whl"),
    ("x-1-py2.py3-none-any.whl", "x-1-py3-none-linux_x86_64.whl"),
    ("x-1-cp312-cp312-musllinux_1_2_x86_64.whl", "x-1-cp312-cp312-manylinux_2_17_aarch64.whl"),
    ("x-1-cp312-cp312-macosx_11_0_arm64.whl", "x-1-cp312-cp312-win_amd64.whl"),
    ("x-1-pp311-pypy311_pp73-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",),
    ("x-1%2Bcu12-cp312-cp312-linux_x86_64.whl",),
    (),
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
    known = make_reading(f"{name}-{_version(code)}").distribution
    with tempfile.TemporaryDirectory() as work:
        packages = {
            one: {"version": version, "url": f"https://example.org/{file}", "dependencies": lock[one]}
            for one in lock
            for file in [known.target if one == name else f"{one.replace('-', '_')}-1.0-py3-none-any.whl"]
            for version in [file.split("-")[1]]
        }
        write_lock(Path(work), packages, [name])
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
    override = plan(code.parent.name, cuda)
    attrs = sorted({i.attr for i in (*override.inputs, *override.runpaths)} | set(ATTRS))
    if name == "torch":
        lock = find_dependencies(read_closure(code.parent.name))
    else:
        lock = {name: [r.name for r in make_reading(code.parent.name).distribution.requires if r.active]}
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


def write_choices(directory: Path, *, with_sdists: bool) -> list[str]:
    """A workspace with a package for each marker and each list of wheels; returns their names."""
    lines = ['version = 1\nrevision = 3\nrequires-python = ">=3.11"\n']
    wanted = ['{ name = "extras", extra = ["more"] }']
    names = ["extras", "added"]
    index = 'source = { registry = "https://example.org/simple" }'
    pure = f'wheels = [{{ url = "https://example.org/y-1-py3-none-any.whl", hash = "sha256:{"0" * 64}" }}]'
    for number, marker in enumerate(MARKERS):
        names.append(f"marked{number}")
        wanted.append(f'{{ name = "marked{number}", marker = "{marker}" }}')
        lines.append(f'[[package]]\nname = "marked{number}"\nversion = "1"\n{index}\n{pure}\n')
    for number, files in enumerate(FILES):
        names.append(f"files{number}")
        wanted.append(f'{{ name = "files{number}" }}')
        urls = ", ".join(f'{{ url = "https://example.org/{f}", hash = "sha256:{"0" * 64}" }}' for f in files)
        sdist = f'sdist = {{ url = "https://example.org/x-1.tar.gz", hash = "sha256:{"0" * 64}" }}\n'
        lines.append(
            f'[[package]]\nname = "files{number}"\nversion = "1"\n{index}\nwheels = [{urls}]\n'
            f"{sdist if with_sdists else ''}"
        )
    lines.append(
        f'[[package]]\nname = "extras"\nversion = "1"\n{index}\n{pure}\n'
        '[package.optional-dependencies]\nmore = [{ name = "added" }]\n'
        f'[[package]]\nname = "added"\nversion = "1"\n{index}\n{pure}\n'
        '[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n'
        f"dependencies = [{', '.join(wanted)}]\n"
    )
    (directory / "uv.lock").write_text("\n".join(lines))
    (directory / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\n'
    )
    return names


def ask_both(real: Path, question: str, *, code: str = "", python: str = "3.12") -> Any:
    """The one answer of both; what one refuses, the other has to refuse."""
    answers, refused = [], ""
    for sources in (SOURCES, real):
        try:
            answers.append(ask_uv2nix(question, code=code, python=python, sources=sources))
        except NixError as error:
            answers.append(None)
            refused = str(error)
    assert answers[0] == answers[1], (question, *answers, refused)
    return answers[0]


def check_choices(real: Path) -> int:
    """Markers, wheels and extras; returns how many answers there were."""
    asked = 0
    with tempfile.TemporaryDirectory() as work:
        for with_sdists in (True, False):
            names = write_choices(Path(work), with_sdists=with_sdists)
            load = f"loaded = real.load {work} (final: prev: {{ }})"
            shown = "if loaded.set ? ${name} then real.show loaded.set.${name} else null"
            for python in PYTHONS:
                for name in names:
                    ask_both(real, f'let {load}; name = "{name}"; in {shown}', python=python)
                    asked += 1
                if with_sdists:
                    resolved = "loaded.set.resolveVirtualEnv loaded.workspace.deps.default"
                    question = (
                        f"let {load}; in builtins.sort builtins.lessThan (map (p: p.pname) ({resolved}))"
                    )
                    assert "added" in ask_both(real, question, python=python)
                    asked += 1
    return asked


def check_workbench(real: Path) -> int:
    """Every package of a real lock, under each overlay; returns how many there were."""
    asked = 0
    for arguments in OVERLAYS:
        _, text = run(*arguments)
        path = make_bench() / "compared.nix"
        path.write_text(text)
        load = f"real.load {make_bench()} (import {path} {{ inherit (real) pkgs lib hacks; }})"
        question = f"let loaded = {load}; in real.lib.genAttrs loaded.names (n: real.show loaded.set.${{n}})"
        answer = ask_both(real, question, code=text)
        assert answer
        asked += len(answer)
    return asked


def check_goldens(real: list[str]) -> int:
    """Every golden file that is written for uv2nix; returns how many there are."""
    codes = chain(GOLDEN.glob("*/uv2nix*.nix"), GOLDEN.glob("*/adapter.nix"))
    for code in (single := sorted(c for c in codes if c.parent.name != "several")):
        cuda = Cuda.NIXPKGS if code.stem.endswith("nixpkgs") else Cuda.WHEELS
        check(real, code, code.parent.name.rpartition("-")[0], cuda)
    for code in (whole := sorted(GOLDEN.glob("*/adapter-standalone.nix"))):
        check_standalone(real, code)
    return len(single) + len(whole)


def main() -> None:
    """Check all there is, and say how much it was."""
    real = sys.argv[1:]
    if len(real) != len(("lib", "pyproject.nix", "uv2nix")):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as work:
        sources = Path(work)
        (sources / "nixpkgs.lib").mkdir()
        for name, path in zip(("nixpkgs.lib/lib", "pyproject.nix", "uv2nix"), real, strict=True):
            (sources / name).symlink_to(Path(path).resolve())
        print(f"golden files: {check_goldens(real)} alike")
        print(f"markers, tags and extras of a made lock: {check_choices(sources)} alike")
        print(f"packages of a real lock, {len(OVERLAYS)} overlays: {check_workbench(sources)} alike")
        environment = os.environ | {"WHEELFIX_TEST_SOURCES": str(sources)}
        subprocess.run([sys.executable, "-m", "pytest", "-q", *TESTS], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
