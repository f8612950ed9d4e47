"""The first lines of a scan: what is to be pasted comes first, and evaluates in the file that is named."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.elf import build_elf
from tests.support.screens import CONTEXTS, check_screen, read_screen
from tests.support.wheel import build_wheel
from wheelfix.cli import cli
from wheelfix.report.model import Advice, Remedy
from wheelfix.report.terminal import print_scans

NOBODYS = "libnobody-has-this.so.9"
CUDA = ["libcublas.so.12"]
MANY = [
    "libodbc.so.2",
    "libtbb.so.12",
    "libxcb.so.1",
    "libasound.so.2",
    "libcups.so.2",
    "libpulse.so.0",
    "libnl-3.so.200",
    "libudev.so.1",
    "libXfixes.so.3",
    "libXcursor.so.1",
    "libXft.so.2",
    "libfontconfig.so.1",
    "libusb-1.0.so.0",
]


def wheel(
    top: Path,
    *needed: str,
    name: str = "demo",
    source: str = "",
    requires: Sequence[str] = (),
    runpath: Sequence[str] = (),
    tag: str = "cp312-cp312-manylinux_2_28_x86_64",
    executable: bool = False,
) -> str:
    files = {f"{name}/__init__.py": source.encode()}
    if needed:
        file = f"{name}/tool" if executable else f"{name}/x.so"
        files[file] = build_elf(
            top.parent / "elf" / name, "x.so", needed=needed, runpath=runpath, executable=executable
        )
    return build_wheel(top, name=name, files=files, requires=requires, tag=tag).name


def venv(top: Path, *wheels: str, name: str = ".venv") -> str:
    site = top / name / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (top / name / "pyvenv.cfg").write_text("version = 3.12.1\n")
    for one in wheels:
        with zipfile.ZipFile(top / one) as archive:
            archive.extractall(site)
        (top / one).unlink()
    return name


def elf(top: Path, *needed: str) -> str:
    (top / "own.so").write_bytes(build_elf(top.parent / "elf", "own.so", needed=needed))
    return "own.so"


def tree(top: Path) -> str:
    (top / "tree").mkdir()
    (top / "tree" / "own.so").write_bytes(build_elf(top.parent / "elf", "own.so", needed=["libtbb.so.12"]))
    return "tree"


def lock(top: Path, kind: str, *needed: str) -> str:
    name = wheel(top, *needed)
    digest = hashlib.sha256((top / name).read_bytes()).hexdigest()
    uv = 'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "app"\nversion = "0"\n'
    uv += 'source = { virtual = "." }\ndependencies = [{ name = "demo" }]\n[[package]]\nname = "demo"\n'
    uv += 'version = "1.0"\nsource = { registry = "." }\n'
    uv += f'wheels = [{{ path = "{name}", hash = "sha256:{digest}" }}]\n'
    poetry = '[[package]]\nname = "demo"\nversion = "1.0"\noptional = false\npython-versions = "*"\n'
    poetry += f'groups = ["main"]\nfiles = [{{ file = "{name}", hash = "sha256:{digest}" }}]\n'
    poetry += '[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = ""\n'
    pylock = 'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
    pylock += f'wheels = [{{ name = "{name}", path = "{name}", hashes = {{ sha256 = "{digest}" }} }}]\n'
    texts = {"uv.lock": uv, "poetry.lock": poetry, "pylock.toml": pylock}
    (top / kind).write_text(texts[kind])
    return kind


def shelf(top: Path) -> str:
    wheel(top, "libtbb.so.12", name="one")
    wheel(top, "libodbc.so.2", name="two")
    return "."


def doubles(top: Path) -> str:
    wheel(top, "libtbb.so.12")
    wheel(top, "libodbc.so.2", tag="cp313-cp313-manylinux_2_28_x86_64")
    return "."


OPENED = "import ctypes\nctypes.CDLL('libmagic.so.1')\n"
SEARCHED = "import ctypes, ctypes.util\nctypes.CDLL(ctypes.util.find_library('zbar'))\n"
SITE = "$ORIGIN/../nvidia/cublas/lib"
OVERLAY, MODULES = ["overrides.nix", "flake.nix"], ["configuration.nix", "devenv.nix", "shell.nix"]
PASTED = [*OVERLAY, "overrides.nix"]
FILES = ["nix-ld.nix", "configuration.nix", "libraries.nix", "devenv.nix", "shell.nix"]
LOCK = [*OVERLAY, "nix-ld.nix", "configuration.nix"]
CASES: dict[str, tuple[Callable[[Path], str], list[str]]] = {
    # what is scanned, and the files that its first screen leads to; none if there is nothing to do
    "one library": (lambda top: wheel(top, "libodbc.so.2"), PASTED),
    "added by the set": (lambda top: wheel(top, "libz.so.1", "libstdc++.so.6"), []),
    "not manylinux": (lambda top: wheel(top, "libz.so.1", tag="cp312-cp312-linux_x86_64"), PASTED),
    "musl": (lambda top: wheel(top, "libz.so.1", tag="cp312-cp312-musllinux_1_2_x86_64"), PASTED),
    "driver": (lambda top: wheel(top, "libcuda.so.1", "libz.so.1"), PASTED),
    "interpreter": (lambda top: wheel(top, "libpython3.12.so.1.0"), PASTED),
    "sibling": (lambda top: wheel(top, *CUDA, requires=["nvidia-cublas-cu12"], runpath=[SITE]), PASTED),
    "two siblings": (
        lambda top: wheel(
            top, *CUDA, "libcudart.so.12", requires=["nvidia-cublas-cu12", "nvidia-cuda-runtime-cu12"]
        ),
        OVERLAY,
    ),
    "unknown": (lambda top: wheel(top, "libodbc.so.2", NOBODYS), PASTED),
    "unknown alone": (lambda top: wheel(top, NOBODYS), PASTED),
    "many": (lambda top: wheel(top, *MANY), OVERLAY),
    "strange name": (lambda top: wheel(top, "libodbc.so.2", name="3to2"), PASTED),
    "directory": (lambda top: wheel(top, "libjvm.so"), PASTED),
    "unfree": (lambda top: wheel(top, "libcublasLt.so.12", requires=["numpy"]), PASTED),
    "opened": (lambda top: wheel(top, source=OPENED), OVERLAY),
    "searched": (lambda top: wheel(top, source=SEARCHED), OVERLAY),
    "pure": (lambda top: wheel(top), []),
    "program": (lambda top: wheel(top, "libodbc.so.2", executable=True), PASTED),
    "several": (shelf, OVERLAY),
    "several of one": (doubles, []),
    "environment": (
        lambda top: venv(top, wheel(top, "libodbc.so.2"), wheel(top, source=OPENED, name="m")),
        MODULES,
    ),
    "environment, many": (lambda top: venv(top, wheel(top, *MANY)), FILES),
    "environment, driver": (lambda top: venv(top, wheel(top, "libcuda.so.1", "libtbb.so.12")), FILES),
    "environment, driver alone": (lambda top: venv(top, wheel(top, "libcuda.so.1")), FILES),
    "environment, directory": (lambda top: venv(top, wheel(top, "libjvm.so")), FILES),
    "environment, unknown": (lambda top: venv(top, wheel(top, "libtbb.so.12", NOBODYS)), MODULES),
    "environment, programs": (
        lambda top: venv(top, wheel(top, "libm.so.6", executable=True)),
        ["configuration.nix", "shell.nix"],  # devenv gives no loader
    ),
    "environment, variables": (
        lambda top: venv(
            top, wheel(top, "libtbb.so.12", name="wand"), wheel(top, "libc.so.6", name="pyside2")
        ),
        FILES,
    ),
    "environment, pure": (lambda top: venv(top, wheel(top)), []),
    "environment, strange": (lambda top: venv(top, wheel(top, "libtbb.so.12"), name="-my 'venv'"), MODULES),
    "ELF file": (lambda top: elf(top, "libtbb.so.12"), MODULES),
    "ELF file without needs": (lambda top: elf(top, "libc.so.6"), []),
    "directory of ELF files": (tree, MODULES),
    "uv": (lambda top: lock(top, "uv.lock", "libodbc.so.2"), LOCK),
    "poetry": (lambda top: lock(top, "poetry.lock", "libtbb.so.12"), LOCK),
    "pylock": (lambda top: lock(top, "pylock.toml", "libz.so.1"), LOCK),
    "pylock, many": (lambda top: lock(top, "pylock.toml", *MANY), LOCK),
}


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "top").mkdir()
    monkeypatch.chdir(tmp_path / "top")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "top"


def run(arguments: Sequence[str]) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code in {0, 1}, (arguments, done.stderr)
    return done.stdout


@pytest.mark.parametrize("case", CASES)
def test_what_is_pasted_evaluates_where_it_is_put(top: Path, case: str) -> None:
    make, expected = CASES[case]
    target = make(top)
    links = ["--find-links", "."] if case == "poetry" else []  # which has no addresses
    text = run(["scan", f"./{target}" if target.startswith("-") else target, *links])
    lines, pasted = read_screen(text)
    files = check_screen(text, top, lambda arguments: run([*arguments, "--quiet"]))
    assert files == expected, text
    if not expected:
        assert "nothing to do" in lines[0] or "several" in case, text
        return
    assert "nothing to do" not in text
    # Where to paste is said in the first six lines, and what: a command, or the beginning of the code.
    first = next(n for n, line in enumerate(lines) if line.startswith("    "))
    assert first < 6, text
    assert pasted[0].is_command or any(name in pasted[0].said for name in CONTEXTS)


@pytest.mark.parametrize("case", [case for case in CASES if "environment" in case])
def test_an_environment_is_no_package_of_a_set(top: Path, case: str) -> None:
    target = CASES[case][0](top)
    text = run(["scan", f"./{target}" if target.startswith("-") else target])
    assert "overrid" not in text.replace("wheelfix override", "")
    assert "uv2nix" not in text.partition("\n\n")[0] or "pure" in case
    if CASES[case][1]:
        (command, *_) = (one for one in read_screen(text)[1] if one.is_command)
        assert shlex.split(command.text)[:2] == ["wheelfix", "patch"]
        assert "--undo" in command.said


def test_what_has_no_answer_or_no_permission_is_told_before_the_code(top: Path) -> None:
    lines, _ = read_screen(run(["scan", wheel(top, "libcublasLt.so.12", NOBODYS)]))
    assert NOBODYS in lines[1]
    assert "allowUnfree" in lines[2]
    assert lines[3].startswith("In a .venv, after `uv pip install ")


def test_options_are_those_of_the_scan(top: Path) -> None:
    name = wheel(top, "libtbb.so.12")
    _, pasted = read_screen(run(["scan", "--python", "3.13", "--prefer", "onetbb", "--gpu", "cuda12", name]))
    command = shlex.split(next(one.text for one in pasted if one.is_command))
    assert command[2:9] == [name, "--python", "3.13", "--gpu", "cuda12", "--prefer", "onetbb"]
    (top / name).unlink()
    _, pasted = read_screen(
        run(["scan", "--with", ".", "--python", "3.12", lock(top, "uv.lock", "libtbb.so.12")])
    )
    command = shlex.split(pasted[0].text)
    assert command[1:5] == ["lock", "uv.lock", "--python", "3.12"]
    assert "--with" not in command


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import ctypes\nctypes.CDLL('libnobodyhasthis.so.7')\n", "has no answer: libnobodyhasthis.so.7"),
        (
            "import ctypes, os\nctypes.CDLL('lib' + os.environ['PARROT'] + '.so')\n",
            "cannot tell which library it opens: the name is known at run time alone (demo/__init__.py",
        ),
    ],
)
def test_what_is_opened_without_an_answer_is_not_nothing(top: Path, source: str, said: str) -> None:
    for linked in ((), ("libc.so.6",)):
        first = run(["scan", wheel(top, *linked, source=source)]).split("\n")[0]
        assert said in first
        assert "nothing to do" not in first


def test_what_may_fail_is_nothing_to_do(top: Path) -> None:
    source = "import ctypes\ntry:\n    ctypes.CDLL('libnobodyhasthis.so.7')\nexcept OSError:\n    pass\n"
    assert "nothing to do" in run(["scan", wheel(top, source=source)]).split("\n")[0]


def test_passwords_are_not_shown(top: Path) -> None:
    name = wheel(top, "libtbb.so.12")
    text = run(["scan", "--index-url", "https://me:secret@index.example/simple", name])
    assert "secret" not in text
    assert "--index-url 'https://***@index.example/simple'" in text


def test_names_that_act_on_a_terminal_are_not_pasted(top: Path) -> None:
    core = build_elf(top.parent / "elf", "x.so", needed=["libPLACEHOLDER.so"])
    core = core.replace(b"libPLACEHOLDER.so\0", b"lib\x1b[31mx.so\0".ljust(18, b"\0"))
    name = build_wheel(top, files={"demo/x.so": core}).name
    text = run(["scan", name])
    assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
    _, pasted = read_screen(text)
    assert pasted[0].is_command


def test_an_advice_is_escaped() -> None:
    hostile = 'x\x1b[2J\r\u202e"; y'
    remedy = Remedy(text=hostile, command=hostile, place=hostile, code=hostile)
    out = io.StringIO()
    print_scans([], file=out, advice=Advice(headline=hostile, told=(hostile,), remedies=(remedy,)))
    assert all(c.isprintable() or c == "\n" for c in out.getvalue())


def test_the_first_remedy_is_no_alternative(top: Path) -> None:
    assert run(["scan", elf(top, "libtbb.so.12")]).splitlines()[1].startswith("On NixOS with nix-ld")


def test_programs_in_an_environment_of_devenv_are_patched_too(top: Path) -> None:
    name = wheel(top, "libm.so.6", executable=True)
    (top / ".devenv/state").mkdir(parents=True)
    text = run(["scan", venv(top, name, name=".devenv/state/venv")])
    _, pasted = read_screen(text)
    assert pasted[0].text == "wheelfix patch .devenv/state/venv"
    assert not any("devenv.nix" in one.said for one in pasted), "devenv gives no loader"


def test_what_conda_has_installed_wants_a_loader_first(top: Path) -> None:
    prefix = top / "prefix"
    program = build_elf(top.parent / "elf", "tool", needed=["libm.so.6"], executable=True)
    for path, data in (("bin/python3.12", program), ("bin/tool", program)):
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_bytes(data)
    (prefix / "lib/python3.12/site-packages").mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    record = {"name": "python", "version": "3.12.4", "build": "0", "build_number": 0, "subdir": "linux-64"}
    record |= {"depends": [], "files": ["bin/python3.12", "bin/tool"]}
    (prefix / "conda-meta" / "python-3.12.4-0.json").write_text(json.dumps(record))
    (prefix / "conda-meta" / "history").write_text("")
    text = run(["scan", "prefix"])
    assert "a loader for programs: python3.12, tool" in text.splitlines()[0]
    _, pasted = read_screen(text)
    assert pasted[0].said.startswith("On NixOS with nix-ld")
    assert not any("devenv.nix" in one.said for one in pasted)
    assert (pasted[-1].text, "site-packages alone" in pasted[-1].said) == ("wheelfix patch prefix", True)


def test_what_devenv_made_has_its_list_first(top: Path) -> None:
    name = wheel(top, "libtbb.so.12")
    (top / ".devenv/state").mkdir(parents=True)
    _, pasted = read_screen(run(["scan", venv(top, name, name=".devenv/state/venv")]))
    assert ["devenv.nix" in one.said for one in pasted[:2]] == [False, True]


def test_a_library_that_can_be_run_is_no_program(top: Path) -> None:
    module = build_elf(top.parent / "elf", "x", needed=["libm.so.6"], executable=True)
    files = {"demo/bin/tool": module, "demo/libcore.so.6": module}
    text = run(["scan", venv(top, build_wheel(top, files=files).name)])
    assert text.splitlines()[0] == ".venv needs a loader for programs: tool"
    assert "and not for programs such as tool" in text
