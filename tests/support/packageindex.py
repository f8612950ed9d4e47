"""A package index on the loopback interface, in either form, that can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Index:
    """A package index (PEP 503, PEP 691): files by name, faults by name, and what was asked for.

    ``faults`` of files: ``gone`` answers 404, ``cut`` closes the connection half way (``cut-once`` the first
    time), ``hang`` never answers, ``elsewhere`` leads to another host that has the file. ``status`` is what
    pages are answered with, ``page`` replaces them, ``login`` has to be given for everything.
    """

    url: str = ""
    form: str = "html"
    files: dict[str, bytes] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    python: dict[str, str] = field(default_factory=dict)
    yanked: dict[str, str] = field(default_factory=dict)
    status: int = 200
    kind: str = ""
    page: bytes | None = None
    login: str = ""
    elsewhere: str = ""
    asked: list[str] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def add(
        self, path: Path, *, fault: str = "", sha256: str = "", python: str = "", yanked: str = ""
    ) -> str:
        """Serve a file; returns its SHA-256."""
        data = path.read_bytes()
        self.files[path.name] = data
        self.hashes[path.name] = sha256 or hashlib.sha256(data).hexdigest()
        self.faults[path.name] = fault
        self.python[path.name] = python
        if yanked:
            self.yanked[path.name] = yanked
        return hashlib.sha256(data).hexdigest()

    def make_page(self, project: str) -> tuple[bytes, str] | None:
        """The page of a project and its type."""
        names = [n for n in self.files if n.partition("-")[0].lower().replace("_", "-") == project]
        if self.page is not None:
            return self.page, self.kind or "text/html"
        if not names:
            return None
        if self.form == "json":
            files = [
                {
                    "filename": name,
                    "url": f"/files/{name}",
                    "hashes": {"sha256": self.hashes[name]},
                    "requires-python": self.python[name] or None,
                    "yanked": self.yanked.get(name, False),
                }
                for name in names
            ]
            document = {"meta": {"api-version": "1.1"}, "name": project, "files": files}
            return json.dumps(document).encode(), self.kind or JSON
        links = []
        for name in names:
            more = f' data-yanked="{self.yanked[name]}"' if name in self.yanked else ""
            python = self.python[name].replace("<", "&lt;").replace(">", "&gt;")
            more += f' data-requires-python="{python}"' if python else ""
            links.append(f'<a href="/files/{name}#sha256={self.hashes[name]}"{more}>{name}</a>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), self.kind or "text/html"

    def downloads(self) -> int:
        """How often files were asked for."""
        return sum(path.startswith("/files/") for path in self.asked)


@contextmanager
def serve_index(host: str = "127.0.0.1") -> Iterator[Index]:
    """Run an index while the block runs."""
    index = Index()
    server = http.server.ThreadingHTTPServer((host, 0), partial(_Handler, index))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    index.url = f"http://{host}:{server.server_port}/simple"
    try:
        yield index
    finally:
        index.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, index: Index, *args: Any) -> None:
        self.index = index
        super().__init__(*args)

    def do_HEAD(self) -> None:
        """As uv asks for the size of a file."""
        data = self.index.files.get(self.path.rpartition("/")[2])
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()

    def do_GET(self) -> None:
        self.index.asked.append(self.path)
        self.index.sent.append({key.lower(): value for key, value in self.headers.items()})
        kind, _, name = self.path.strip("/").partition("/")
        fault = self.index.faults.get(name, "")
        wanted = "Basic " + base64.b64encode(self.index.login.encode()).decode()
        if self.index.login and self.headers.get("Authorization") != wanted:
            self.answer(401, b"", "text/html")
        elif kind == "simple":
            page = self.index.make_page(name)
            if self.index.status != 200:
                self.answer(self.index.status, b"<html>sorry</html>", "text/html")
            elif page is None:
                self.answer(404, b"", "text/html")
            else:
                self.answer(200, *page)
        elif fault == "elsewhere":
            self.send_response(302)
            path = f"/{name}" if self.index.elsewhere.startswith("file:") else f"/files/{name}"
            self.send_header("Location", f"{self.index.elsewhere}{path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.answer_file(name, fault)

    def answer_file(self, name: str, fault: str) -> None:
        data = self.index.files.get(name)
        if fault == "hang":
            self.index.stop.wait(60)
        if data is None or fault in {"gone", "hang"}:
            self.answer(404, b"", "text/html")
            return
        start = 0
        if (ranged := self.headers.get("Range")) and fault != "cut":
            start = int(ranged.removeprefix("bytes=").removesuffix("-"))
        body = data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if fault == "cut-once":
            self.index.faults[name] = ""
        self.wfile.write(body[: len(body) // 2] if fault in {"cut", "cut-once"} else body)

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def forget_configuration(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take away what this machine says about package indexes."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index in HTML that is configured as pip's."""
    with serve_index() as made:
        forget_configuration(monkeypatch, tmp_path_factory.mktemp("home"))
        monkeypatch.setenv("PIP_INDEX_URL", made.url)
        yield made


@pytest.fixture(params=["html", "json"])
def either_index(index: Index, request: pytest.FixtureRequest) -> Index:
    """An index in each of the two forms."""
    index.form = request.param
    return index
