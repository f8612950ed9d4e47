"""A package index and file server on the loopback interface, with faults."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Server:
    """Files by name, and what goes wrong with some of them.

    ``faults``: ``gone`` answers 404, ``forbidden`` 403, ``cut`` ends the first answer half way, ``broken``
    always answers 500.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    yanked: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)

    def add(self, path: Path, *, fault: str = "", yanked: str = "") -> str:
        """Serve a file; returns its SHA-256."""
        self.files[path.name] = path.read_bytes()
        if fault:
            self.faults[path.name] = fault
        if yanked:
            self.yanked[path.name] = yanked
        return hashlib.sha256(self.files[path.name]).hexdigest()

    def page(self, project: str) -> bytes | None:
        """A project's page (PEP 503, PEP 592)."""
        names = [n for n in self.files if n.partition("-")[0].lower().replace("_", "-") == project]
        links = []
        for name in names:
            digest = hashlib.sha256(self.files[name]).hexdigest()
            mark = f' data-yanked="{self.yanked[name]}"' if name in self.yanked else ""
            links.append(f'<a href="/files/{name}#sha256={digest}"{mark}>{name}</a>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if names else None

    def list_downloads(self) -> list[str]:
        """Names of the files that were asked for, in order."""
        return [path.rpartition("/")[2] for path, _ in self.asked if path.startswith("/files/")]


@contextmanager
def serve() -> Iterator[Server]:
    """Run a server while the block runs."""
    server = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            name = self.path.strip("/").partition("/")[2]
            first = (self.path, "cut") not in server.asked
            fault = server.faults.get(name, "")
            server.asked.append((self.path, fault))
            server.ranges.append(self.headers.get("Range"))
            simple = self.path.startswith("/simple/")
            data = server.page(name) if simple else server.files.get(name)
            status = {"gone": 404, "forbidden": 403, "broken": 500}.get(fault)
            if data is None or status:
                self.send_error(status or 404)
                return
            start = 0
            if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(match[1])
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", "text/html" if simple else "application/octet-stream")
            self.send_header("Content-Length", str(len(data) - start))
            if not simple:
                self.send_header("Cache-Control", "max-age=365000000, immutable, public")
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if self.command == "GET":
                end = start + (len(data) - start) // 2 if fault == "cut" and first else len(data)
                self.wfile.write(data[start:end])
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
