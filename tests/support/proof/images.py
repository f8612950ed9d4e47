"""Images of environments: built, unpacked by the specification's rules, and entered.

What is read is the format of ``docker save``: a tar with ``manifest.json``, a configuration and layers.
"""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.envs import run_env
from tests.support.lockserver import serve
from tests.support.proof.proving import make_nix_environment, read_python, realise


@dataclass(frozen=True)
class Image:
    """An image, unpacked.

    Attributes:
        root: directory with its files.
        tags: by which ``docker run`` knows it.
        config: what it starts, and how.
        layers: sizes in bytes, lowest first.
        conf: the file that the archive was made of, as nixpkgs' ``stream_layered_image.py`` reads it.
    """

    root: Path
    tags: list[str]
    config: dict[str, Any]
    layers: tuple[int, ...]
    conf: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of what runs in it."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])


def write_lab(directory: Path, wheels: Iterable[Path], requirements: Sequence[str]) -> Path:
    """What ``wheelfix env lab`` writes for requirements, from an index that has some wheels alone."""
    (directory / "requirements.txt").write_text("".join(f"{one}\n" for one in requirements))
    with serve() as server:
        for wheel in wheels:
            server.add(wheel)
        done = run_env(directory, server, "lab", "-r", "requirements.txt", python=read_python())
    assert done.returncode == 0, done.stderr
    return directory / "lab"


def build_image(lab: Path, wheels: Iterable[Path]) -> Image:
    """Build the image of a written environment with Nix, and unpack it beside the environment."""
    streams, said = realise(lab, wheels, ["written.image"])
    assert streams, said
    (confs, _) = realise(lab, wheels, ["written.image.conf"])
    archive = lab.parent / "image.tar"
    with archive.open("wb") as file:
        subprocess.run([streams[0]], stdout=file, check=True, env=make_nix_environment())
    return unpack_image(archive, lab.parent / "root", confs[0])


def unpack_image(archive: Path, root: Path, conf: Path) -> Image:
    """Unpack all layers of an image, lowest first, and check their digests."""
    with tarfile.open(archive) as tar:
        (manifest,) = _read_json(tar, "manifest.json")
        configuration = _read_json(tar, manifest["Config"])
        root.mkdir()
        digests = []
        for name in manifest["Layers"]:
            layer = tar.extractfile(name)
            assert layer
            digests.append(f"sha256:{hashlib.file_digest(layer, 'sha256').hexdigest()}")  # type: ignore[arg-type]
            layer.seek(0)
            with tarfile.open(fileobj=layer) as files:
                _unpack(files, root)
        sizes = tuple(tar.getmember(name).size for name in manifest["Layers"])
    assert digests == configuration["rootfs"]["diff_ids"]
    assert (configuration["os"], configuration["architecture"]) == ("linux", "amd64")
    return Image(root, manifest["RepoTags"], configuration["config"], sizes, conf)


def _read_json(tar: tarfile.TarFile, name: str) -> Any:
    file = tar.extractfile(name)
    assert file
    return json.load(file)


def _unpack(layer: tarfile.TarFile, root: Path) -> None:
    for member in layer:
        path = root / member.name.lstrip("/")
        assert not path.name.startswith(".wh."), f"{member.name} deletes what a layer below has"
        assert ".." not in path.parts
        assert (member.uid, member.gid) == (0, 0)
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(member.mode | stat.S_IRWXU)
        elif member.issym():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(member.linkname)
        else:
            assert member.isreg(), f"{member.name} is no file"
            path.parent.mkdir(parents=True, exist_ok=True)
            source = layer.extractfile(member)
            assert source
            path.write_bytes(source.read())
            path.chmod(member.mode)


def enter_image(image: Image, command: Sequence[str], *, user: int = 0) -> list[str]:
    """The command that runs another one as a container of the image would: with its files and nothing else.

    There is a network of its own, of which the loopback interface is all.
    """
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--uid", str(user), "--gid", str(user), "--bind", str(image.root), "/"]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for name, value in image.variables.items():
        words += ["--setenv", name, value]
    return [*words, "--chdir", image.config["WorkingDir"], "--", *command]


def run_in_image(
    image: Image, command: Sequence[str], *, user: int = 0, seconds: int = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command in an image to its end."""
    entered = enter_image(image, command, user=user)
    return subprocess.run(entered, capture_output=True, text=True, timeout=seconds, check=False)
