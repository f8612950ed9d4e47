"""``index update`` against a real server: dates, passwords, and two at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.frcode import make_entries, make_package, write_database

SECRET = "hunter2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves a database under every path that ends with ``files``, slowly, and nothing else."""
    package = (make_package("zlib", 1), make_entries(["/lib/libz.so.1"]))
    data = write_database(tmp_path / "database", [package]).read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("latest"):
                self.send_response(302)
                self.send_header("Location", "/download/2026-05-20-031122/files")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = self.path.endswith("files")
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(data)) if found else "0")
            self.end_headers()
            if found:
                for n in range(0, len(data), len(data) // 4):
                    self.wfile.write(data[n : n + len(data) // 4])
                    time.sleep(0.1)

        def log_message(self, *_: object) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wheelfix", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache")},
    )


def run(directory: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(directory, *arguments)
    out, said = process.communicate(timeout=120)
    return process.returncode, out, said


def test_the_same_database_again_is_nothing_newer(server: str, tmp_path: Path) -> None:
    url = f"http://{server}/download/2026-05-20-031122/files"
    code, first, said = run(tmp_path, "index", "update", "--url", url)
    assert (code, said) == (0, "")
    assert first == "now in use: 1 sonames, 1 entries, database of 2026-05-20\n"
    code, second, _ = run(tmp_path, "index", "update", "--url", url)
    assert (code, second) == (
        0,
        "nothing newer: the fetched index has it: 1 sonames, 1 entries, database of 2026-05-20\n",
    )
    _, located, _ = run(tmp_path, "locate", "--json", "libz.so.1")
    assert json.loads(located)["index"] == {
        "source": "fetched",
        "system": "x86_64-linux",
        "date": "2026-05-20",
    }


def test_the_newest_release_has_the_date_of_where_it_leads(server: str, tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, "index", "update", "--url", f"http://{server}/latest")
    assert (code, out) == (0, "now in use: 1 sonames, 1 entries, database of 2026-05-20\n")


def test_a_date_that_nobody_knows(server: str, tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, "index", "update", "--url", f"http://{server}/files")
    assert code == 0
    assert "database of unknown date, written 20" in out
    _, located, _ = run(tmp_path, "locate", "--json", "libz.so.1")
    assert json.loads(located)["index"]["date"] is None


def test_two_at_once_both_end_well(server: str, tmp_path: Path) -> None:
    url = f"http://{server}/2026-05-20/files"
    processes = [start(tmp_path, "index", "update", "--url", url) for _ in range(3)]
    ended = [(p.communicate(timeout=120), p.returncode) for p in processes]
    assert [code for _, code in ended] == [0, 0, 0], ended
    assert sorted(out.split(":")[0] for (out, _), _ in ended) == [
        "nothing newer",
        "nothing newer",
        "now in use",
    ]
    names = {path.name for path in (tmp_path / "cache" / "wheelfix").iterdir()}
    assert names == {"fetched-1.1.sqlite", "fetched-database", "update.lock"}


def test_two_builds_at_once_both_end_well(server: str, tmp_path: Path) -> None:
    database = str(tmp_path / "database")
    processes = [start(tmp_path, "index", "build", "--from", database) for _ in range(3)]
    processes += [start(tmp_path, "locate", "--index", database, "libz.so.1")]
    ended = [(p.communicate(timeout=120), p.returncode) for p in processes]
    assert [code for _, code in ended] == [0, 0, 0, 0], ended


@pytest.mark.parametrize(
    "url",
    [
        "http://me:{secret}@{server}/files",
        "http://{secret}@{server}/none",
        "http://me:{secret}@{server}/none",
        "http://me:{secret}@127.0.0.1:1/files",
        "http://me:{secret}@{server}:99999/files",
        "http://me:a/{secret}@{server}/files",
        "http://me:a@{secret}@{server}/none",
        "http://me:a {secret}@{server}/none",
        "ftp://me:{secret}@{server}/files",
        "http://[me:{secret}@{server}/files",
    ],
)
def test_a_password_is_never_told_or_kept(server: str, tmp_path: Path, url: str) -> None:
    _, out, said = run(
        tmp_path, "index", "update", "--debug", "--url", url.format(secret=SECRET, server=server)
    )
    assert "\n" in out + said
    assert SECRET not in out + said
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
