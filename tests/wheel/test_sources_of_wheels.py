"""Where wheels come from: downloads that break, caches of other tools."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.lockserver import Server, serve
from tests.support.wheel import build_wheel
from wheelfix.model.base import replace
from wheelfix.outside.tool_caches import find_in_pip, find_in_uv
from wheelfix.scan.read import read_unpacked, read_wheel
from wheelfix.scan.store import find_digest
from wheelfix.wheel.contents import is_namespace


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


def make_wheel(directory: Path) -> Path:
    elf = build_elf(directory, "core.so", needed=["libtbb.so.12"])
    files = {
        "demo/__init__.py": b"import ctypes\nctypes.CDLL('libx.so.1')\n",
        "demo/core.so": elf,
        "demo/script.so": b"GROUP ( libx.so.1 )\n",
    }
    return build_wheel(directory, files=files)


def test_pip_and_uv_have_it(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [key for key in os.environ if key.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    wheel = make_wheel(tmp_path).rename(tmp_path / "demo-1.0-py3-none-any.whl")
    digest = server.add(wheel)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    index = f"{server.url}/simple"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--index-url",
        index,
        "-d",
        str(tmp_path / "d"),
    ]
    # pip keeps nothing that it got without TLS from a host that it was not told to trust.
    subprocess.run([*pip, "--trusted-host", server.url.removeprefix("http://"), "demo==1.0"], check=True)
    (tmp_path / "r.txt").write_text(f"demo==1.0 --hash=sha256:{digest}\n")
    uv = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "-q",
        "--no-config",
        "--index-url",
        index,
    ]
    uv += [
        "--python",
        sys.executable,
        "--require-hashes",
        "-r",
        str(tmp_path / "r.txt"),
        "--target",
        str(tmp_path / "t"),
    ]
    subprocess.run(uv, check=True)
    body = find_in_pip(f"{index.removesuffix('/simple')}/files/{wheel.name}")
    assert body is not None
    assert find_digest(body, tmp_path / "digests") == digest
    unpacked = find_in_uv("demo", digest)
    assert unpacked is not None
    assert find_in_uv("demo", "0" * 64) is None
    cache = tmp_path / "cache"
    whole = replace(read_wheel(wheel, cache=cache, sha256=digest, contents=True), origin=None)
    assert [o.path for o in whole.objects] == ["demo/core.so"]
    assert [f.subject for f in whole.findings] == ["demo/script.so"]
    assert replace(read_unpacked(unpacked, wheel.name, digest), origin=None) == whole
    (unpacked / "demo" / "core.so").chmod(0o644)
    with (unpacked / "demo" / "core.so").open("r+b") as file:  # as in an environment of hard links
        file.seek(100)
        file.write(b"changed")
    assert find_in_uv("demo", digest) is None
    named = read_wheel(body, cache=tmp_path / "other", sha256=digest, name=wheel.name, contents=True)
    assert replace(named, origin=None) == whole


def test_digests_follow_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"one", b"three"):
        path.write_bytes(content)
        for _ in range(2):
            assert find_digest(path, tmp_path / "kept") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("source", "namespace"),
    [
        (b"", True),
        (b"# only words\n\n", True),
        (b"from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n", True),
        (
            b"try:\n  __import__('pkg_resources').declare_namespace(__name__)\nexcept ImportError:\n  pass\n",
            True,
        ),
        (b"x = 1\n", False),
        (
            b"from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\nimport_all()\n",
            False,
        ),
    ],
)
def test_namespaces(source: bytes, namespace: bool) -> None:
    assert is_namespace(source) is namespace
