"""Six commands, asked about the same input with the same at hand, give the same class and the same answer.

What is right is written beside every input, so that they cannot agree on something wrong.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.cli.group import cli
from wheelfix.lint.nixfile.overrides import parse_overrides

Answer = tuple[str, str | None]
"""Class, and who: an attribute, a distribution, or None where the class says all."""

BASELINE = ("zlib", "stdenv.cc.cc.lib")
"""uv2nix adds these by itself to the wheels here."""
SITE = ".venv/lib/python3.12/site-packages"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A wheel to be built.

    Attributes:
        libraries: sonames by member path.
        needed: DT_NEEDED of ``NAME/core.so``.
    """

    name: str
    requires: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that a wheel may want.

    Attributes:
        user: who wants it.
        soname: what is asked about.
        alone: the right answer with nothing at hand.
        beside: the right answer with ``others`` at hand; the same if it is None.
        located: what is known of the soname by itself; ``alone`` if it is None.
        opened: it is opened by name, not linked.
    """

    user: Package
    soname: str
    alone: Answer
    others: tuple[Package, ...] = (
        Package(name="bystander", libraries={"bystander/libby.so.1": "libby.so.1"}),
    )
    beside: Answer | None = None
    located: Answer | None = None
    opened: bool = False


def wants(
    *needed: str, requires: tuple[str, ...] = (), runpath: tuple[str, ...] = (), **more: Any
) -> Package:
    return Package(name="user", needed=needed, requires=requires, runpath=runpath, **more)


def carries(name: str, path: str, soname: str | None = None) -> Package:
    return Package(name=name, libraries={path: soname or path.rpartition("/")[2]})


CUBLAS = carries("nvidia-cublas-cu12", "nvidia/cublas/lib/libcublas.so.12")
QT = {"user/Qt/lib/libQt6Core.so.6": "libQt6Core.so.6"}
KINDS: dict[str, Kind] = {
    "the interpreter's own": Kind(
        user=wants("libpython3.12.so.1.0"), soname="libpython3.12.so.1.0", alone=("python", None)
    ),
    "of the C library": Kind(user=wants("libm.so.6"), soname="libm.so.6", alone=("libc", None)),
    "of another C library": Kind(
        user=wants("libc.musl-x86_64.so.1"), soname="libc.musl-x86_64.so.1", alone=("libc", None)
    ),
    "of the driver": Kind(user=wants("libcuda.so.1"), soname="libcuda.so.1", alone=("driver", None)),
    "of the driver, though a wheel has one": Kind(
        user=wants("libnvidia-ml.so.1", requires=("fake",)),
        soname="libnvidia-ml.so.1",
        others=(carries("fake", "fake/libnvidia-ml.so.1"),),
        alone=("driver", None),
    ),
    "in nixpkgs": Kind(user=wants("libtbb.so.12"), soname="libtbb.so.12", alone=("provided", "onetbb")),
    "in nixpkgs, and added by others": Kind(
        user=wants("libz.so.1"), soname="libz.so.1", alone=("provided", "zlib")
    ),
    "of the toolchain, though a requirement has one": Kind(
        user=wants("libgomp.so.1", requires=("scikit==1.0",)),
        soname="libgomp.so.1",
        others=(carries("scikit", "scikit.libs/libgomp.so.1"),),
        alone=("provided", "stdenv.cc.cc.lib"),
    ),
    "in another place than lib": Kind(user=wants("libjvm.so"), soname="libjvm.so", alone=("provided", "jdk")),
    "of another major": Kind(user=wants("libffi.so.7"), soname="libffi.so.7", alone=("unknown", None)),
    "nobody's": Kind(user=wants("libnobody-has.so.9"), soname="libnobody-has.so.9", alone=("unknown", None)),
    "in one wheel at hand alone": Kind(
        user=wants("libnobody-has.so.9"),
        soname="libnobody-has.so.9",
        others=(carries("somebody", "somebody/libnobody-has.so.9"),),
        alone=("unknown", None),
        beside=("sibling", "somebody"),
    ),
    "in two wheels at hand": Kind(
        user=wants("libnobody-has.so.9"),
        soname="libnobody-has.so.9",
        others=(carries("one", "one/libnobody-has.so.9"), carries("two", "two/libnobody-has.so.9")),
        alone=("unknown", None),
    ),
    "in a pinned requirement and in nixpkgs": Kind(
        user=wants("libonnxruntime.so.1", requires=("core==1.0",)),
        soname="libonnxruntime.so.1",
        others=(carries("core", "core/lib/libonnxruntime.so.1"),),
        alone=("provided", "onnxruntime"),
        beside=("sibling", "core"),
    ),
    "in a requirement under another file name": Kind(
        user=wants("libonnxruntime.so.1", requires=("core>=1",)),
        soname="libonnxruntime.so.1",
        others=(carries("core", "core.libs/libonnxruntime-1a2b3c4d.so.1", "libonnxruntime.so.1"),),
        alone=("provided", "onnxruntime"),
        beside=("sibling", "core"),
    ),
    "CUDA's, which nothing names": Kind(
        user=wants("libcublas.so.12"), soname="libcublas.so.12", alone=("provided", "cudaPackages.libcublas")
    ),
    "CUDA's, which the metadata names": Kind(
        user=wants("libcublas.so.12", requires=("nvidia-cublas-cu12",)),
        soname="libcublas.so.12",
        others=(CUBLAS,),
        alone=("sibling", "nvidia-cublas-cu12"),
        located=("provided", "cudaPackages.libcublas"),
    ),
    "CUDA's, which a run path names": Kind(
        user=wants("libcublas.so.12", runpath=("$ORIGIN/../nvidia/cublas/lib",)),
        soname="libcublas.so.12",
        others=(CUBLAS,),
        alone=("sibling", "nvidia-cublas-cu12"),
        located=("provided", "cudaPackages.libcublas"),
    ),
    "CUDA's, from a wheel that does not have it": Kind(
        user=wants("libcublas.so.12", requires=("nvidia-cublas-cu12",)),
        soname="libcublas.so.12",
        others=(carries("nvidia-cublas-cu12", "nvidia/cublas/lib/libcublas.so.11"),),
        alone=("sibling", "nvidia-cublas-cu12"),
        beside=("provided", "cudaPackages.libcublas"),
        located=("provided", "cudaPackages.libcublas"),
    ),
    "torch's": Kind(
        user=wants("libc10.so", requires=("torch",)),
        soname="libc10.so",
        others=(carries("torch", "torch/lib/libc10.so"),),
        alone=("sibling", "torch"),
        located=("provided", "libtorch-bin"),
    ),
    "in the wheel, where a run path leads": Kind(
        user=wants(
            "libtbb.so.12", runpath=("$ORIGIN/lib",), libraries={"user/lib/libtbb.so.12": "libtbb.so.12"}
        ),
        soname="libtbb.so.12",
        alone=("bundled", None),
        located=("provided", "onetbb"),
    ),
    "in the wheel, where none leads": Kind(
        user=wants("libtbb.so.12", libraries={"user/lib/libtbb.so.12": "libtbb.so.12"}),
        soname="libtbb.so.12",
        alone=("bundled", None),
        located=("provided", "onetbb"),
    ),
    "of a family that the wheel bundles": Kind(
        user=wants("libQt6Core.so.6", "libQt63DCore.so.6", runpath=("$ORIGIN/Qt/lib",), libraries=QT),
        soname="libQt63DCore.so.6",
        alone=("unknown", None),
        located=("provided", "kdePackages.qt3d"),
    ),
    "opened by name": Kind(
        user=wants(source='import ctypes\nctypes.CDLL("libmagic.so.1")\n'),
        soname="libmagic.so.1",
        alone=("provided", "file"),
        opened=True,
    ),
    "opened by name, of the driver": Kind(
        user=wants(source='import ctypes\nctypes.CDLL("libcuda.so.1")\n'),
        soname="libcuda.so.1",
        alone=("driver", None),
        opened=True,
    ),
    "opened by name, from a requirement": Kind(
        user=wants(
            requires=("nvidia-cuda-nvrtc-cu12",), source='import ctypes\nctypes.CDLL("libnvrtc.so.12")\n'
        ),
        soname="libnvrtc.so.12",
        others=(carries("nvidia-cuda-nvrtc-cu12", "nvidia/cuda_nvrtc/lib/libnvrtc.so.12"),),
        alone=("sibling", "nvidia-cuda-nvrtc-cu12"),
        located=("provided", "cudaPackages.cuda_nvrtc"),
        opened=True,
    ),
}
ARRANGEMENTS = ("alone", "together", "environment", "lock")
INPUTS = [(kind, how) for kind in KINDS for how in ARRANGEMENTS]


@dataclass
class Desk:
    """A project's directory with wheels, an environment and a lock, and the commands."""

    root: Path
    kind: Kind
    how: str
    wheels: list[Path] = field(default_factory=list)

    def lay(self) -> None:
        packages = [self.kind.user, *(self.kind.others if self.how != "alone" else ())]
        self.wheels = [build(self.root, package) for package in packages]
        site = self.root / SITE
        site.mkdir(parents=True)
        (self.root / ".venv" / "pyvenv.cfg").write_text(
            "home = /nix/store/00000000000000000000000000000000-python3-3.12.8/bin\n"
        )
        for wheel in self.wheels:
            zipfile.ZipFile(wheel).extractall(site)
        (self.root / "uv.lock").write_text("".join(write_lock(packages, self.wheels)))

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(cli, [*arguments], catch_exceptions=False)
        assert result.exit_code in {0, 1}, result.stderr
        return result

    @property
    def targets(self) -> list[str]:
        """How a scan, an override and a report are told of this input."""
        if self.how == "environment":
            return [".venv"]
        if self.how == "lock":
            return ["uv.lock"]
        return [str(wheel) for wheel in self.wheels]


def build(root: Path, package: Package) -> Path:
    files = {f"{package.name.replace('-', '_')}/__init__.py": package.source.encode()}
    for path, soname in package.libraries.items():
        files[path] = build_elf(root / "elf", path.rpartition("/")[2], soname=soname)
    if package.needed:
        core = build_elf(root / "elf", "core.so", needed=package.needed, runpath=package.runpath)
        files[f"{package.name}/core.so"] = core
    (root / "wheels").mkdir(exist_ok=True)
    name = package.name.replace("-", "_")
    return build_wheel(root / "wheels", name=name, files=files, requires=package.requires)


def write_lock(packages: list[Package], wheels: list[Path]) -> list[str]:
    names = {package.name for package in packages}

    def spell(edges: list[str]) -> str:
        return ", ".join(f'{{ name = "{edge}" }}' for edge in edges if edge in names)

    text = ['version = 1\nrequires-python = ">=3.11"\n']
    text.append('[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n')
    text.append(f"dependencies = [{spell(sorted(names))}]\n")
    for package, wheel in zip(packages, wheels, strict=True):
        edges = spell([re.split(r"[=>]", edge)[0] for edge in package.requires])
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        text.append(
            f'[[package]]\nname = "{package.name}"\nversion = "1.0"\n'
            f'source = {{ registry = "wheels" }}\ndependencies = [{edges}]\n'
            f'wheels = [{{ path = "{wheel.name}", hash = "sha256:{digest}" }}]\n'
        )
    return text


def scan(desk: Desk) -> Answer:
    found = json.loads(desk.run("scan", "--json", *desk.targets).stdout)
    (document,) = [d for d in (found if isinstance(found, list) else [found]) if d["name"] == "user"]
    if desk.kind.opened:
        (one,) = [o for o in document["openings"] if desk.kind.soname in o["names"]]
    else:
        (one,) = [n for n in document["needs"] if n["soname"] == desk.kind.soname]
    return read_answer(one)


def trace(desk: Desk) -> Answer:
    if desk.kind.opened:
        return scan(desk)
    found = json.loads(desk.run("scan", "--json", "--explain", desk.kind.soname, *desk.targets).stdout)
    (document,) = [d for d in found if d["target"].startswith("user-1.0")]
    answer = read_answer(document["need"])
    last = document["steps"][-1]
    assert (last["class"], last["cause"]) == (answer[0], document["need"]["cause"])
    return answer


def explain(desk: Desk) -> Answer:
    frame = f'  File "{desk.root}/{SITE}/user/__init__.py", line 1, in <module>\n'
    problem = "cannot open shared object file: No such file or directory"
    text = f"Traceback (most recent call last):\n{frame}ImportError: {desk.kind.soname}: {problem}\n"
    (desk.root / "message").write_text(text)
    document = json.loads(desk.run("explain", "--json", "message").stdout)
    missing = next(m for m in document["missing"] if m["soname"] == desk.kind.soname)
    assert missing["linked"] is not desk.kind.opened
    if desk.kind.opened:
        found = json.loads(desk.run("scan", "--json", *desk.targets).stdout)
        (user,) = [d for d in (found if isinstance(found, list) else [found]) if d["name"] == "user"]
        assert missing["openings"] == [o for o in user["openings"] if desk.kind.soname in o["names"]]
    return read_answer(missing)


def lock(desk: Desk) -> Answer:
    document = json.loads(desk.run("lock", "--json", "uv.lock").stdout)
    (package,) = [p for p in document["packages"] if p["name"] == "user"]
    if desk.kind.opened:
        (one,) = [o for o in package["openings"] if desk.kind.soname in o["names"]]
    else:
        (one,) = [n for n in package["needs"] if n["soname"] == desk.kind.soname]
    return read_answer(one)


def report(desk: Desk) -> Answer:
    target = desk.targets[0] if len(desk.targets) == 1 else "wheels"
    page = desk.run("report", target).stdout
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    number = next(i for i, d in enumerate(data["distributions"]) if d["name"] == "user")
    if desk.kind.opened:
        (one,) = [o for o in data["opened"] if o["soname"] == desk.kind.soname]
    else:
        (one,) = [
            entry
            for entry in data["libraries"]
            if entry["soname"] == desk.kind.soname and number in {w["by"] for w in entry["wanted"]}
        ]
    return one["class"], one["answer"] if one["class"] in {"sibling", "provided"} else None


def locate(desk: Desk) -> Answer:
    (result,) = json.loads(desk.run("locate", "--json", desk.kind.soname).stdout)["results"]
    return read_answer({"distribution": None, **result})


def read_answer(one: Mapping[str, Any]) -> Answer:
    if one["class"] == "provided":
        return "provided", one["providers"][0]["attr"]
    return one["class"], one["distribution"] if one["class"] == "sibling" else None


COMMANDS: dict[str, Callable[[Desk], Answer]] = {
    "scan": scan,
    "scan --explain": trace,
    "explain": explain,
    "lock": lock,
    "report": report,
}


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    kind, how = request.param
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    desk = Desk(root=tmp_path, kind=KINDS[kind], how=how)
    desk.lay()
    return desk


@pytest.mark.parametrize("desk", INPUTS, ids=lambda i: f"{i[0]}-{i[1]}", indirect=True)
def test_all_commands_give_the_same_right_answer(desk: Desk) -> None:
    kind = desk.kind
    right = kind.alone if desk.how == "alone" else kind.beside or kind.alone
    given = {name: ask(desk) for name, ask in COMMANDS.items()}
    assert given == dict.fromkeys(COMMANDS, right)
    assert locate(desk) == (kind.located or kind.alone)
    if not kind.opened:
        check_code(desk, right)


def check_code(desk: Desk, right: Answer) -> None:
    """The code of ``override``, or of ``lock`` for a lock, does what the answer says, and nothing else."""
    dialect = ("--dialect", "shell") if desk.how == "environment" else ()
    command = ("lock", "uv.lock") if desk.how == "lock" else ("override", *desk.targets, *dialect)
    text = desk.run(*command).stdout
    if dialect:
        assert (f"pkgs.{right[1]}" in text) is (right[0] == "provided"), text
        return
    overrides = [o for o in parse_overrides(text.encode(), subject="x.nix").overrides if o.package == "user"]
    inputs = {i.attr for o in overrides for i in o.inputs}
    ignored = {i.soname for o in overrides for i in o.ignored}
    kind, who = right
    soname = desk.kind.soname
    assert (soname in ignored) is (kind in {"driver", "unknown"} or (kind == "sibling" and soname in ignored))
    written = any(who and attr.endswith(who) for attr in inputs)
    assert written is (kind == "provided" and who not in BASELINE), text
    if kind == "sibling":
        assert who
        assert who in text
