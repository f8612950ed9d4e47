"""``--json``: what every command prints is a document as its schema says, and does what it does without."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.test_docs import list_commands, name_schema
from tests.cli.test_scan import run
from tests.support.documents import check_document
from tests.support.elf import build_elf
from tests.support.envs import add_wheel, run_env
from tests.support.lockserver import Server, serve
from tests.support.nixindex import package, write_database
from tests.support.sdist import CARGO, REGISTRY, build_sdist
from tests.support.trial import add_distribution, make_environment
from tests.support.wheel import build_wheel
from wheelfix.report import documents

CASES = {
    "wheelfix.scan/2": ["scan", "{wheel}"],
    "wheelfix.trace/1": ["scan", "--explain", "libz.so.1", "{wheel}"],
    "wheelfix.locate/1": ["locate", "libz.so.1", "libpython3.12.so.1.0", "libffi.so.7", "libGL.so.1"],
    "wheelfix.file/1": ["locate", "--any-file", "--index", "files", "/bin/tool"],
    "wheelfix.explain/1": ["explain", "message"],
    "wheelfix.check/1": ["override", "--check", "old.nix", "{wheel}"],
    "wheelfix.override/1": ["override", "{wheel}"],
    "wheelfix.adapter/1": ["adapter", "{wheel}", "--from", "python312Packages.demo"],
    "wheelfix.sdist/1": ["sdist", "{sdist}"],
    "wheelfix.lock/1": ["lock", "requirements.txt", "--find-links", "wheels"],
    "wheelfix.patch/1": ["patch", "{wheel}", "--dry-run"],
    "wheelfix.verify/1": ["verify", "old.so", "new.so"],
    "wheelfix.flake/1": ["flake", "--cuda", "--cuda-capability", "8.9", "--unfree"],
    "wheelfix.index/1": ["index", "info"],
    "wheelfix.try/1": ["try", "env"],
}
"""One command for each document that needs no package index."""

CODE = [
    "wheelfix.override/1",
    "wheelfix.adapter/1",
    "wheelfix.sdist/1",
    "wheelfix.lock/1",
    "wheelfix.flake/1",
]
"""Documents of Nix code, which can be written to a file."""

LOCK = f"""
version = 4
[[package]]
name = "demo"
version = "1.0.0"
dependencies = ["openssl-sys", "far"]
[[package]]
name = "openssl-sys"
version = "0.9.5"
source = "{REGISTRY}"
[[package]]
name = "far"
version = "0.1.0"
source = "git+https://example.org/far?branch=main#{"a" * 40}"
"""


class Desk:
    """A directory with something for every command."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "wheels").mkdir()
        needed = ["libz.so.1", "libodbc.so.2", "libcuda.so.1", "libcublas.so.12"]
        library = build_elf(directory, "x.so", needed=needed, runpath=["$ORIGIN/../nvidia/cublas/lib"])
        requires = ['nvidia-cublas-cu12; platform_system == "Linux"', "numpy"]
        source = (
            b"import ctypes, subprocess\nctypes.CDLL('libmagic.so.1')\nsubprocess.run(['ldconfig', '-p'])\n"
        )
        files = {"demo/x.so": library, "demo/__init__.py": source}
        self.wheel = build_wheel(directory / "wheels", files=files, requires=requires)
        manifest = (
            CARGO["Cargo.toml"] + 'rust-version = "1.70"\n[dependencies]\nopenssl-sys = "1"\nfar = "1"\n'
        )
        toolchain = '[toolchain]\nchannel = "nightly-2025-01-01"\n'
        tree = {**CARGO, "Cargo.toml": manifest, "Cargo.lock": LOCK, "rust-toolchain.toml": toolchain}
        self.sdist = build_sdist(directory, tree)
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        (directory / "requirements.txt").write_text(f"demo==1.0 --hash=sha256:{digest}\n")
        (directory / "message").write_text("ImportError: libz.so.1: cannot open shared object file\n")
        (directory / "old.nix").write_text(
            "final: prev: { demo = prev.demo.overrideAttrs (old: { buildInputs = [ prev.pkgs.zlb ]; }); }"
        )
        (directory / "old.so").write_bytes(library)
        (directory / "new.so").write_bytes(build_elf(directory, "y.so", needed=["libz.so.1"]))
        environment = make_environment(directory / "env")
        add_distribution(environment, directory / "try", "tried", {"tried.py": "1 / 0\n"})
        write_database(directory / "files", {package("tools"): {"/bin/tool": 4}})

    @cache  # noqa: B019 - there are few, and the command tells the same every time
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        filled = [one.format(wheel=self.wheel, sdist=self.sdist) for one in arguments]
        command = [sys.executable, "-c", "from wheelfix.cli import main; main()", *filled]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def tell(self, *arguments: str) -> Any:
        return check_document(self.run(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.mark.parametrize("schema", CASES)
def test_documents_are_as_their_schemas_say(desk: Desk, schema: str) -> None:
    plain, told = desk.run(*CASES[schema]), desk.run(*CASES[schema], "--json")
    assert told.returncode == plain.returncode
    assert told.stderr == plain.stderr
    document = check_document(told.stdout)
    several = document if isinstance(document, list) else [document]
    assert {one["schema"] for one in several} == {schema}


def test_every_document_and_every_command_that_prints_one_is_tried_here() -> None:
    tried = {*CASES, "wheelfix.env/1"}
    assert tried == {kind.__struct_config__.tag for kind in documents.DOCUMENTS}
    assert tried == {
        name_schema(path) for path in (Path(documents.__file__).parent / "schema").glob("*.json")
    }
    printing = {n for n, c in list_commands().items() if any(p.name == "as_json" for p in c.params)}
    assert printing == {"env", "index info"} | {words[0] for words in CASES.values()} - {"index"}


def test_every_command_that_writes_a_product_has_json() -> None:
    silent = {n for n, c in list_commands().items() if not any(p.name == "as_json" for p in c.params)}
    assert silent == {"report", "completion", "index build", "index update"}


@pytest.mark.parametrize("schema", CODE)
def test_code_is_in_the_file_and_the_document_on_stdout(desk: Desk, schema: str, tmp_path: Path) -> None:
    out = tmp_path / "out.nix"
    code = desk.run(*CASES[schema]).stdout
    told = desk.run(*CASES[schema], "--json", "-o", str(out))
    assert out.read_text() == code
    document = check_document(told.stdout)
    assert told.stdout == desk.run(*CASES[schema], "--json").stdout
    if schema != "wheelfix.lock/1":
        assert document["code"] == code
        assert document["answered"] is (told.returncode == 0)


def test_a_file_that_cannot_be_written_is_exit_code_5(desk: Desk) -> None:
    told = desk.run(*CASES["wheelfix.flake/1"], "--json", "-o", "absent/out.nix")
    assert told.returncode == 5
    assert "cannot be written" in told.stderr


def test_override_has_the_reasons_and_the_providers(desk: Desk) -> None:
    document = desk.tell("override", "{wheel}")
    assert (document["dialect"], document["cuda"], document["adapters"]) == ("uv2nix", "wheels", [])
    (one,) = document["packages"]
    assert (one["name"], one["version"], one["target"]) == ("demo", "1.0", desk.wheel.name)
    assert [(i["attr"], i["baseline"]) for i in one["inputs"]] == [("unixodbc", False), ("zlib", True)]
    assert "libodbc.so.2" in one["inputs"][0]["reason"]
    assert {i["soname"] for i in one["ignored"]} == {"libcuda.so.1"}
    assert one["driver"] == ["libcuda.so.1"]
    (search,) = one["searches"]
    assert (search["distribution"], search["directory"]) == ("nvidia-cublas-cu12", "nvidia/cublas/lib")
    assert one["dependencies"] is None
    needs = {need["soname"]: need for need in one["needs"]}
    assert needs["libodbc.so.2"]["providers"][0]["attr"] == "unixodbc"
    assert needs["libcublas.so.12"]["cause"]["kind"] == "brought"
    assert [opening["names"] for opening in one["openings"]] == [["libmagic.so.1"], ["ldconfig"]]
    assert any("ldconfig" in finding["message"] for finding in document["findings"])


def test_override_tells_what_is_taken_away(desk: Desk) -> None:
    document = desk.tell("override", "{wheel}", "--cuda", "nixpkgs")
    (one,) = document["packages"]
    assert [gone["name"] for gone in one["dependencies"]["stripped"]] == ["nvidia-cublas-cu12"]
    assert one["dependencies"]["stripped"][0]["reason"] in document["code"]


def test_override_tells_what_nixpkgs_replaces(desk: Desk) -> None:
    library = build_elf(desk.directory, "z.so", needed=["libcublas.so.12"])
    requires = ["nvidia-cublas-cu12", "numpy"]
    wheel = build_wheel(desk.directory, name="torch", files={"torch/z.so": library}, requires=requires)
    replaced = desk.tell("override", str(wheel), "--cuda", "prebuilt")
    assert replaced["packages"] == []
    (adapter,) = replaced["adapters"]
    assert (adapter["name"], adapter["attr"]) == ("torch", "python312Packages.torch")
    assert [gone["name"] for gone in adapter["dependencies"]["stripped"]] == ["nvidia-cublas-cu12"]
    # nixpkgs has no build of this one.
    kept = desk.tell("override", "{wheel}", "--cuda", "prebuilt")
    assert kept["adapters"] == []
    assert [one["name"] for one in kept["packages"]] == ["demo"]
    assert any("not known to have a build of it" in finding["message"] for finding in kept["findings"])


def test_override_of_what_belongs_to_no_package_and_of_several(desk: Desk) -> None:
    (elf,) = desk.tell("override", "--dialect", "shell", "old.so")["packages"]
    assert elf["name"] == ""
    several = desk.tell("override", "--dialect", "shell", "{wheel}", "old.so", "new.so")["packages"]
    wanted = [{need["soname"] for need in one["needs"]} - {"libc.so.6"} for one in several]
    assert [len(one) for one in wanted] == [4, 4, 1]


def test_an_open_question_is_not_answered(tmp_path: Path) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libnobodyhasit.so.7"])
    result = run("override", "--json", build_wheel(tmp_path, files={"demo/x.so": library}))
    assert result.returncode == 1
    document = check_document(result.stdout)
    assert document["answered"] is False
    assert document["packages"][0]["ignored"][0]["soname"] == "libnobodyhasit.so.7"


def test_adapter_tells_what_is_taken_away(desk: Desk) -> None:
    document = desk.tell(*CASES["wheelfix.adapter/1"])
    assert (document["name"], document["attr"]) == ("demo", "python312Packages.demo")
    assert document["python"] == "python312"
    (gone,) = document["dependencies"]["stripped"]
    assert gone["name"] == "nvidia-cublas-cu12"
    assert gone["reason"].startswith("demo/x.so links libcublas.so.12")
    assert document["dependencies"]["evidence"] == "wheelfix's own table"


def test_sdist_tells_what_shows_each_input(desk: Desk) -> None:
    document = desk.tell("sdist", "{sdist}")
    assert (document["target"], document["name"], document["version"]) == (desk.sdist.name, "demo", "1.0")
    (maturin,) = document["build_systems"]
    assert (maturin["name"], maturin["evidence"][0]["kind"]) == ("maturin", "build-system")
    (openssl,) = document["inputs"]
    assert (openssl["attr"], openssl["optional"]) == ("openssl", False)
    (evidence,) = openssl["evidence"]
    assert evidence == {
        "kind": "crate",
        "file": None,
        "line": None,
        "text": "openssl-sys 0.9.5 (of demo) links OpenSSL",
    }
    assert document["environment"]["RUSTC_BOOTSTRAP"] == "1"
    cargo = document["cargo"]
    assert (cargo["root"], cargo["locked"], cargo["lock_file"]) == (".", True, None)
    assert cargo["channel"] == "nightly-2025-01-01"
    assert cargo["rust_version"] == {"version": "1.70", "evidence": "rust-version of demo"}
    (far,) = cargo["git"]
    assert (far["url"], far["crates"], far["sha256"]) == ("https://example.org/far", ["far-0.1.0"], None)
    assert any("fill in the hash" in finding["message"] for finding in document["findings"])
    package = desk.tell("sdist", "{sdist}", "--dialect", "nixpkgs")
    assert (package["dialect"], package["inputs"]) == ("nixpkgs", document["inputs"])
    assert package["code"] != document["code"]


def test_env_has_every_file_and_tells_which_changed(tmp_path: Path, server: Server) -> None:
    add_wheel(server, tmp_path, "tbbuser", needed=("libtbb.so.12",))
    (tmp_path / "requirements.txt").write_text("tbbuser\n")
    asked = ["lab", "-r", "requirements.txt", "--nixpkgs", "github:me/nixpkgs", "--json"]
    first = run_env(tmp_path, server, *asked)
    assert first.returncode == 0, first.stderr
    document = check_document(first.stdout)
    assert (document["schema"], document["directory"]) == ("wheelfix.env/1", "lab")
    assert (document["nixpkgs"], document["answered"]) == ("github:me/nixpkgs", True)
    assert {one["name"]: one["code"] for one in document["files"]} == {
        path.name: path.read_text() for path in (tmp_path / "lab").iterdir()
    }
    assert all(one["changed"] for one in document["files"])
    (chosen,) = document["packages"]
    assert (chosen["name"], chosen["build_inputs"]) == ("tbbuser", ["onetbb"])
    (tmp_path / "lab" / "shell.nix").unlink()
    again = check_document(run_env(tmp_path, server, *asked).stdout)
    assert [one["name"] for one in again["files"] if one["changed"]] == ["shell.nix"]
    assert "overrides-local.nix" not in {one["name"] for one in again["files"]}


def test_verify_tells_what_broke(desk: Desk) -> None:
    document = desk.tell("verify", "old.so", "new.so")
    assert (document["old"], document["new"]) == ("old.so", "new.so")
    plain = desk.run("verify", "old.so", "new.so").stdout.splitlines()
    assert [f"{one['check']}: {one['message']}" for one in document["problems"]] == plain
    same = desk.run("verify", "old.so", "old.so", "--json")
    assert (same.returncode, check_document(same.stdout)["problems"]) == (0, [])


def test_flake_has_its_configuration(desk: Desk) -> None:
    document = desk.tell(*CASES["wheelfix.flake/1"])
    assert (document["cuda"], document["capabilities"], document["unfree"]) == (True, ["8.9"], True)
    assert document["systems"] == ["x86_64-linux"]
    assert (document["findings"], document["answered"]) == ([], True)


def test_what_stood_in_bare_lists_is_where_it_was(desk: Desk) -> None:
    sources = desk.tell("index", "info")
    assert [source["name"] for source in sources if source["used"]] == ["bundled"]
    (hit,) = desk.tell(*CASES["wheelfix.file/1"])
    assert (hit["attr"], hit["path"], hit["kind"], hit["size"]) == ("tools", "/bin/tool", "x", 4)
    none = desk.run("locate", "--any-file", "--index", "files", "/bin/none", "--json")
    assert (none.returncode, json.loads(none.stdout)) == (1, [])


def test_names_that_are_no_utf_8_are_escaped(desk: Desk) -> None:
    """Python has half a surrogate pair for each byte of them; JSON spells it, and it comes back."""
    name = "caf\udce9.nix"
    (desk.directory / name).write_bytes((desk.directory / "old.nix").read_bytes())
    checked = desk.run("override", "--check", name, "{wheel}", "--json")
    assert '"file": "caf\\udce9.nix"' in checked.stdout
    assert check_document(checked.stdout)["file"] == name
    (desk.directory / "caf\udce9.so").write_bytes((desk.directory / "old.so").read_bytes())
    assert desk.tell("verify", "old.so", "caf\udce9.so")["new"] == "caf\udce9.so"


@pytest.mark.parametrize("arguments", [["locate", "libz.so.1"], ["--help"], ["locate", "--help"]])
def test_who_asks_for_no_json_does_not_wait_for_its_types(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "wheelfix", *arguments]
    quick = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "wheelfix.cli" in quick.stderr
    assert "wheelfix.report.documents" not in quick.stderr
    assert "wheelfix.report.json" not in quick.stderr


def test_json_is_an_option_of_one_meaning() -> None:
    for name, command in list_commands().items():
        for option in command.params:
            if isinstance(option, click.Option) and option.name == "as_json":
                assert (option.opts, option.is_flag) == (["--json"], True), name
                assert "JSON" in (option.help or "")
