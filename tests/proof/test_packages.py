"""Real wheels under the overlay that wheelfix writes: the import failed before, and works afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.elf import build_elf
from tests.support.proof.probes import Probe, read_probes
from tests.support.proof.proving import NOTHING, build, prove, read_python, run_probe, write_lock
from tests.support.real import CACHE, fetch_wheel, read_proof_pins
from tests.support.wheel import build_wheel
from wheelfix.cli import cli

pytestmark = pytest.mark.network

PACKAGES = {
    "cxxfilt": {"stdenv.cc.cc": "libstdc++.so.6"},
    "discid": {"libdiscid": "libdiscid.so.0"},
    "glfw": {},
    "libpulse": {"libpulseaudio": "libpulse.so.0"},
    "libusb1": {"libusb1": "libusb-1.0.so.0"},
    "libusbsio": {"systemdLibs": "libudev.so.1"},
    "mido": {"portmidi": "libportmidi.so.0"},
    "pamela": {"linux-pam": "libpam.so.0"},
    "pulsectl": {"libpulseaudio": "libpulse.so.0"},
    "py-libnuma": {"numactl": "libnuma.so.1"},
    "pyenchant": {"enchant": "libenchant-2.so.2"},
    "pyodbc": {"unixodbc": "libodbc.so.2"},
    "python-magic": {"file": "libmagic.so.1"},
    "python-pam": {"linux-pam": "libpam.so.0"},
    "python-vlc": {"vlc": "libvlc.so.5"},
    "pyusb": {"libusb1": "libusb-1.0.so.0"},
    "pyzbar": {"zbar": "libzbar.so.0"},
    "soundcard": {"libpulseaudio": "libpulse.so.0"},
    "sounddevice": {"portaudio": "libportaudio.so.2"},
    "soundfile": {"libsndfile": "libsndfile.so.1"},
    "wavefile": {"libsndfile": "libsndfile.so.1"},
    "weasyprint": {
        "glib": "libgobject-2.0.so.0",
        "harfbuzz": "libharfbuzz.so.0",
        "pango": "libpango-1.0.so.0",
    },
}
"""Distributions, with attributes and files of theirs that have to be mapped.

Two are linked with what they need, the others open it by name: ``glfw`` in an ELF file, and closes it.
"""
LINKED = {"libusbsio", "pyodbc"}


def find_wheel(name: str, version: str = "", platform: str = "") -> Path:
    """The pinned wheel of a distribution that the interpreter of proofs can use."""
    minor = read_python().partition(".")[2]
    found = [
        file
        for file, pin in read_proof_pins().items()
        if pin["name"] == name and pin["version"] == (version or pin["version"])
        if (f"-cp3{minor}-" in file or "-py3-" in file or "-py2.py3-" in file)
        if file.endswith(f"{platform}.whl")
    ]
    (file,) = found
    return fetch_wheel(file)


def find_wheels(probe: Probe) -> list[Path]:
    return [find_wheel(probe.name, probe.version, probe.platform), *map(find_wheel, probe.companions)]


def ask(command: str, *targets: Path | str) -> str:
    """The overlay that a command of wheelfix writes."""
    arguments = [command, "--dialect", "uv2nix", "--quiet", "--python", read_python()]
    result = CliRunner().invoke(cli, [*arguments, *map(str, targets)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", PACKAGES)
def test_without_an_overlay_it_does_not_work(name: str) -> None:
    probe = read_probes()[name]
    result = prove(find_wheels(probe), NOTHING, probe.code)
    assert not probe.holds(result), result.mapped
    # The hook misses what is linked when it builds; nobody misses what is opened by name before it is.
    assert result.built == (name not in LINKED), result.said


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_under_the_overlay_that_is_written_for_it_it_works(name: str) -> None:
    probe = read_probes()[name]
    wheels = find_wheels(probe)
    result = prove(wheels, ask("override", *wheels), probe.code)
    assert result.worked, result.said
    assert probe.holds(result), result.mapped
    for attr, file in PACKAGES[name].items():
        assert any(one.startswith(file) for one in result.list_files_of(attr)), result.mapped


def test_one_environment_of_a_lock_works_under_its_overlay(tmp_path: Path) -> None:
    probes = [read_probes()[name] for name in sorted(PACKAGES)]
    wheels = sorted({wheel for probe in probes for wheel in find_wheels(probe)})
    write_lock(tmp_path, wheels)
    overlay = ask("lock", tmp_path / "uv.lock", "--find-links", CACHE)
    paths, said = build(tmp_path, wheels, overlay, ["environment"])
    assert paths, said
    for probe in probes:
        result = run_probe(paths[0] / "bin" / "python", probe.code)
        assert probe.holds(result), (probe.name, result.said)
    shims = sorted(path.stem for path in paths[0].glob("lib/python3*/site-packages/_wheelfix_*.py"))
    assert shims
    code = f"for name in {shims}:\n    assert os.path.exists(importlib.import_module(name).__cached__)"
    result = run_probe(paths[0] / "bin" / "python", f"import importlib, os\n{code}")
    assert result.worked, "in a store, every start would compile them again"


NOTES = r"""
__asm__(".pushsection .note.dlopen,\"a\",@note\n.balign 4\n.long 4, 2f - 1f, 0x407c0c0a\n"
        ".asciz \"FDO\"\n1: .asciz \"[{\\\"soname\\\":[\\\"libnobody.so.3\\\",\\\"libnobody.so.2\\\"]},"
        "{\\\"soname\\\":[\\\"libnobody.so.1\\\"]},{\\\"soname\\\":[\\\"libmagic.so.1\\\"]}]\"\n"
        "2: .balign 4\n.popsection");
int answer(void) { return 42; }
"""


def test_what_notes_name_and_nobody_has_stops_no_build(tmp_path: Path) -> None:
    member = build_elf(tmp_path / "elf", "x.so", code=NOTES)
    files = {"demo/__init__.py": b"", "demo/x.so": member}
    wheel = build_wheel(tmp_path, files=files, tag="py3-none-manylinux_2_28_x86_64")
    assert not prove([wheel], NOTHING, "import demo").built
    result = prove([wheel], ask("override", wheel), "import demo")
    assert result.worked, result.said
