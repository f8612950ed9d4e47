"""Which packages import and open their libraries: without wheelfix, with nix-ld's libraries, with wheelfix.

    python -m benchmarks.imports [PACKAGE|WHEEL ...] [--draw N --seed S] [--ways WAY,...] [--json FILE]

A package is a name, with ``==VERSION`` if need be; without any, all of imports.toml are tried. Each gets an
environment in each of these ways, and a probe is run there in a namespace that has the store, libc and
nothing else (tests/support/proof; needs apt, Nix and bubblewrap):

    venv      a virtual environment of the wheels as they are
    nix-ld    the same, with nix-ld's default libraries on LD_LIBRARY_PATH
    uv2nix    built by Nix, without an overlay
    overlay   built by Nix, under the overlay that ``wheelfix override`` writes
    patch     a virtual environment, after ``wheelfix patch ENV --libs`` with all stand-ins
    bound     a virtual environment with all stand-ins on LD_LIBRARY_PATH, and find_library answered from
              there: what does not work even so is no fault of who looks for libraries

``--draw`` takes some of those whose sources nixpkgs changes by hand, so that they find their libraries
(``changed`` in imports.toml): always the same ones for one seed.

What stands in for nixpkgs' libraries is Debian's. imports.toml says what a package has to do; one that is not
there has to be imported. ``--verbose`` says why something does not work.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.support.proof.debian import HOME
from tests.support.proof.probes import Probe, read_probes
from tests.support.proof.proving import (
    NOTHING,
    Result,
    build,
    find_attr,
    install_plainly,
    prove,
    read_python,
    run_probe,
)
from wheelfix.scan.modules import find_outermost

NIX_LD = [
    "acl", "attr", "bzip2", "curl", "libsodium", "libssh", "libxml2", "openssl", "stdenv.cc.cc", "systemd",
    "util-linux", "xz", "zlib", "zstd",
]  # fmt: skip
"""What nixpkgs' nixos/modules/programs/nix-ld.nix has by default."""
BOUND = """
import ctypes.util, glob, os
def find_library(name):
    if name in ("c", "m"):
        return f"lib{name}.so.6"
    for directory in os.environ["LD_LIBRARY_PATH"].split(":"):
        if found := sorted(glob.glob(f"{directory}/lib{name}.so*")):
            return found[0]
ctypes.util.find_library = find_library
"""
DRIVER = Path("/run/opengl-driver/lib")
SEED = 20261128
PIP = [sys.executable, "-m", "pip"]
WHEELFIX = [sys.executable, "-m", "wheelfix"]
PLATFORMS = [*(f"manylinux_2_{n}_x86_64" for n in range(39, 4, -1)), "linux_x86_64", "any"]
PLATFORMS[:0] = ["manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64"]


@dataclass(frozen=True)
class Case:
    """One package with the wheels of its environment."""

    probe: Probe
    wheels: tuple[Path, ...]


def download(requirement: str, platform: str = "", *, alone: bool = True, built: bool = False) -> list[Path]:
    """Wheels of a package, kept, or the one that is built of its sources; the package's own is the first."""
    name = str(canonicalize_name(requirement.partition("==")[0].partition("[")[0]))
    python = read_python(large=True)
    kind = "built" if built else "alone" if alone else "all"
    target = HOME / "wheels" / f"{python}-{requirement}-{platform}-{kind}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=HOME) as work:
            if built:
                command = [*PIP, "wheel", "-q", "--no-deps", "--no-binary", name, "-w", f"{work}/wheels"]
            else:
                command = [*PIP, "download", "-q", "--only-binary=:all:", "-d", f"{work}/wheels"]
                command += ["--python-version", python, "--no-deps" if alone else "--prefer-binary"]
                for one in [platform] if platform else PLATFORMS:
                    command += ["--platform", one]
            subprocess.run([*command, requirement], check=True)
            target.parent.mkdir(exist_ok=True)
            Path(work, "wheels").rename(target)
    return sorted(target.iterdir(), key=lambda path: (parse_wheel_filename(path.name)[0] != name, path.name))


def list_modules(wheel: Path, name: str) -> list[str]:
    """What of a wheel can be imported."""
    with zipfile.ZipFile(wheel) as archive:
        return find_outermost(archive.namelist(), name)


def make_case(target: str) -> Case:
    """A package or wheel of the command line."""
    probes = read_probes()
    if target.endswith(".whl"):
        name = str(parse_wheel_filename(Path(target).name)[0])
        wheels = [Path(target).resolve()]
    else:
        name = str(canonicalize_name(target.partition("==")[0]))
        known = probes.get(name)
        version = f"=={known.version}" if known and known.version and "==" not in target else ""
        wheels = (
            download(target + version, known.platform, built=known.build)
            if known
            else download(target, alone=False)
        )
    if probe := probes.get(name):
        wheels += [download(companion)[0] for companion in probe.companions]
    else:
        code = "\n".join(f"import {module}" for module in list_modules(wheels[0], name))
        probe = Probe(name=name, code=code, opens=())
    return Case(probe, tuple(wheels))


@cache
def list_directories() -> tuple[Path, ...]:
    """Directories of all stand-ins."""
    with tempfile.TemporaryDirectory() as work:
        paths, said = build(Path(work), [], NOTHING, ["directories"], large=True)
    if not paths:
        sys.exit(said)
    return tuple(path / "lib" for path in paths)


def join(directories: Sequence[Path]) -> dict[str, str]:
    """The variable that the loader looks into."""
    return {"LD_LIBRARY_PATH": ":".join(map(str, directories))}


def try_venv(case: Case, variables: dict[str, str], *, before: str = "", patched: bool = False) -> Result:
    """Run the probe in a virtual environment, of wheels as they are or after ``wheelfix patch``."""
    with tempfile.TemporaryDirectory() as work:
        environment = Path(work, "venv")
        python = install_plainly(environment, case.wheels, large=True)
        if patched:
            command = [*WHEELFIX, "patch", str(environment), "--quiet", "--driver"]
            for directory in list_directories():
                command += ["--libs", str(directory)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode not in {0, 1}:
                return Result(built=False, worked=False, said=done.stderr)
        code = before + case.probe.code
        visible = [environment]
        return run_probe(
            python, code, visible=visible, variables=variables, large=True, driver=case.probe.driver
        )


def try_built(case: Case, overlay: str) -> Result:
    """Run the probe in what Nix builds under an overlay."""
    return prove(case.wheels, overlay, case.probe.code, large=True, driver=case.probe.driver)


def try_overlay(case: Case) -> Result:
    """Run the probe under the overlay that wheelfix writes."""
    with tempfile.TemporaryDirectory() as work:
        overlay = Path(work, "overlay.nix")
        command = [
            *WHEELFIX,
            "override",
            "--dialect",
            "uv2nix",
            "--quiet",
            "--python",
            read_python(large=True),
        ]
        command += ["-o", str(overlay), *map(str, case.wheels)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not overlay.exists():
            return Result(built=False, worked=False, said=done.stderr)
        return try_built(case, overlay.read_text())


def try_nix_ld(case: Case) -> Result:
    """Run the probe with nix-ld's libraries."""
    libraries = [path for path in list_directories() if find_attr(path / "x") in NIX_LD]
    return try_venv(case, join(libraries))


WAYS: dict[str, Callable[[Case], Result]] = {
    "venv": lambda case: try_venv(case, {}),
    "nix-ld": try_nix_ld,
    "uv2nix": lambda case: try_built(case, NOTHING),
    "overlay": try_overlay,
    "patch": lambda case: try_venv(case, {}, patched=True),
    "bound": lambda case: try_venv(case, join([*list_directories(), DRIVER]), before=BOUND),
}


def choose_targets(options: argparse.Namespace) -> list[str]:
    """What the command line asks for."""
    if options.draw:
        changed = sorted(name for name, probe in read_probes().items() if probe.changed)
        return sorted(random.Random(options.seed).sample(changed, min(options.draw, len(changed))))
    return options.targets or sorted(read_probes())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="PACKAGE|WHEEL")
    parser.add_argument("--draw", type=int, metavar="N", help="only N of them")
    parser.add_argument("--seed", type=int, default=SEED, metavar="S", help=f"for the draw: {SEED}")
    parser.add_argument("--ways", default=",".join(WAYS), metavar="WAY,...")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found")
    parser.add_argument("--verbose", action="store_true", help="say why, where one does not work")
    options = parser.parse_args()
    ways = options.ways.split(",")
    if unknown := set(ways) - WAYS.keys():
        parser.error(f"there is no way {', '.join(sorted(unknown))}")

    rows = []
    width = max(map(len, targets := choose_targets(options)))
    print(" ".join(["package".ljust(width), *ways]))
    for target in targets:
        try:
            case = make_case(target)
        except subprocess.CalledProcessError:
            print(f"{target.ljust(width)} is not to be had")
            continue
        row: dict[str, object] = {"package": target, "wheels": [wheel.name for wheel in case.wheels]}
        print(target.ljust(width), end="", flush=True)
        for way in ways:
            result = WAYS[way](case)
            holds = case.probe.holds(result)
            attrs = sorted({attr for path in result.mapped if (attr := find_attr(path))})
            row[way] = {"works": holds, "built": result.built, "attributes": attrs, "said": result.said}
            print(f" {('yes' if holds else 'no').ljust(len(way))}", end="", flush=True)
            if options.verbose and not holds:
                print(f"\n{way}: {result.said.strip()[-1500:]}\n", file=sys.stderr)
        print(flush=True)
        rows.append(row)
    counts = {way: sum(row[way]["works"] for row in rows) for way in ways}  # type: ignore[index]
    print(" ".join([f"of {len(rows)}".ljust(width), *(str(counts[way]).ljust(len(way)) for way in ways)]))
    if options.json:
        options.json.write_text(json.dumps({"works": counts, "packages": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
