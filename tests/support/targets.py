"""One of each kind of thing that people name as a target, made for real."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.support.conda import build_conda
from tests.support.elf import build_elf
from tests.support.sdist import CARGO, build_sdist
from tests.support.wheel import TAG, build_wheel

WHEEL = f"demo-1.0-{TAG}.whl"


def make_targets(top: Path) -> None:
    """Fill a directory with one of each kind; what a name stands for is told by the name.

    Args:
        top: an empty directory.
    """
    library = build_elf(top / "work", "x.so", needed=["libz.so.1"])
    wheel = build_wheel(top, files={"demo/x.so": library, "demo/__init__.py": b""})
    (top / "renamed").write_bytes(wheel.read_bytes())
    (top / "shelf").mkdir()
    (top / "shelf" / WHEEL).write_bytes(wheel.read_bytes())
    build_sdist(top, CARGO)
    with zipfile.ZipFile(top / "old-1.0.zip", "w") as archive:
        archive.writestr("old-1.0/setup.py", "")
    (top / "project").mkdir()
    for name, text in CARGO.items():
        (top / "project" / name).write_text(text)
    (top / "plain").mkdir()
    (top / "plain" / "setup.py").write_text("")
    for place in (
        "venv/lib/python3.12/site-packages",
        "locked/.venv/lib/python3.12/site-packages",
        "unpacked",
    ):
        subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(top / place)], check=True)
    (top / "venv" / "pyvenv.cfg").write_text("version = 3.12\n")
    (top / "tree").mkdir()
    (top / "tree" / "x.so").write_bytes(library)
    (top / "x.so").write_bytes(library)
    _make_locks(top, hashlib.sha256(wheel.read_bytes()).hexdigest())
    (top / "locked" / "pyproject.toml").write_text("[project]\n")
    (top / "locked" / "uv.lock").write_bytes((top / "uv.lock").read_bytes())
    (top / "only").mkdir()
    (top / "only" / "poetry.lock").write_bytes((top / "poetry.lock").read_bytes())
    (top / "empty").mkdir()
    (top / "nothing").mkdir()
    (top / "nothing" / "notes.md").write_text("nothing\n")
    package = build_conda(top / "channel", "demo", {"lib/x.so": library})
    (top / "package").write_bytes(package.read_bytes())
    (top / "demo.conda").write_bytes(package.read_bytes())
    old = build_conda(top / "work", "demo", {"lib/x.so": library}, suffix=".tar.bz2")
    (top / "old.tar.bz2").write_bytes(old.read_bytes())
    _make_foreign(top)


def _make_locks(top: Path, digest: str) -> None:
    files = f'[{{ path = "{WHEEL}", hash = "sha256:{digest}" }}]'
    uv = 'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "app"\nversion = "0"\n'
    uv += 'source = { virtual = "." }\ndependencies = [{ name = "demo" }]\n'
    uv += f'[[package]]\nname = "demo"\nversion = "1.0"\nsource = {{ registry = "." }}\nwheels = {files}\n'
    pylock = 'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
    pylock += f'wheels = [{{ name = "{WHEEL}", path = "{WHEEL}", hashes = {{ sha256 = "{digest}" }} }}]\n'
    poetry = '[[package]]\nname = "demo"\nversion = "1.0"\noptional = false\npython-versions = "*"\n'
    poetry += f'groups = ["main"]\nfiles = [{{ file = "{WHEEL}", hash = "sha256:{digest}" }}]\n'
    poetry += '[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = ""\n'
    pdm = '[metadata]\ngroups = ["default"]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.1"\n'
    pdm += '[[package]]\nname = "demo"\nversion = "1.0"\ngroups = ["default"]\n'
    pdm += f'files = [{{ file = "{WHEEL}", hash = "sha256:{digest}" }}]\n'
    pixi = (
        "version: 6\nenvironments:\n  default:\n    channels:\n    - url: https://conda.example.org/demo/\n"
    )
    pixi += f"    packages:\n      linux-64:\n      - pypi: ./{WHEEL}\npackages:\n- pypi: ./{WHEEL}\n"
    pixi += f"  name: demo\n  version: '1.0'\n  sha256: {digest}\n"
    conda_lock = "version: 1\nmetadata:\n  channels: []\n  platforms: [linux-64]\npackage:\n- name: demo\n"
    conda_lock += "  version: '1.0'\n  manager: pip\n  platform: linux-64\n  dependencies: {}\n"
    conda_lock += f"  url: ./{WHEEL}\n  hash:\n    sha256: {digest}\n  category: main\n  optional: false\n"
    pipfile = {
        "_meta": {"pipfile-spec": 6, "requires": {}},
        "default": {"demo": {"version": "==1.0", "hashes": [f"sha256:{digest}"]}},
        "develop": {},
    }
    for name, text in {
        "pdm.lock": pdm,
        "pixi.lock": pixi,
        "pixi.linux.yaml": pixi,
        "conda-lock.yml": conda_lock,
        "cpu.conda-lock.yaml": conda_lock,
        "Pipfile.lock": json.dumps(pipfile),
        "uv.lock": uv,
        "other.lock": uv,
        "pylock.toml": pylock,
        "pylock.dev.toml": pylock,
        "poetry.lock": poetry,
        "requirements.txt": f"demo==1.0 --hash=sha256:{digest}\n",
        "requirements.in": "demo>=1\n",
        "wanted.txt": "# what we use\ndemo[gpu]; python_version > '3'\n",
    }.items():
        (top / name).write_text(text)


def _make_foreign(top: Path) -> None:
    with tarfile.open(top / "data-1.0.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("data-1.0/notes.md"), io.BytesIO())
    with tarfile.open(top / "data.tar.bz2", "w:bz2") as archive:
        archive.addfile(tarfile.TarInfo("data/notes.md"), io.BytesIO())
    for name, data in {
        "Pipfile": b"[packages]\n",
        "Cargo.lock": b"version = 4\n",
        "environment.yml": b"name: x\n",
        "pixi.toml": b"[workspace]\n",
        "pyproject.toml": b"[project]\n",
        "overrides.nix": b"{ }\n",
        "settings.json": b"{}",
        "demo.egg": b"PK\x05\x06" + bytes(18),
        "demo.deb": b"!<arch>\ndebian-binary   ",
        "demo.rpm": b"\xed\xab\xee\xdb" + bytes(92),
        "demo.a": b"!<arch>\n",
        "demo.dylib": b"\xcf\xfa\xed\xfe" + bytes(28),
        "fat.dylib": b"\xca\xfe\xba\xbe\x00\x00\x00\x02" + bytes(28),
        "demo.dll": b"MZ" + bytes(62),
        "image.bin": bytes(64),
        "void": b"",
        "build.log": b"ImportError: libz.so.1: cannot open shared object file\n",
        "$(touch evil) it's": b"text\n",
    }.items():
        (top / name).write_bytes(data)
