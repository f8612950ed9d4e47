"""A small channel of packages made by hand, indexed by rattler; on disk, and on the loopback interface."""

from __future__ import annotations

import asyncio
import functools
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rattler.index import index_fs

from tests.support.conda import build_conda


def add_package(
    channel: Path,
    name: str,
    version: str,
    *depends: str,
    files: tuple[str, ...] = (),
    noarch: str = "",
    build: str = "0",
    distribution: str = "",
) -> Path:
    """Build a package; with a distribution it has the metadata that pip would look for."""
    site = "site-packages" if noarch == "python" else "lib/python3.11/site-packages"
    contents = dict.fromkeys(files or (f"share/{name}",), name.encode())
    if distribution:
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        contents[f"{site}/{distribution}-{version}.dist-info/METADATA"] = metadata.encode()
        contents[f"{site}/{distribution}/__init__.py"] = b""
    subdir = "noarch" if noarch else "linux-64"
    return build_conda(
        channel / subdir,
        name,
        contents,
        version=version,
        build=build,
        subdir=subdir,
        depends=depends,
        noarch=noarch,
    )


def index_channel(channel: Path) -> None:
    """Write what a channel says of its packages."""
    for subdir in ("noarch", "linux-64"):
        (channel / subdir).mkdir(parents=True, exist_ok=True)
    asyncio.run(index_fs(channel, force=True))


def build_channel(channel: Path) -> Path:
    """Make a channel with two Pythons, a library, a package that is for one of them, and one for any."""
    add_package(
        channel, "python", "3.11.9", "libzlib >=1.2,<2.0a0", "__glibc >=2.17", files=("bin/python3.11",)
    )
    add_package(channel, "python", "3.12.1", "libzlib >=1.2,<2.0a0", files=("bin/python3.12",))
    add_package(channel, "libzlib", "1.3.1", files=("lib/libz.so.1",))
    add_package(channel, "numbers", "1.26.4", "python >=3.11,<3.12.0a0", distribution="numbers")
    add_package(channel, "click", "8.1.7", "python >=3.8", noarch="python", distribution="click")
    add_package(channel, "click", "8.0.0", "python >=3.8", noarch="python", distribution="click")
    # Conda's name is not that of PyPI.
    add_package(channel, "torching", "2.0.0", "python 3.11.*", distribution="torch")
    add_package(channel, "gpu", "1.0", "__cuda >=12.4")
    index_channel(channel)
    return channel


@contextmanager
def serve_channel(directory: Path, *, hang: bool = False, drip: bool = False) -> Iterator[str]:
    """Serve a directory; or never answer, or answer without end."""
    stop = threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if hang:
                stop.wait(60)
                return
            if drip:
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                while not stop.is_set():
                    try:
                        self.wfile.write(b" ")
                    except OSError:
                        return
                    time.sleep(0.05)
                return
            super().do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(directory))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
