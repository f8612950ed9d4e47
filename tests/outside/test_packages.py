"""Pages of package indexes: what is one, and what only looks like it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keyring
import keyring.backend
import pytest

from tests.support.packageindex import JSON, Index, serve_index
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.outside.configuration import PackageSources, find_package_sources
from wheelfix.outside.http import DownloadError, Trouble
from wheelfix.outside.packages import find_wheel, open_session
from wheelfix.outside.requirements import find_interpreter
from wheelfix.outside.wheels import fetch_wheel
from wheelfix.wheel.metadata import parse_wanted

HTML_LINK = b'<a href="/files/demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a>'


def find(sources: PackageSources | None = None, requirement: str = "demo") -> str:
    wanted = parse_wanted(requirement)
    assert wanted is not None
    with open_session(sources or find_package_sources()) as session:
        return find_wheel(session, wanted, find_interpreter("demo", "3.12", "x86_64-linux")).filename


@pytest.mark.parametrize(
    ("page", "kind", "problem"),
    [
        (b"<html><body>Please log in</body></html>", "text/html", "lists no files"),
        (b"", "text/html", "lists no files"),
        (b"sorry", "text/plain", "text/plain, no page of a package index"),
        (b"{", JSON, "no page of a package index"),
        (b"[" * 100_000, JSON, "no page of a package index"),
        (b"null", JSON, "no page of a package index"),
        (b'{"files": [7], "meta": {"api-version": "1.0"}}', JSON, "no page of a package index"),
        (
            b'{"files": [], "meta": {"api-version": "2.0"}}',
            JSON,
            r"no page of a package index \(version 2.0\)",
        ),
        (b'{"files": [{"url": 7}], "meta": {"api-version": "1.0"}}', JSON, "no page of a package index"),
        (
            b'{"files": [{"url": "\\ud800"}], "meta": {"api-version": "1.0"}}',
            JSON,
            "no page of a package index",
        ),
        (b'{"files": [], "meta": {"api-version": NaN}}', JSON, "no page of a package index"),
        (
            b'{"files": [{"url": "x.whl", "upload-time": "noon"}], "meta": {"api-version": "1.0"}}',
            JSON,
            "cannot be read",
        ),
        (b"\xff\xfe" + HTML_LINK, "text/html", "cannot be read"),
        (HTML_LINK.replace(b"/files", b"http://[::1"), "text/html", "cannot be read"),
        (b'<a href="/login">in</a><a href="/app-1.0.zip">app</a>', "text/html", "lists no files"),
        *(
            (
                b'{"files": [{"url": "demo-1.0-py3-none-any.whl", "hashes": {"sha256": %s}}], '
                b'"meta": {"api-version": "1.0"}}' % value,
                JSON,
                "cannot be read",
            )
            for value in (b"null", b"5", b'["a"]')
        ),
    ],
)
def test_what_is_no_page_of_an_index_is_never_one_that_has_nothing(
    index: Index, page: bytes, kind: str, problem: str
) -> None:
    index.page, index.kind = page, kind
    with pytest.raises(DownloadError, match=problem) as caught:
        find()
    assert caught.value.trouble is Trouble.STATUS
    assert "\n" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("status", "problem", "trouble"),
    [
        (500, "does not answer .HTTP 500.", Trouble.STATUS),
        (503, "does not answer .HTTP 503.", Trouble.STATUS),
        (429, "does not answer .HTTP 429.", Trouble.STATUS),
        (204, "does not answer .HTTP 204.", Trouble.STATUS),
        (401, "does not let itself be read .HTTP 401.", Trouble.FORBIDDEN),
        (403, "does not let itself be read .HTTP 403.", Trouble.FORBIDDEN),
    ],
)
def test_an_index_that_cannot_be_read_is_told_as_that(
    either_index: Index, tmp_path: Path, status: int, problem: str, trouble: Trouble
) -> None:
    either_index.add(build_wheel(tmp_path, files={}))
    either_index.status = status
    with pytest.raises(DownloadError, match=problem) as caught:
        find()
    assert caught.value.trouble is trouble
    assert caught.value.subject == "127.0.0.1"


def test_an_index_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, index: Index) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:1/simple")
    with pytest.raises(DownloadError, match="does not answer") as caught:
        find()
    assert "secret" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.trouble is Trouble.NETWORK


def test_an_empty_project_is_none_where_the_page_says_that_it_is_one(index: Index) -> None:
    index.page = b'<meta name="pypi:repository-version" content="1.0"><title>demo</title>'
    with pytest.raises(InputError, match="nothing named demo"):
        find()


def test_pip_takes_the_best_of_all_indexes_and_uv_the_first_that_has_it(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(build_wheel(tmp_path, version="2.0", files={}))
    with serve_index() as extra:
        extra.add(build_wheel(tmp_path, version="1.0", files={}))
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", extra.url)
        assert find().startswith("demo-2.0")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("UV_INDEX", f"own={extra.url}")
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        assert find().startswith("demo-1.0")
        extra.files.clear()
        assert find().startswith("demo-2.0")
        monkeypatch.setenv("UV_INDEX_STRATEGY", "unsafe-best-match")
        extra.status = 500  # what is not known of one index is not known of all
        with pytest.raises(DownloadError, match="HTTP 500"):
            find()


def test_a_login_comes_from_the_address_netrc_or_uv(
    either_index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    either_index.add(build_wheel(tmp_path, files={}))
    either_index.login = "me:s3cret/@:"
    with pytest.raises(DownloadError, match="HTTP 401"):
        find()
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret/@:\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert fetch_wheel("demo==1.0", cache / "netrc").path.is_file()
    monkeypatch.delenv("NETRC")
    in_url = either_index.url.replace("://", "://me:s3cret%2F%40%3A@")
    sources = PackageSources(index=in_url)
    assert fetch_wheel("demo==1.0", cache / "url", sources=sources).path.is_file()
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("UV_INDEX", f"in-house={either_index.url}")
    monkeypatch.setenv("UV_INDEX_IN_HOUSE_USERNAME", "me")
    monkeypatch.setenv("UV_INDEX_IN_HOUSE_PASSWORD", "s3cret/@:")
    assert fetch_wheel("demo==1.0", cache / "uv").path.is_file()


def test_an_index_without_https_has_to_be_trusted() -> None:
    sources = PackageSources(index="http://index.example/simple")
    with pytest.raises(InputError, match="without https, and is not trusted"):
        find(sources)


def test_an_index_that_is_no_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no directory"):
        find(PackageSources(index=(tmp_path / "nowhere").as_uri()))
    (tmp_path / "simple" / "demo").mkdir(parents=True)
    (tmp_path / "simple" / "demo" / "index.html").write_bytes(HTML_LINK)
    assert find(PackageSources(index=(tmp_path / "simple").as_uri()), "demo") == "demo-1.0-py3-none-any.whl"
    with pytest.raises(InputError, match="nothing named other"):
        find(PackageSources(index=(tmp_path / "simple").as_uri()), "other")


def test_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no directory is named"):
        find(PackageSources(no_index=True))


def test_a_page_that_does_not_end_is_not_read(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.outside.packages._MAX_PAGE", 10_000)
    index.page = HTML_LINK + bytes(20_000)
    with pytest.raises(DownloadError, match="page of more than") as caught:
        find()
    assert caught.value.trouble is Trouble.SIZE


def test_many_files_are_no_trouble(index: Index, tmp_path: Path) -> None:
    index.form = "json"
    files = [
        {"url": f"/files/demo-{n}.{m}-cp3{n % 15}-cp3{n % 15}-manylinux_2_17_x86_64.whl", "hashes": {}}
        for n in range(60)
        for m in range(50)
    ]
    index.page, index.kind = json.dumps({"meta": {"api-version": "1.0"}, "files": files}).encode(), JSON
    assert find() == "demo-57.49-cp312-cp312-manylinux_2_17_x86_64.whl"


def test_hashes_of_both_forms_are_seen(either_index: Index, tmp_path: Path, cache: Path) -> None:
    either_index.add(build_wheel(tmp_path, files={"x": os.urandom(100)}), sha256="A" * 64)
    with pytest.raises(DownloadError, match=f"not {'a' * 64}"):
        fetch_wheel("demo==1.0", cache)


class Backend(keyring.backend.KeyringBackend):
    """A keyring with one password in it."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(service)
        return "from-keyring" if username == "me" else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError

    def delete_password(self, service: str, username: str) -> None:
        raise AssertionError


def test_a_login_comes_from_the_keyring_once_it_is_asked_for(
    index: Index, tmp_path: Path, cache: Path
) -> None:
    index.add(build_wheel(tmp_path, files={}))
    sources = PackageSources(index=index.url.replace("://", "://me@"))
    before, backend = keyring.get_keyring(), Backend()
    keyring.set_keyring(backend)
    try:
        fetch_wheel("demo", cache, sources=sources)
        assert backend.asked == []
        index.login = "me:from-keyring"
        assert fetch_wheel("demo", cache, sources=sources).path.is_file()
        assert backend.asked
    finally:
        keyring.set_keyring(before)


def test_names_that_no_file_has_are_passed_over(index: Index) -> None:
    bomb = f"demo-9.0-{'.'.join(['cp312'] * 250)}-{'.'.join(['abi3'] * 250)}-{'.'.join(['any'] * 250)}.whl"
    names = [
        bomb,
        "demo-8.0-py3-none-any%00.whl",
        f"demo-7.0-py3-none-{'a' * 300}.whl",
        "demo-1.0-py3-none-any.whl",
    ]
    files = [{"url": f"/files/{name}", "hashes": {}} for name in names]
    index.page, index.kind = json.dumps({"meta": {"api-version": "1.0"}, "files": files}).encode(), JSON
    assert find() == "demo-1.0-py3-none-any.whl"


def test_a_page_of_nothing_but_beginnings_is_read_at_once(index: Index) -> None:
    index.page = b"href=demo-" * 60_000
    with pytest.raises(DownloadError, match="lists no files"):
        find()


def test_what_lies_beside_files_by_chance_is_no_page(tmp_path: Path) -> None:
    build_wheel(tmp_path, files={})
    (tmp_path / "notes.html").write_text("<p>hello</p>")
    os.mkfifo(tmp_path / "pipe.html")
    sources = PackageSources(no_index=True, find_links=(str(tmp_path),))
    with pytest.raises(InputError, match=r"pipe\.html: cannot be read"):
        find(sources)
    (tmp_path / "pipe.html").unlink()
    assert find(sources).startswith("demo-1.0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIP_PROXY", "nonsense"),
        ("PIP_PROXY", "foo://h:1"),
        ("PIP_PROXY", "http://me:s3cret@h:xx"),
        ("ALL_PROXY", "socks4://me:s3cret@h"),
        ("PIP_TRUSTED_HOST", "[::1"),
        ("PIP_FIND_LINKS", "~no-such-user/x"),
        ("PIP_INDEX_URL", "file://me:s3cret@h/nope"),
        ("PIP_INDEX_URL", "http://me:s3cret@h:xx/nope"),
    ],
)
def test_settings_that_are_none(index: Index, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        find()
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize("name", ["NETRC", "PIP_CERT", "PIP_CLIENT_CERT"])
def test_no_pipe_is_waited_for(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv(name, str(tmp_path / "pipe"))
    with pytest.raises(InputError, match=r"no regular file|is no file"):
        find()


def test_a_page_that_takes_too_long_is_given_up(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.outside.packages._MAX_SECONDS", -1)
    index.page = HTML_LINK
    with pytest.raises(DownloadError, match="answers for more than"):
        find()
