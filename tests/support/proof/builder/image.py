"""Makes images as nixpkgs' ``dockerTools.streamLayeredImage`` does: its layers, files and configuration.

``configure`` writes the file that nixpkgs' ``stream_layered_image.py`` reads: either can stream it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

EPOCH = "1970-01-01T00:00:01+00:00"


def link_programs(out: Path, below: str, paths: list[Path], *, first_wins: bool) -> None:
    """One directory with links to what is in a directory of several packages: ``buildEnv``."""
    target = out / below.strip("/")
    target.mkdir(parents=True)
    for path in paths:
        for file in sorted((path / below.strip("/")).iterdir()):
            link = target / file.name
            if not link.is_symlink():
                link.symlink_to(file)
            elif not first_wins:
                sys.exit(f"collision between {file} and {link.readlink()}")


def customise(out: Path, paths: list[Path], commands: str) -> None:
    """The last layer: links to all files of the contents, and what commands make of the root.

    A directory of one package that is a link in another one fails; ``lndir`` passes over it with a warning.
    """
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for path in paths:
            _link_tree(path, root)
        subprocess.run(["/bin/bash", "-euc", commands], cwd=root, check=True)
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            for file in [root, *sorted(root.rglob("*"))]:
                _add(tar, file, f"./{file.relative_to(root)}".removesuffix("/."))
    out.mkdir()
    (out / "layer.tar").write_bytes(layer.getvalue())
    (out / "checksum").write_text(hashlib.sha256(layer.getvalue()).hexdigest())


def _link_tree(source: Path, target: Path) -> None:
    for file in source.iterdir():
        link = target / file.name
        if file.is_symlink():
            link.symlink_to(file.readlink() if file.readlink().is_absolute() else file)
        elif file.is_dir():
            assert not link.is_symlink(), f"{link} is a link already"
            link.mkdir(exist_ok=True)
            _link_tree(file, link)
        else:
            link.symlink_to(file)


def configure(out: Path, environment: Any) -> None:
    """The configuration of an image, with its layers: one for each store path, one for the rest.

    Store paths that others refer to come first.
    """
    without = {environment["base"], environment["customisation"]}
    paths = [
        path
        for path in _sort(_read_graph(Path("base")) | _read_graph(Path("customisation")))
        if path not in without
    ]
    most = int(environment["maxLayers"]) - 2
    layers = [[path] for path in paths[:most]] + ([paths[most:]] if paths[most:] else [])
    conf = json.loads(Path(environment["base"]).read_text()) | {
        "store_dir": environment["storeDir"],
        "from_image": None,
        "store_layers": layers,
        "customisation_layer": environment["customisation"],
        "repo_tag": environment["repoTag"],
        "created": EPOCH,
        "mtime": EPOCH,
        "uid": "0",
        "gid": "0",
        "uname": "root",
        "gname": "root",
    }
    out.write_text(json.dumps(conf))


def _read_graph(file: Path) -> dict[str, list[str]]:
    """Store paths and those they refer to, as Nix exports them: path, deriver, count, references."""
    lines = iter(file.read_text().splitlines())
    graph = {}
    for path in lines:
        next(lines)
        graph[path] = [next(lines) for _ in range(int(next(lines)))]
    return graph


def _sort(graph: dict[str, list[str]]) -> Iterable[str]:
    done: dict[str, None] = {}

    def visit(path: str) -> None:
        if path not in done:
            for other in sorted(graph[path]):
                if other != path:
                    visit(other)
            done[path] = None

    for path in sorted(graph):
        visit(path)
    return done


def stream(conf: dict[str, Any], out: BinaryIO) -> None:
    """An image as ``docker load`` takes it: layers, configuration, manifest."""
    with tarfile.open(fileobj=out, mode="w|") as tar:
        layers = [_add_layer(tar, paths) for paths in conf["store_layers"]]
        last = Path(conf["customisation_layer"])
        layers.append((last / "checksum").read_text().strip())
        _add_data(tar, f"{layers[-1]}/layer.tar", (last / "layer.tar").read_bytes())
        image = {
            "created": conf["created"],
            "architecture": conf["architecture"],
            "os": "linux",
            "config": conf["config"],
            "rootfs": {"diff_ids": [f"sha256:{digest}" for digest in layers], "type": "layers"},
        }
        data = json.dumps(image).encode()
        name = f"{hashlib.sha256(data).hexdigest()}.json"
        _add_data(tar, name, data)
        manifest = {
            "Config": name,
            "RepoTags": [conf["repo_tag"]],
            "Layers": [f"{digest}/layer.tar" for digest in layers],
        }
        _add_data(tar, "manifest.json", json.dumps([manifest]).encode())


def _add_layer(tar: tarfile.TarFile, paths: list[str]) -> str:
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as layer:
            for name in ("/nix", "/nix/store"):
                directory = tarfile.TarInfo(name)
                directory.type, directory.mode, directory.mtime = tarfile.DIRTYPE, 0o755, 1
                layer.addfile(directory)
            for path in paths:
                for one in _walk(Path(path)):
                    _add(layer, one, str(one))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        info = tarfile.TarInfo(f"{digest}/layer.tar")
        info.size, info.mtime = file.seek(0, os.SEEK_END), 1
        file.seek(0)
        tar.addfile(info, file)
    return digest


def _walk(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for one in sorted(path.iterdir()):
            yield from _walk(one)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tar.gettarinfo(path)
    if info.islnk():
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    info.name, info.mtime = name, 1
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    if info.isreg():
        with path.open("rb") as file:
            tar.addfile(info, file)
    else:
        tar.addfile(info)


def _add_data(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1
    tar.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    commands: dict[str, Callable[[], None]] = {
        "link": lambda: link_programs(
            Path(words[0]), words[2], list(map(Path, words[3:])), first_wins=words[1] == "1"
        ),
        "customise": lambda: customise(Path(words[0]), list(map(Path, words[2:])), words[1]),
        "configure": lambda: configure(Path(words[0]), os.environ),
        "stream": lambda: stream(json.loads(Path(words[0]).read_text()), sys.stdout.buffer),
    }
    commands[command]()
