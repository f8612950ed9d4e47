"""Downloads that break, lead elsewhere, or are wanted by several at once."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.lockserver import Server, serve
from wheelfix.errors import InputError, strip_login
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.http import DownloadError, Trouble, fetch_file, open_client

DATA = os.urandom(200_000)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a").write_bytes(DATA)
    with serve() as server:
        server.add(tmp_path / "served" / "a")
        yield server


def fetch(server: Server, place: Path, **how: object) -> str:
    with open_client() as client:
        return fetch_file(client, f"{server.url}/files/a", place, pause=0.01, **how)  # type: ignore[arg-type]


def fetch_answered(answer: Callable[[httpx2.Request], httpx2.Response], url: str, place: Path) -> str:
    with httpx2.Client(transport=httpx2.MockTransport(answer), follow_redirects=True) as client:
        return fetch_file(client, url, place, sha256=DIGEST, pause=0.001)


def list_names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_there_whole_and_nothing_else(server: Server, tmp_path: Path) -> None:
    assert fetch(server, tmp_path / "to" / "a") == DIGEST
    assert (tmp_path / "to" / "a").read_bytes() == DATA
    assert list_names(tmp_path / "to") == ["a"]


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [("gone", Trouble.GONE), ("forbidden", Trouble.FORBIDDEN), ("broken", Trouble.NETWORK)],
)
def test_troubles_are_told_apart(server: Server, tmp_path: Path, fault: str, trouble: Trouble) -> None:
    server.faults["a"] = fault
    with pytest.raises(DownloadError) as caught:
        fetch(server, tmp_path / "to" / "a", sha256=DIGEST)
    assert caught.value.trouble is trouble
    assert list_names(tmp_path / "to") == []


def test_what_waits_is_taken_up_only_where_something_tells_that_it_is_the_same(
    server: Server, tmp_path: Path
) -> None:
    place = tmp_path / "to" / "a"
    place.parent.mkdir()
    part = place.with_name(f".{DIGEST}.part")
    part.write_bytes(DATA[:150_000])
    fetch(server, place, sha256=DIGEST)
    assert server.ranges == ["bytes=150000-"]
    place.unlink()
    part.write_bytes(bytes(150_000))  # somebody else's: the digest tells, and all of it comes anew
    fetch(server, place, sha256=DIGEST)
    assert server.ranges == ["bytes=150000-", "bytes=150000-", None]
    assert place.read_bytes() == DATA
    key = hashlib.sha256(f"{server.url}/files/a a".encode()).hexdigest()
    place.with_name(f".{key}.part").write_bytes(bytes(150_000))
    assert fetch(server, place) == DIGEST
    assert server.ranges[-1] is None


def test_no_link_pipe_or_directory_is_followed_where_a_file_waits(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "to" / "a"
    place.parent.mkdir()
    (tmp_path / "precious").write_bytes(b"mine")
    part = place.with_name(f".{DIGEST}.part")
    part.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        fetch(server, place, sha256=DIGEST)
    assert (tmp_path / "precious").read_bytes() == b"mine"
    part.unlink()
    os.mkfifo(part)
    with pytest.raises(OSError, match="no regular file"):
        fetch(server, place, sha256=DIGEST)
    part.unlink()
    part.mkdir()
    with pytest.raises(IsADirectoryError):
        fetch(server, place, sha256=DIGEST)


def test_threads_that_want_one_file_fetch_it_once(server: Server, tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch(server, tmp_path / "to" / "a", sha256=DIGEST)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DIGEST] * 8
    assert len(server.list_downloads()) == 1
    assert list_names(tmp_path / "to") == ["a"]


def test_a_wait_for_another_download_can_be_given_up(server: Server, tmp_path: Path) -> None:
    import fcntl

    place = tmp_path / "to" / "a"
    place.parent.mkdir()
    stop = threading.Event()
    with place.with_name(f".{DIGEST}.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(DownloadError, match="given up"):
            fetch(server, place, sha256=DIGEST, stop=stop)
    assert server.list_downloads() == []


def test_https_does_not_lead_to_http(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.scheme == "https":
            return httpx2.Response(302, headers={"Location": "http://example.net/a"})
        return httpx2.Response(200, content=DATA)

    with pytest.raises(DownloadError, match=r"leads to example\.net without https") as caught:
        fetch_answered(answer, "https://example.org/a", tmp_path / "a")
    assert caught.value.trouble is Trouble.DOWNGRADE
    assert list_names(tmp_path) == []


def test_a_server_that_sends_another_part_than_asked_for_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / f".{DIGEST}.part").write_bytes(DATA[:100])
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("Range"))
        if "Range" in request.headers:
            part = httpx2.ByteStream(DATA[50:])
            return httpx2.Response(206, headers={"Content-Range": f"bytes 50-{len(DATA)}"}, stream=part)
        return httpx2.Response(200, stream=httpx2.ByteStream(DATA))

    assert fetch_answered(answer, "https://example.org/a", tmp_path / "a") == DIGEST
    assert asked == ["bytes=100-", None]
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("length", [None, "10", "99999999999999999999999", "-5", "x"])
def test_lengths_that_lie(tmp_path: Path, length: str | None) -> None:
    headers = {} if length is None else {"Content-Length": length}
    stream = httpx2.ByteStream(DATA)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=headers, stream=stream)

    if length == "10":  # more than was said is as wrong as less
        with pytest.raises(DownloadError):
            fetch_answered(answer, "https://example.org/a", tmp_path / "a")
    else:
        assert fetch_answered(answer, "https://example.org/a", tmp_path / "a") == DIGEST


def test_sizes_are_limited_whatever_is_said(server: Server, tmp_path: Path) -> None:
    for headers in ({}, {"Content-Length": "200000"}):

        def answer(_: httpx2.Request, headers: dict[str, str] = headers) -> httpx2.Response:
            return httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(DATA))

        with (
            httpx2.Client(transport=httpx2.MockTransport(answer)) as client,
            pytest.raises(DownloadError, match=r"more than 1000 bytes|200000 bytes") as caught,
        ):
            fetch_file(client, "https://example.org/a", tmp_path / "a", limit=1000)
        assert caught.value.trouble is Trouble.SIZE
    assert list_names(tmp_path) == ["served"]


@pytest.mark.parametrize(
    "url",
    ["nonsense://x/y", "https://", "https://[::1", "https://\x00/", "", "/a", "https://e.invalid:99999/"],
)
def test_what_is_no_address(tmp_path: Path, url: str) -> None:
    with open_client() as client, pytest.raises(DownloadError):
        fetch_file(client, url, tmp_path / "a", pause=0.001)
    assert list_names(tmp_path) == []


def test_certificates_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.pem").write_text("x")
    with pytest.raises(InputError, match="no certificates"):
        open_client(PackageSources(certificates=str(tmp_path / "bad.pem")))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(InputError, match="no certificates"):
        open_client()


def test_what_the_system_says_of_a_connection_is_told_without_its_number(tmp_path: Path) -> None:
    with (
        httpx2.Client(trust_env=False) as client,
        pytest.raises(DownloadError, match=r"cannot be fetched from 127\.0\.0\.1: connection refused$"),
    ):
        fetch_file(client, "http://127.0.0.1:9/a", tmp_path / "a", pause=0.001)


def test_passwords_are_not_told() -> None:
    told = strip_login("see https://me:pa%20ss@x.example/a?u=b@c and http://t@y/")
    assert told == "see https://x.example/a?u=b@c and http://y/"


def test_a_download_that_is_stopped_is_kept_for_the_next_time(server: Server, tmp_path: Path) -> None:
    stop = threading.Event()

    def stop_soon(done: int, total: int) -> None:
        if done:
            stop.set()

    begun = time.monotonic()
    with pytest.raises(DownloadError):
        fetch(server, tmp_path / "to" / "a", sha256=DIGEST, stop=stop, on_bytes=stop_soon)
    assert time.monotonic() - begun < 20
    assert list_names(tmp_path / "to")[:1] == [f".{DIGEST}.part"]
    assert fetch(server, tmp_path / "to" / "a", sha256=DIGEST) == DIGEST
