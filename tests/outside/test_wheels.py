"""Wheels from an index on the loopback interface."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.packageindex import Index, serve_index
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.http import DownloadError, Trouble
from wheelfix.outside.requirements import find_platforms, looks_like_requirement
from wheelfix.outside.wheels import fetch_url, fetch_wheel

REPOSITORY = Path(__file__).parents[2]


def contents(cache: Path) -> list[str]:
    return (
        sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if not p.is_dir())
        if cache.exists()
        else []
    )


def find_choice(cache: Path, name: str = "demo") -> Path:
    (choice,) = (cache / name).glob("1.0-py3.12-x86_64-linux-*.json")
    return choice


def get(requirement: str, cache: Path, **target: object) -> Path:
    return fetch_wheel(requirement, cache, **target).path  # type: ignore[arg-type]


def test_wheel_is_downloaded_once_and_then_found_without_network(
    either_index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = build_wheel(tmp_path, name="Demo_Pkg", files={"demo/x": b"1"})
    either_index.add(wheel)
    path = get("demo.pkg==1.0", cache)
    assert path == cache / "demo-pkg" / "1.0" / wheel.name
    assert path.read_bytes() == wheel.read_bytes()
    choice = find_choice(cache, "demo-pkg")
    assert contents(cache) == [f"demo-pkg/{choice.name}", f"demo-pkg/1.0/{wheel.name}"]
    either_index.asked.clear()
    either_index.files.clear()
    monkeypatch.setenv("PATH", "")
    assert get("Demo-Pkg == 1.0", cache) == path
    assert either_index.asked == []


def test_the_wheel_for_the_target_is_chosen(index: Index, tmp_path: Path, cache: Path) -> None:
    tags = {
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux2014_x86_64",
        "cp311-cp311-manylinux_2_5_x86_64",
        "cp38-abi3-manylinux_2_17_aarch64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-manylinux_2_43_x86_64",
        "cp312-cp312-win_amd64",
        "cp313-cp313-manylinux_2_45_x86_64",
        "cp314-cp314-manylinux_2_28_x86_64",
        "cp314-cp314t-manylinux_2_28_x86_64",
        "py3-none-manylinux_2_39_riscv64",
    }
    for tag in tags:
        index.add(build_wheel(tmp_path, tag=tag, files={}))

    def choose(**target: object) -> str:
        return get("demo==1.0", cache, **target).name.removeprefix("demo-1.0-").removesuffix(".whl")

    assert choose() == "cp312-cp312-manylinux_2_28_x86_64"
    assert choose(python="3.11") == "cp311-cp311-manylinux_2_5_x86_64"
    assert choose(python="3.13", system="aarch64-linux") == "cp38-abi3-manylinux_2_17_aarch64"
    assert choose(musl=True) == "cp312-cp312-musllinux_1_2_x86_64"
    assert choose(system="riscv64-linux") == "py3-none-manylinux_2_39_riscv64"
    assert (
        choose(python="3.13") == "cp313-cp313-manylinux_2_45_x86_64"
    )  # newer than nixpkgs' glibc, and alone
    assert choose(python="3.14") == "cp314-cp314-manylinux_2_28_x86_64"
    assert choose(python="3.14t") == "cp314-cp314t-manylinux_2_28_x86_64"
    asked = len(index.asked)
    assert choose(python="3.11") == "cp311-cp311-manylinux_2_5_x86_64"
    assert len(index.asked) == asked


def test_open_requirement_asks_the_index_every_time(either_index: Index, tmp_path: Path, cache: Path) -> None:
    for version in ("1.0", "1.5", "2.0", "2.1rc1"):
        either_index.add(build_wheel(tmp_path, version=version, files={}))
    for _ in range(2):
        assert get("demo>=1,<2", cache).parent.name == "1.5"
        assert get("demo", cache).parent.name == "2.0"
    assert either_index.asked.count("/simple/demo/") == 4
    assert either_index.downloads() == 2
    assert get("demo>=2.1rc1", cache).parent.name == "2.1rc1"


def test_given_hash_is_checked_in_the_download_and_in_the_cache(
    either_index: Index, tmp_path: Path, cache: Path
) -> None:
    digest = either_index.add(build_wheel(tmp_path, files={"x": b"1"}))
    requirement = f"demo==1.0 --hash=sha256:{digest}"
    path = get(requirement, cache)
    assert get(requirement, cache) == path
    assert either_index.downloads() == 1
    path.write_bytes(path.read_bytes() + b"changed")
    get(requirement, cache)
    assert either_index.downloads() == 2
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_choice_under_a_hash_is_no_choice_without_one(index: Index, tmp_path: Path, cache: Path) -> None:
    old, new = (
        build_wheel(tmp_path, tag=f"cp312-cp312-manylinux_2_{n}_x86_64", files={"x": b"%d" % n})
        for n in (17, 28)
    )
    digest = index.add(old)
    index.add(new)
    for _ in range(2):
        assert get(f"demo==1.0 --hash=sha256:{digest}", cache).name == old.name
        assert get("demo==1.0", cache).name == new.name
    assert index.downloads() == 2


def test_wrong_given_hash_is_an_error_though_the_wheel_is_cached(
    either_index: Index, tmp_path: Path, cache: Path
) -> None:
    digest = either_index.add(build_wheel(tmp_path, files={"x": b"1"}))
    get("demo==1.0", cache)
    before = contents(cache)
    with pytest.raises(InputError, match=f"has sha256 {digest} there, not {'0' * 64}") as caught:
        get(f"demo==1.0 --hash=sha256:{'0' * 64}", cache)
    assert caught.value.subject == "demo==1.0"
    assert contents(cache) == before


def test_what_is_withdrawn_is_said_every_time(either_index: Index, tmp_path: Path, cache: Path) -> None:
    either_index.add(build_wheel(tmp_path, files={}), yanked="loses data")
    for _ in range(2):
        (finding,) = fetch_wheel("demo==1.0", cache).findings
        assert finding.message == "is yanked from the index: loses data"
    assert str(fail("demo", cache.with_name("other"))).endswith("demo: is yanked from the index: loses data")


def fail(requirement: str, cache: Path, **target: object) -> InputError:
    """The error of a failing download, which leaves nothing in the cache."""
    with pytest.raises(InputError) as caught:
        get(requirement, cache, **target)
    assert contents(cache) == []
    assert "\n" not in f"{caught.value.problem}{caught.value.hint}"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("fault", "sha256", "problem"),
    [
        ("", "0" * 64, rf"sha256 \w{{64}}, not {'0' * 64}"),
        ("gone", "", r"is not at 127\.0\.0\.1 \(HTTP 404\)"),
    ],
)
def test_faults_of_the_index_leave_nothing_behind(
    either_index: Index, tmp_path: Path, cache: Path, fault: str, sha256: str, problem: str
) -> None:
    either_index.add(build_wheel(tmp_path, files={"x": os.urandom(50_000)}), fault=fault, sha256=sha256)
    assert re.search(problem, fail("demo==1.0", cache).problem)


def test_a_cut_download_goes_on_where_it_broke(either_index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={"x": os.urandom(50_000)})
    either_index.add(wheel, fault="cut-once")
    seen: list[tuple[int, int]] = []
    path = fetch_wheel("demo==1.0", cache, on_bytes=lambda done, total: seen.append((done, total))).path
    assert path.read_bytes() == wheel.read_bytes()
    ranges = [sent.get("range") for sent in either_index.sent if "range" in sent]
    assert ranges == [f"bytes={len(wheel.read_bytes()) // 2}-"]
    assert seen[-1] == (len(wheel.read_bytes()), len(wheel.read_bytes()))


def test_no_such_distribution(either_index: Index, cache: Path) -> None:
    error = fail("nothing-like-it==1.0", cache)
    assert str(error) == "nothing-like-it==1.0: the package index has nothing named nothing-like-it"
    assert str(fail("venv", cache)) == (
        "venv: is no file or directory here, and the package index has nothing named venv"
    )


def test_no_such_version_names_those_there_are(either_index: Index, tmp_path: Path, cache: Path) -> None:
    for version in ("1.0", "1.1"):
        either_index.add(build_wheel(tmp_path, version=version, files={}))
    assert "newest: 1.0, 1.1" in str(fail("demo==9", cache))


def test_no_wheel_for_the_platform_names_those_there_are(index: Index, tmp_path: Path, cache: Path) -> None:
    for tag in ("cp312-cp312-win_amd64", "cp311-cp311-manylinux_2_28_x86_64"):
        index.add(build_wheel(tmp_path, tag=tag, files={}))
    problem = fail("demo==1.0", cache).problem
    assert problem.endswith("there is cp311-cp311-manylinux_2_28_x86_64, cp312-cp312-win_amd64")


def test_wheel_for_another_python_only(either_index: Index, tmp_path: Path, cache: Path) -> None:
    either_index.add(build_wheel(tmp_path, tag="py3-none-any", files={}), python=">=3.13, <4")
    assert fail("demo==1.0", cache).problem == "is for Python >=3.13, <4"


def test_source_distribution_only(either_index: Index, tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "demo-1.0.tar.gz"
    source.write_bytes(b"")
    either_index.add(source)
    assert "only a source distribution" in fail("demo==1.0", cache).problem


@pytest.mark.parametrize(
    "requirement",
    [
        "",
        "-r evil.txt",
        "--index-url=http://x demo==1",
        "demo @ http://127.0.0.1/demo-1.0-py3-none-any.whl",
        "./demo==1.0",
        "demo==1.0 --hash=sha256:abc",
        "demo==1.0 -e .",
        "demo==1.0\n--index-url http://x",
        f"demo>=1 --hash=sha256:{'0' * 64}",
        "demo==" + "1" * 5000,
    ],
)
def test_what_is_no_requirement_never_reaches_an_index(index: Index, cache: Path, requirement: str) -> None:
    fail(requirement, cache)
    assert index.asked == []


@pytest.mark.parametrize("target", [{"python": "3.12; x"}, {"python": "--x"}, {"system": "x86_64-darwin"}])
def test_impossible_targets(index: Index, cache: Path, target: dict[str, str]) -> None:
    assert "cannot be downloaded for" in fail("demo==1.0", cache, **target).problem
    assert index.asked == []


def test_platforms() -> None:
    tags = find_platforms("x86_64-linux")
    assert tags[0] == "manylinux_2_42_x86_64"
    last = tags.index("linux_x86_64")
    assert tags[last - 2 : last] == ("manylinux_2_5_x86_64", "manylinux1_x86_64")
    assert tags[last + 1] == "manylinux_2_43_x86_64"
    assert tags.index("manylinux2014_x86_64") == tags.index("manylinux_2_17_x86_64") + 1
    assert "manylinux2014_ppc64le" in find_platforms("powerpc64le-linux")
    assert find_platforms("x86_64-darwin") == ()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("torch==2.9.1", True),
        ("torch[x] >= 2, <3", True),
        (f"torch==2.9.1 --hash=sha256:{'0' * 64}", True),
        ("torch", True),
        ("discord.py", True),
        ("jax[cuda12]", True),
        ("a @ https://x/y.whl", True),
        ("torch-2.9.1-cp312-cp312-linux_x86_64.whl", False),
        ("./venv", False),
        ("uv.lock", False),
        ("requirements.txt", False),
        ("libx.so", False),
        ("demo-1.0.tar.gz", False),
    ],
)
def test_requirements_are_told_from_paths(text: str, is_one: bool) -> None:
    assert looks_like_requirement(text) is is_one


def test_choice_that_leads_elsewhere_is_not_followed(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={})
    index.add(wheel)
    get("demo==1.0", cache)
    choice = find_choice(cache)
    true = json.loads(choice.read_text())
    (tmp_path / "evil.whl").write_text("")
    digest = hashlib.sha256(b"").hexdigest()
    for inside in (
        "../evil.whl",
        "../../evil.whl",
        "1.0/../../../evil.whl",
        "/etc/passwd",
        "none.whl",
        "..",
        "",
    ):
        choice.write_text(json.dumps({**true, "file": inside, "sha256": digest, "identity": [0] * 5}))
        assert get("demo==1.0", cache).parent == cache / "demo" / "1.0"
    changed: list[dict[str, object]] = [
        {"file": 7},
        {"file": "\ud800"},
        {"identity": []},
        {"identity": "x"},
        {"yanked": float("nan")},
    ]
    for text in ("[" * 100_000, "null", "{}", "", *(json.dumps({**true, **fields}) for fields in changed)):
        choice.write_text(text)
        assert get("demo==1.0", cache).parent == cache / "demo" / "1.0"
    (tmp_path / "note").write_text(json.dumps(true))
    choice.unlink()
    choice.symlink_to(tmp_path / "note")
    index.asked.clear()
    assert get("demo==1.0", cache).parent == cache / "demo" / "1.0"
    assert index.asked == ["/simple/demo/"]


def test_cache_that_cannot_be_written(index: Index, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        get("demo==1.0", tmp_path / "file" / "cache")
    assert index.asked == []


CODE = """
import sys
from pathlib import Path
from wheelfix.outside.wheels import fetch_wheel
print(fetch_wheel("demo==1.0", Path(sys.argv[1])).path)
"""


def start(cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE, cache],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interrupt_leaves_nothing_that_looks_whole(index: Index, tmp_path: Path, cache: Path) -> None:
    index.add(build_wheel(tmp_path, files={}), fault="hang")
    with start(cache) as process:
        deadline = time.monotonic() + 30
        while not index.downloads() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert contents(cache) == []


def test_of_several_processes_one_downloads(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={"x": os.urandom(3_000_000)})
    index.add(wheel)
    processes = [start(cache) for _ in range(6)]
    ends = [process.communicate(timeout=60) for process in processes]
    place = cache / "demo" / "1.0" / wheel.name
    assert ends == [(f"{place}\n", "")] * 6
    assert place.read_bytes() == wheel.read_bytes()
    assert index.downloads() == 1
    assert contents(cache) == [f"demo/{find_choice(cache).name}", f"demo/1.0/{wheel.name}"]


def test_a_directory_serves_as_an_index_does(
    index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    wheel = build_wheel(links, files={})
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert get("demo", cache).read_bytes() == wheel.read_bytes()
    assert index.asked == []
    error = fail("other", cache.with_name("other"))
    assert error.problem.endswith(f"{links} has nothing named other")
    with pytest.raises(InputError, match="has another sha256 than 0000"):
        get(f"demo==1.0 --hash=sha256:{'0' * 64}", cache)


def test_a_page_of_the_web_does_not_lead_into_this_machine(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={})
    index.page = f'<a href="file://{wheel}">{wheel.name}</a>'.encode()
    assert "nothing named demo" in fail("demo", cache).problem


def test_addresses_are_fetched(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={"x": b"1"})
    digest = index.add(wheel)
    address = f"{index.url.removesuffix('/simple')}/files/{wheel.name}"
    assert fetch_url(f"{address}#sha256={digest}", cache).read_bytes() == wheel.read_bytes()
    assert fetch_url(f"{address}#sha256={digest}", cache).name == wheel.name
    assert index.downloads() == 1
    fetch_url(address, cache)
    assert index.downloads() == 2
    with pytest.raises(DownloadError) as caught:
        fetch_url(f"{address}#sha256={'0' * 64}", cache.with_name("other"))
    assert caught.value.trouble is Trouble.HASH


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("git+https://user:secret@127.0.0.1:1/x.git", "is a repository"),
        ("http://user:secret@127.0.0.1:1/page", "is no address of a wheel"),
        ("http://user:secret@127.0.0.1:1/..%2fx-1.0-py3-none-any.whl", "cannot be fetched|is no address"),
        ("http://[::1/x-1.0-py3-none-any.whl", "is no address"),
        ("http://user:secret@127.0.0.1:1/x-1.0-py3-none-any.whl", "cannot be fetched"),
        ("http://127.0.0.1:1/x-1.0-py3-none-any.%00.whl", "is no address of a wheel"),
        ("http://127.0.0.1:1/x-1.0-py3-none-any.whl#sha256=00", "has a sha256 that is none"),
        (
            f"http://127.0.0.1:1/x-1.0-{'.'.join('a' * 250)}-{'.'.join('b' * 250)}-any.whl",
            "is no address of a wheel",
        ),
    ],
)
def test_addresses_of_something_else(cache: Path, address: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        fetch_url(address, cache, sources=PackageSources())
    assert "secret" not in f"{caught.value}{caught.value.hint}"
    assert contents(cache) == []


def test_a_password_stays_with_its_host(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={})
    with serve_index("127.0.0.2") as other:
        other.add(wheel)
        index.add(wheel, fault="elsewhere")
        index.login, index.elsewhere = "me:secret", other.url.removesuffix("/simple")
        sources = PackageSources(index=index.url.replace("://", "://me:secret@"))
        assert fetch_wheel("demo==1.0", cache, sources=sources).path.is_file()
        assert all("authorization" in sent for sent in index.sent)
        assert [sent.get("authorization") for sent in other.sent] == [None]


@pytest.mark.network
def test_real_index(cache: Path) -> None:
    digest = "77f0643abe7495da77fb436f50f8dab76dbc6e5fd25d39589a0f1fe6548bfa2b"
    path = get(f"MarkupSafe==3.0.3 --hash=sha256:{digest}", cache, musl=True)
    assert path.name == "markupsafe-3.0.3-cp312-cp312-musllinux_1_2_x86_64.whl"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_digests_of_addresses_are_checked_however_they_are_written(
    index: Index, tmp_path: Path, cache: Path
) -> None:
    wheel = build_wheel(tmp_path, files={"x": b"1"})
    digest = index.add(wheel)
    address = f"{index.url.removesuffix('/simple')}/files/{wheel.name}"
    assert fetch_url(f"{address}#sha256={digest.upper()}", cache).is_file()
    assert fetch_url(f"{address}#sha512={hashlib.sha512(wheel.read_bytes()).hexdigest()}", cache).is_file()
    for fragment in (f"sha256={'A' * 64}", "sha512=00", "egg=x&md5=00", f"sha384={'0' * 96}"):
        with pytest.raises(DownloadError) as caught:
            fetch_url(f"{address}#{fragment}", cache.with_name("other"))
        assert caught.value.trouble is Trouble.HASH
    assert contents(cache.with_name("other")) == []


def test_digests_of_an_index_count_whatever_their_kind(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = build_wheel(tmp_path, files={})
    index.add(wheel)
    for algorithm, digest in (("md5", "0" * 32), ("sha512", "0" * 128), ("sha256", "zz")):
        index.page = f'<a href="/files/{wheel.name}#{algorithm}={digest}">{wheel.name}</a>'.encode()
        assert "not what is wanted" in fail("demo", cache).problem
    right = hashlib.sha512(wheel.read_bytes()).hexdigest()
    index.page = f'<a href="/files/{wheel.name}#sha512={right}">{wheel.name}</a>'.encode()
    assert get("demo", cache).is_file()


def test_what_no_digest_vouches_for_has_to_be_a_whole_archive(
    index: Index, tmp_path: Path, cache: Path
) -> None:
    wheel = build_wheel(tmp_path, files={"x": os.urandom(5000)})
    index.add(wheel)
    index.page = f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode()
    whole = index.files[wheel.name]
    for bad in (b"<html>log in</html>", whole[: len(whole) // 2], b""):
        index.files[wheel.name] = bad
        fail("demo==1.0", cache)
    index.files[wheel.name] = whole
    path = get("demo==1.0", cache)
    assert path.read_bytes() == whole
    path.write_bytes(b"PK something else")  # what was chosen once is taken only as long as it is that
    assert get("demo==1.0", cache).read_bytes() == whole


def test_a_choice_is_one_among_the_sources_that_were_asked(index: Index, tmp_path: Path, cache: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for directory in (ours, theirs):
        directory.mkdir()
    index.add(build_wheel(ours, files={"x": b"1"}))
    with serve_index() as other:
        wheel = build_wheel(theirs, files={"x": b"2"})
        other.add(wheel)
        assert get("demo==1.0", cache).read_bytes() != wheel.read_bytes()
        sources = PackageSources(index=other.url)
        assert get("demo==1.0", cache, sources=sources).read_bytes() == wheel.read_bytes()
        assert get("demo==1.0", cache).read_bytes() != wheel.read_bytes()


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_nothing_of_the_web_leads_to_a_file_of_this_machine(
    index: Index, tmp_path: Path, cache: Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    wheel = build_wheel(secret, files={"secret": b"1"})
    if kind == "pipe":
        wheel.unlink()
        os.mkfifo(wheel)
    index.files[wheel.name], index.hashes[wheel.name], index.python[wheel.name] = b"", "", ""
    index.faults[wheel.name] = "elsewhere"
    index.elsewhere = f"file://localhost{secret}/../secret"
    index.page = f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode()
    assert "leads to none" in fail("demo", cache).problem
    with pytest.raises(InputError, match="leads to none"):
        fetch_url(f"{index.url.removesuffix('/simple')}/files/{wheel.name}", cache)
    index.page = f'<base href="file://{secret}/"><a href="{wheel.name}">{wheel.name}</a>'.encode()
    assert "nothing named demo" in fail("demo", cache).problem
    assert contents(cache) == []
