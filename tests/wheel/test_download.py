"""Downloads from an index on the loopback interface, by the real pip."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import packaging
import pytest

from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.wheel.download import fetch_wheel, find_platforms, looks_like_requirement

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Index:
    """A package index (PEP 503): files by name, faults by name, and what was asked for.

    ``faults``: ``gone`` answers 404, ``cut`` closes the connection half way, ``hang`` never answers.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    python: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def add(self, path: Path, *, fault: str = "", sha256: str = "", python: str = "") -> str:
        data = path.read_bytes()
        self.files[path.name] = data
        self.hashes[path.name] = sha256 or hashlib.sha256(data).hexdigest()
        self.faults[path.name] = fault
        self.python[path.name] = python
        return hashlib.sha256(data).hexdigest()

    def page(self, project: str) -> bytes | None:
        names = [n for n in self.files if n.partition("-")[0].lower().replace("_", "-") == project]
        links = [
            f'<a href="/files/{n}#sha256={self.hashes[n]}" data-requires-python="{self.python[n]}">{n}</a>'
            for n in names
        ]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if names else None

    def downloads(self) -> int:
        return sum(path.startswith("/files/") for path in self.asked)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    index = Index()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            kind, _, name = self.path.strip("/").partition("/")
            fault = index.faults.get(name, "")
            data = index.page(name) if kind == "simple" else index.files.get(name)
            if fault == "hang":
                index.stop.wait(60)
            if data is None or fault in {"gone", "hang"}:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if kind == "simple" else "application/octet-stream")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if fault == "cut" else data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    settings = {"CONFIG_FILE": os.devnull, "INDEX_URL": index.url, "NO_CACHE_DIR": "1", "RETRIES": "0"}
    for name, value in {**settings, "RESUME_RETRIES": "1", "TIMEOUT": "30"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    yield index
    index.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def contents(cache: Path) -> list[str]:
    return (
        sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if not p.is_dir())
        if cache.exists()
        else []
    )


def test_wheel_is_downloaded_once_and_then_found_without_network(
    index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = build_wheel(tmp_path, name="Demo_Pkg", files={"demo/x": b"1"})
    index.add(wheel)
    path = fetch_wheel("demo.pkg==1.0", cache)
    assert path == cache / "demo-pkg" / "1.0" / wheel.name
    assert path.read_bytes() == wheel.read_bytes()
    assert contents(cache) == ["demo-pkg/1.0-py3.12-x86_64-linux", f"demo-pkg/1.0/{wheel.name}"]
    index.asked.clear()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PATH", "")
    assert fetch_wheel("Demo-Pkg == 1.0", cache) == path
    assert index.asked == []


def test_the_wheel_for_the_target_is_chosen(index: Index, tmp_path: Path, cache: Path) -> None:
    tags = {
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux2014_x86_64",
        "cp311-cp311-manylinux_2_5_x86_64",
        "cp38-abi3-manylinux_2_17_aarch64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-manylinux_2_40_x86_64",
        "cp312-cp312-win_amd64",
        "py3-none-manylinux_2_39_riscv64",
    }
    for tag in tags:
        index.add(build_wheel(tmp_path, tag=tag, files={}))

    def choose(**target: object) -> str:
        path = fetch_wheel("demo==1.0", cache, **target)  # type: ignore[arg-type]
        return path.name.removeprefix("demo-1.0-").removesuffix(".whl")

    assert choose() == "cp312-cp312-manylinux_2_28_x86_64"
    assert choose(python="3.11") == "cp311-cp311-manylinux_2_5_x86_64"
    assert choose(python="3.13", system="aarch64-linux") == "cp38-abi3-manylinux_2_17_aarch64"
    assert choose(musl=True) == "cp312-cp312-musllinux_1_2_x86_64"
    assert choose(system="riscv64-linux") == "py3-none-manylinux_2_39_riscv64"
    asked = len(index.asked)
    assert choose(python="3.11") == "cp311-cp311-manylinux_2_5_x86_64"
    assert len(index.asked) == asked


def test_open_requirement_asks_the_index_every_time(index: Index, tmp_path: Path, cache: Path) -> None:
    for version in ("1.0", "1.5", "2.0"):
        index.add(build_wheel(tmp_path, version=version, files={}))
    for _ in range(2):
        assert fetch_wheel("demo>=1,<2", cache).parent.name == "1.5"
    assert index.asked.count("/simple/demo/") == 2


def test_given_hash_is_checked_in_the_download_and_in_the_cache(
    index: Index, tmp_path: Path, cache: Path
) -> None:
    digest = index.add(build_wheel(tmp_path, files={"x": b"1"}))
    requirement = f"demo==1.0 --hash=sha256:{digest}"
    path = fetch_wheel(requirement, cache)
    assert fetch_wheel(requirement, cache) == path
    assert index.downloads() == 1
    path.write_bytes(path.read_bytes() + b"changed")
    fetch_wheel(requirement, cache)
    assert index.downloads() == 2
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_choice_under_a_hash_is_no_choice_without_one(index: Index, tmp_path: Path, cache: Path) -> None:
    old, new = (
        build_wheel(tmp_path, tag=f"cp312-cp312-manylinux_2_{n}_x86_64", files={"x": b"%d" % n})
        for n in (17, 28)
    )
    digest = index.add(old)
    index.add(new)
    for _ in range(2):
        assert fetch_wheel(f"demo==1.0 --hash=sha256:{digest}", cache).name == old.name
        assert fetch_wheel("demo==1.0", cache).name == new.name
    assert index.downloads() == 2


def test_wrong_given_hash_is_an_error_though_the_wheel_is_cached(
    index: Index, tmp_path: Path, cache: Path
) -> None:
    digest = index.add(build_wheel(tmp_path, files={"x": b"1"}))
    fetch_wheel("demo==1.0", cache)
    before = contents(cache)
    with pytest.raises(InputError, match=f"has sha256 {digest}, not {'0' * 64}") as caught:
        fetch_wheel(f"demo==1.0 --hash=sha256:{'0' * 64}", cache)
    assert caught.value.subject == "demo==1.0"
    assert contents(cache) == before


def fail(requirement: str, cache: Path, **target: str) -> InputError:
    """The error of a failing download, which leaves nothing in the cache."""
    with pytest.raises(InputError) as caught:
        fetch_wheel(requirement, cache, **target)  # type: ignore[arg-type]
    assert contents(cache) == []
    assert list(cache.glob(".*")) == []
    assert "\n" not in f"{caught.value.problem}{caught.value.hint}"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("fault", "sha256", "problem"),
    [
        ("", "0" * 64, rf"the downloaded file has sha256 \w{{64}}, not {'0' * 64}"),
        ("gone", "", "answers HTTP 404"),
        # pip before 25 takes a cut body for the whole file, and sees it by the hash
        ("cut", "", r"the download was cut short|the downloaded file has sha256"),
    ],
)
def test_faults_of_the_index_leave_nothing_behind(
    index: Index, tmp_path: Path, cache: Path, fault: str, sha256: str, problem: str
) -> None:
    index.add(build_wheel(tmp_path, files={"x": os.urandom(50_000)}), fault=fault, sha256=sha256)
    assert re.search(problem, fail("demo==1.0", cache).problem)


def test_no_such_distribution(index: Index, cache: Path) -> None:
    error = fail("nothing-like-it==1.0", cache)
    assert str(error) == "nothing-like-it==1.0: the package index has nothing named nothing-like-it"


def test_no_such_version_names_those_there_are(index: Index, tmp_path: Path, cache: Path) -> None:
    for version in ("1.0", "1.1"):
        index.add(build_wheel(tmp_path, version=version, files={}))
    assert "newest: 1.0, 1.1" in str(fail("demo==9", cache))


def test_no_wheel_for_the_platform_names_those_there_are(index: Index, tmp_path: Path, cache: Path) -> None:
    for tag in ("cp312-cp312-win_amd64", "cp311-cp311-manylinux_2_28_x86_64"):
        index.add(build_wheel(tmp_path, tag=tag, files={}))
    problem = fail("demo==1.0", cache).problem
    assert problem.endswith("there is cp311-cp311-manylinux_2_28_x86_64, cp312-cp312-win_amd64")


def test_wheel_for_another_python_only(index: Index, tmp_path: Path, cache: Path) -> None:
    index.add(build_wheel(tmp_path, tag="py3-none-any", files={}), python="&gt;=3.13, &lt;4")
    # the order of the clauses is that of the index in old versions of pip, sorted in new ones
    assert fail("demo==1.0", cache).problem in {"is for Python <4,>=3.13", "is for Python >=3.13, <4"}


def test_source_distribution_only(index: Index, tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "demo-1.0.tar.gz"
    source.write_bytes(b"")
    index.add(source)
    assert "only a source distribution" in fail("demo==1.0", cache).problem


def test_index_that_does_not_answer(index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:1/simple")
    error = fail("demo==1.0", cache)
    assert "does not answer" in error.problem
    assert "refused" in error.problem
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "requirement",
    [
        "demo",
        "",
        "-r evil.txt",
        "--index-url=http://x demo==1",
        "demo @ http://127.0.0.1/demo-1.0-py3-none-any.whl",
        "./demo==1.0",
        "demo==1.0 --hash=sha256:abc",
        "demo==1.0 -e .",
        "demo==1.0\n--index-url http://x",
        f"demo>=1 --hash=sha256:{'0' * 64}",
    ],
)
def test_what_is_no_pinned_requirement_never_reaches_pip(index: Index, cache: Path, requirement: str) -> None:
    fail(requirement, cache)
    assert index.asked == []


@pytest.mark.parametrize("target", [{"python": "3.12; x"}, {"python": "--x"}, {"system": "x86_64-darwin"}])
def test_impossible_targets(index: Index, cache: Path, target: dict[str, str]) -> None:
    assert "cannot be downloaded for" in fail("demo==1.0", cache, **target).problem
    assert index.asked == []


def test_platforms() -> None:
    tags = find_platforms("x86_64-linux")
    assert tags[0] == "manylinux_2_39_x86_64"
    assert tags[-3:] == ("manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64")
    assert tags.index("manylinux2014_x86_64") == tags.index("manylinux_2_17_x86_64") + 1
    assert find_platforms("powerpc64le-linux")[-2:] == ("manylinux2014_ppc64le", "linux_ppc64le")
    assert find_platforms("x86_64-darwin") == ()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("torch==2.9.1", True),
        ("torch[x] >= 2, <3", True),
        (f"torch==2.9.1 --hash=sha256:{'0' * 64}", True),
        ("torch", False),
        ("torch-2.9.1-cp312-cp312-linux_x86_64.whl", False),
        ("./venv", False),
        ("uv.lock", False),
        ("a @ https://x/y.whl", False),
    ],
)
def test_requirements_are_told_from_paths(text: str, is_one: bool) -> None:
    assert looks_like_requirement(text) is is_one


@pytest.mark.parametrize("name", ["UV_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_index_of_uv_is_used_where_pip_has_none(
    index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    index.add(build_wheel(tmp_path, files={}))
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv(name, f"internal={index.url}" if name == "UV_DEFAULT_INDEX" else index.url)
    assert fetch_wheel("demo==1.0", cache).is_file()


def test_index_of_pip_comes_before_that_of_uv(
    index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(build_wheel(tmp_path, files={}))
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:1/simple")
    assert fetch_wheel("demo==1.0", cache / "by-variable").is_file()
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nindex-url = {index.url}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert fetch_wheel("demo==1.0", cache / "by-file").is_file()


def test_choice_that_leads_elsewhere_is_not_followed(index: Index, tmp_path: Path, cache: Path) -> None:
    index.add(build_wheel(tmp_path, files={}))
    choice = cache / "demo" / "1.0-py3.12-x86_64-linux"
    choice.parent.mkdir(parents=True)
    (tmp_path / "evil.whl").write_text("")
    for target in ("../../evil.whl", str(tmp_path / "evil.whl"), "../evil.whl", "1.0/none.whl", "."):
        choice.unlink(missing_ok=True)
        choice.symlink_to(target)
        assert fetch_wheel("demo==1.0", cache).parent == cache / "demo" / "1.0"


def test_file_pip_py_in_the_working_directory_is_not_run(
    index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(build_wheel(tmp_path, files={}))
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert fetch_wheel("demo==1.0", cache).is_file()
    assert not (tmp_path / "ran").exists()


def test_cache_that_cannot_be_written(index: Index, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        fetch_wheel("demo==1.0", tmp_path / "file" / "cache")
    assert index.asked == []


def test_what_killed_processes_left_is_swept(index: Index, tmp_path: Path, cache: Path) -> None:
    index.add(build_wheel(tmp_path, files={}))
    old, young = cache / ".download-old", cache / ".download-young"
    for path in (old, young):
        (path / "wheel").mkdir(parents=True)
    os.utime(old, (1000, 1000))
    fetch_wheel("demo==1.0", cache)
    assert (old.exists(), young.exists()) == (False, True)


def start(cache: Path, python: Path | str, **environment: str) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from wheelfix.wheel.download import fetch_wheel\n"
        "from wheelfix.errors import InputError\n"
        "try: print(fetch_wheel('demo==1.0', Path(sys.argv[1])))\n"
        "except InputError as error: sys.exit(f'{error}; {error.hint}')\n"
    )
    path = os.pathsep.join([str(REPOSITORY), environment.pop("PYTHONPATH", "")])
    return subprocess.Popen(
        [python, "-c", code, cache],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupt_leaves_nothing_behind(index: Index, tmp_path: Path, cache: Path) -> None:
    index.add(build_wheel(tmp_path, files={}), fault="hang")
    with start(cache, sys.executable) as process:
        deadline = time.monotonic() + 30
        while not index.downloads() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [p.name.partition("-")[0] for p in cache.iterdir()] == [".download"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert list(cache.iterdir()) == []


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An interpreter without pip, and a directory with what wheelfix.wheel.download imports."""
    work = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", work / "env"], check=True)
    (work / "lib").mkdir()
    (work / "lib" / "packaging").symlink_to(Path(packaging.__file__).parent)
    return work / "env/bin/python", work / "lib"


def test_without_pip(index: Index, cache: Path, tmp_path: Path, bare_python: tuple[Path, Path]) -> None:
    python, library = bare_python
    with start(cache, python, PYTHONPATH=str(library), PATH=str(tmp_path)) as process:
        output, errors = process.communicate(timeout=60)
    assert (output, errors) == (
        "",
        "demo==1.0: cannot be downloaded: there is no pip; install pip, or give a wheel file\n",
    )
    assert contents(cache) == []


def test_pip_on_the_path_serves_as_well(
    index: Index, cache: Path, tmp_path: Path, bare_python: tuple[Path, Path]
) -> None:
    index.add(build_wheel(tmp_path, files={}))
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pip").write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec {sys.executable} -m pip "$@"\n')
    (tools / "pip").chmod(0o755)
    python, library = bare_python
    with start(cache, python, PYTHONPATH=str(library), PATH=str(tools)) as process:
        output, errors = process.communicate(timeout=60)
    assert (Path(output.strip()).parent, errors) == (cache / "demo" / "1.0", "")


@pytest.mark.network
def test_real_index(cache: Path) -> None:
    digest = "77f0643abe7495da77fb436f50f8dab76dbc6e5fd25d39589a0f1fe6548bfa2b"
    path = fetch_wheel(f"MarkupSafe==3.0.3 --hash=sha256:{digest}", cache, musl=True)
    assert path.name == "markupsafe-3.0.3-cp312-cp312-musllinux_1_2_x86_64.whl"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
