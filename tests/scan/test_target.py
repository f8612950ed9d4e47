"""What a target is, which commands do it, and the command that is named by those that do not."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.targets import WHEEL, make_targets
from wheelfix.errors import InputError
from wheelfix.scan.target import KINDS, TAKES, TargetKind, find_target, quote_target

READING = frozenset({"scan", "report", "override", "override --check"})
LOCKING = READING - {"override"}
WHEELS = READING | {"adapter", "patch", "--with"}
ENVIRONMENT = READING | {"patch", "try", "--with"}
URL = "https://x.invalid/demo-1.0-py3-none-any.whl"
SDIST_URL = "https://x.invalid/demo-1.0.tar.gz"
CONDA_URL = "https://x.invalid/linux-64/demo-1.0-h1_0.conda"
CONDA_HINTS = {
    "adapter": "run `wheelfix override --dialect shell {}`",
    "lock": "lock the environment that has it (`pixi lock`), then run `wheelfix lock pixi.lock`",
    "patch": "create an environment with it, then run `wheelfix patch PREFIX`",
}
GIT = "git+https://x.invalid/demo.git"
SCAN, OVERRIDE = "run `wheelfix scan {}`", "run `wheelfix override {}`"
CARGO, LOCK = "run `wheelfix sdist {}`", "run `wheelfix lock {}`"
BUILT = "build a wheel of it (`pip wheel --no-deps {0}`), then run `wheelfix scan` on that"
TELLS = "`wheelfix sdist {0}` tells"
WRITE_ELSE = {"lock": OVERRIDE, "adapter": OVERRIDE}
FORMATS = "uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, pixi.lock, conda-lock.yml"
HASHED = "a requirements.txt with hashes"
LINUX = "take the file for Linux: nothing else runs on Nix"

# Target, kind, the commands that do it, what the others name, and what some of them name instead.
ROWS: list[tuple[str, TargetKind, frozenset[str], str, dict[str, str]]] = [
    (WHEEL, TargetKind.WHEEL, WHEELS, SCAN, WRITE_ELSE),
    ("renamed", TargetKind.WHEEL, WHEELS, SCAN, WRITE_ELSE),
    (
        "shelf",
        TargetKind.WHEELS,
        READING | {"--with"},
        SCAN,
        {
            "lock": OVERRIDE,
            "patch": "patch them one by one",
            "adapter": "name one of them: an adapter is for one package",
        },
    ),
    ("venv", TargetKind.ENVIRONMENT, ENVIRONMENT, SCAN, WRITE_ELSE),
    ("venv/lib/python3.12/site-packages", TargetKind.ENVIRONMENT, ENVIRONMENT, SCAN, WRITE_ELSE),
    ("unpacked", TargetKind.ENVIRONMENT, ENVIRONMENT, SCAN, WRITE_ELSE),
    ("tree", TargetKind.ENVIRONMENT, ENVIRONMENT, SCAN, WRITE_ELSE),
    ("x.so", TargetKind.ELF, READING, SCAN, {}),
    ("demo-1.0.tar.gz", TargetKind.SDIST, frozenset({"sdist"}), CARGO, {}),
    ("old-1.0.zip", TargetKind.SDIST, frozenset({"sdist"}), BUILT, {}),
    ("project", TargetKind.SDIST, frozenset({"sdist"}), CARGO, {}),
    ("plain", TargetKind.SDIST, frozenset({"sdist"}), BUILT.replace("{0}", "{0}/"), {}),
    *(
        (name, TargetKind.LOCK, LOCKING | {"lock"}, LOCK, {})
        for name in (
            *("uv.lock", "other.lock", "pylock.toml", "pylock.dev.toml", "poetry.lock"),
            *("pdm.lock", "Pipfile.lock", "requirements.txt"),
            *("pixi.lock", "pixi.linux.yaml", "conda-lock.yml", "cpu.conda-lock.yaml"),
        )
    ),
    *(
        (
            name,
            TargetKind.REQUIREMENTS,
            READING,
            SCAN,
            {
                "adapter": OVERRIDE,
                "lock": "write hashes (`uv pip compile --generate-hashes {0} -o locked.txt`), "
                "or run `wheelfix override {0}`",
            },
        )
        for name in ("requirements.in", "wanted.txt")
    ),
    *(
        (
            text,
            TargetKind.REQUIREMENT,
            READING | {"adapter", "sdist"},
            SCAN,
            {"lock": "lock it first (`uv lock`), or run `wheelfix override {}`"},
        )
        for text in ("numpy", "torch==2.9.1", "jax[cuda12]")
    ),
    (URL, TargetKind.URL, READING | {"adapter"}, SCAN, {"lock": OVERRIDE}),
    (f"demo @ {URL}", TargetKind.URL, READING | {"adapter"}, SCAN, {"lock": OVERRIDE}),
    *(
        (name, TargetKind.CONDA, READING | {"--with"}, SCAN, CONDA_HINTS)
        for name in ("demo.conda", "package", "old.tar.bz2", "channel")
    ),
    *(
        (url, TargetKind.CONDA_URL, READING | {"--with"}, SCAN, CONDA_HINTS)
        for url in (CONDA_URL, CONDA_URL.replace(".conda", ".tar.bz2"), "file:///no/demo-1!2.0-h1_0.conda")
    ),
    *(
        (
            text,
            TargetKind.SDIST_URL,
            frozenset({"sdist"}),
            f"{BUILT}; what it needs to build Rust, {TELLS}",
            {},
        )
        for text in (SDIST_URL, f"demo @ {SDIST_URL}")
    ),
    *(
        (
            text,
            TargetKind.FOREIGN,
            frozenset[str](),
            BUILT,
            {"sdist": "clone it, then run `wheelfix sdist DIR` on the directory"},
        )
        for text in (GIT, f"demo @ {GIT}")
    ),
    *(
        (name, TargetKind.FOREIGN, frozenset[str](), hint, hints)
        for name, hint, hints in [
            ("Pipfile", "lock it (`pipenv lock`), then run `wheelfix lock Pipfile.lock`", {}),
            (
                "environment.yml",
                "solve it (`wheelfix env DIR --from {0}`), or lock it (`conda-lock -f {0}`)",
                {},
            ),
            ("pixi.toml", "solve it (`wheelfix env DIR --from {0}`), or lock it (`pixi lock`)", {}),
            ("Cargo.lock", "run `wheelfix sdist .`", {}),
            (
                "pyproject.toml",
                "lock the project (`uv lock`), then run `wheelfix lock uv.lock`",
                {"sdist": "run `wheelfix sdist .`"},
            ),
            ("overrides.nix", "run `wheelfix override --check {} TARGET`", {}),
            (
                "settings.json",
                f"give {FORMATS} or {HASHED}",
                {},
            ),
            (
                "demo.egg",
                "make a wheel of it (`wheel convert {}`), then run `wheelfix scan` on that",
                {},
            ),
            ("demo.deb", "unpack it (`dpkg-deb -x {} DIR`), then run `wheelfix scan DIR`", {}),
            ("demo.rpm", "unpack it, then run `wheelfix scan DIR` on the directory", {}),
            ("demo.a", "nothing loads it: name the wheel, or a shared library", {}),
            ("demo.dylib", LINUX, {}),
            ("fat.dylib", LINUX, {}),
            ("demo.dll", LINUX, {}),
            ("data-1.0.tar.gz", "unpack it, then run `wheelfix scan DIR` on the directory", {}),
            ("data.tar.bz2", "unpack it, then run `wheelfix scan DIR` on the directory", {}),
            ("image.bin", "name a wheel, a directory, a lock or a requirement", {}),
            ("void", "fetch it again, or check the path", {}),
            ("empty", "check the path", {}),
        ]
    ),
    ("build.log", TargetKind.TEXT, frozenset({"explain"}), "run `wheelfix explain {}`", {}),
    ("$(touch evil) it's", TargetKind.TEXT, frozenset({"explain"}), "run `wheelfix explain {}`", {}),
]
TEXTS = {
    "Pipfile",
    "Pipfile.lock",
    "pdm.lock",
    "pixi.lock",
    "pixi.linux.yaml",
    "pixi.toml",
    "conda-lock.yml",
    "cpu.conda-lock.yaml",
    "environment.yml",
    "Cargo.lock",
    "pyproject.toml",
}
TEXTS |= {"overrides.nix", "settings.json", "void", "demo.deb", "demo.rpm", "demo.a", "image.bin"}
TEXTS |= {"uv.lock", "other.lock", "pylock.toml", "pylock.dev.toml", "poetry.lock", "requirements.txt"}
TEXTS |= {"requirements.in", "wanted.txt"}
"""Any file may be a message: what no reader knows by its first bytes, `explain` reads."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("targets")
    make_targets(top)
    return top


@pytest.mark.parametrize("command", sorted(TAKES))
@pytest.mark.parametrize(("text", "kind", "does", "hint", "hints"), ROWS, ids=[row[0] for row in ROWS])
def test_a_command_does_a_kind_or_names_the_command_that_does(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    text: str,
    kind: TargetKind,
    does: frozenset[str],
    hint: str,
    hints: dict[str, str],
) -> None:
    monkeypatch.chdir(directory)
    if command in does or (command == "explain" and text in TEXTS):
        taken = find_target(text, command)
        assert taken.kind is (kind if command in does else TargetKind.TEXT)
        assert taken.path == (Path(text) if Path(text).exists() else None)
        return
    with pytest.raises(InputError, match="does not take") as caught:
        find_target(text, command)
    assert caught.value.hint == hints.get(command, hint).format(shlex.quote(text))
    assert caught.value.subject == text


def test_every_kind_is_in_the_table() -> None:
    assert {row[1] for row in ROWS} == set(TargetKind)
    assert {sort.kind for sort in KINDS} == set(TargetKind)


@pytest.mark.parametrize(
    ("text", "command", "hint"),
    [
        ("locked", "scan", "run `wheelfix scan locked/.venv`"),
        ("locked", "patch", "run `wheelfix patch locked/.venv`"),
        ("locked", "try", "run `wheelfix try locked/.venv`"),
        ("locked", "lock", "run `wheelfix lock locked/uv.lock`"),
        (
            "only",
            "scan",
            "run `wheelfix scan only/poetry.lock`, or `wheelfix lock only/poetry.lock` for the overlay",
        ),
        ("locked", "adapter", "run `wheelfix lock locked/uv.lock`"),
        ("only", "lock", "run `wheelfix lock only/poetry.lock`"),
        ("project", "scan", "run `wheelfix sdist project`"),
    ],
)
def test_what_a_directory_holds_is_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch, text: str, command: str, hint: str
) -> None:
    monkeypatch.chdir(directory)
    with pytest.raises(InputError) as caught:
        find_target(text, command)
    assert caught.value.hint == hint


def test_a_project_that_was_built_in_place_is_read(tmp_path: Path, directory: Path) -> None:
    (tmp_path / "setup.py").touch()
    (tmp_path / "x.so").write_bytes((directory / "x.so").read_bytes())
    assert find_target(str(tmp_path), "scan").kind is TargetKind.ENVIRONMENT
    assert find_target(str(tmp_path), "sdist").kind is TargetKind.SDIST


def test_a_file_that_is_not_there_is_no_requirement_for_a_command_that_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        find_target("uv.lok", "lock")
    with pytest.raises(InputError, match="is a requirement"):
        find_target("demo==1.0", "lock")


def test_what_is_on_disk_goes_before_what_would_be_fetched(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_target("numpy", "scan").kind is TargetKind.REQUIREMENT
    (tmp_path / "numpy").symlink_to(directory / "venv")
    assert find_target("numpy", "scan").kind is TargetKind.ENVIRONMENT


def test_a_long_address_is_no_long_file_name() -> None:
    assert find_target(f"{URL}?{'x' * 5000}", "scan").kind is TargetKind.URL
    with pytest.raises(InputError, match="file name too long"):
        find_target("x" * 5000 + ".whl", "scan")


def test_the_address_of_a_source_distribution_is_told_by_the_name_that_the_file_will_have() -> None:
    for text in (SDIST_URL.replace(".tar", "%2Etar"), f"{SDIST_URL}?from=x.whl#sha256=0"):
        assert find_target(text, "sdist").kind is TargetKind.SDIST_URL
        with pytest.raises(InputError, match="is the address of a source distribution"):
            find_target(text, "scan")
    assert find_target("https://[x/demo-1.0.tar.gz", "scan").kind is TargetKind.URL  # as fetching it says


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.whl")
    (tmp_path / "link.whl").symlink_to("nowhere")
    (tmp_path / "circle.whl").symlink_to("circle.whl")
    for name, problem in [
        ("pipe.whl", "is a named pipe, no file"),
        ("link.whl", "is a link that leads nowhere"),
        ("circle.whl", "is a link that leads nowhere"),
        ("gone.whl", "no such file or directory"),
        ("pipe.whl/x", "not a directory"),
        ("a\0b", "null byte"),
    ]:
        with pytest.raises(InputError, match=problem):
            find_target(str(tmp_path / name), "scan")
    with pytest.raises(InputError, match="is a device, no file"):
        find_target("/dev/null", "scan")


def test_a_dash_in_front_makes_no_option() -> None:
    assert quote_target("-x y.whl") == "'./-x y.whl'"


def test_damaged_archives_are_read_by_who_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    (tmp_path / "demo-1.0.tar.gz").write_bytes(b"\x1f\x8b" + bytes(30))
    assert find_target(str(tmp_path / "demo-1.0.tar.gz"), "sdist").kind is TargetKind.SDIST
    (tmp_path / "demo.whl").write_bytes(b"PK\x03\x04cut")
    assert find_target(str(tmp_path / "demo.whl"), "scan").kind is TargetKind.WHEEL


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wheelfix", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache"), "PIP_FIND_LINKS": str(directory)},
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        f"scan renamed shelf {WHEEL} venv tree x.so",
        "scan uv.lock pylock.toml requirements.txt",
        "scan --explain libz.so.1 x.so uv.lock",
        f"report renamed -o {os.devnull}",
        f"report x.so -o {os.devnull}",
        f"report tree -o {os.devnull}",
        f"report requirements.txt -o {os.devnull}",
        "override renamed",
        "override venv",
        "override --dialect shell x.so tree venv shelf",
        "override --check overrides.nix uv.lock x.so",
        "adapter renamed --from python312Packages.demo --with shelf --with venv",
        "patch renamed --dry-run --with shelf",
        "patch tree --dry-run",
        "cargo project",
        "cargo demo-1.0.tar.gz",
        "lock other.lock",
        "explain build.log",
    ],
)
def test_what_a_command_takes_it_does(directory: Path, command: str) -> None:
    result = run(directory, *command.split())
    assert (result.returncode, result.stderr.count("hint:")) in {(0, 0), (1, 0)}, result.stderr
    assert "wheelfix: error" not in result.stderr


@pytest.mark.parametrize(
    "command",
    ["scan", "report", "override", "override --check", "adapter", "patch", "sdist", "lock", "explain"],
)
def test_a_refusal_is_two_lines_and_exit_code_3(directory: Path, command: str) -> None:
    more = {"adapter": ("--from", "python312Packages.demo"), "patch": ("--dry-run",)}
    checked = ("overrides.nix",) if command == "override --check" else ()
    result = run(directory, *command.split(), *checked, "demo.dylib", *more.get(command, ()))
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == (
        f"wheelfix: demo.dylib: is a Mach-O file, for macOS, which `wheelfix {command}` does not take\n"
        f"hint: {LINUX}\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        "scan",
        "report",
        "override",
        "adapter --from python312Packages.x",
        "patch",
        "sdist",
        "lock",
        f"scan {WHEEL} --with",
    ],
)
def test_nothing_is_a_usage_error_and_not_the_working_directory(directory: Path, command: str) -> None:
    result = run(directory, *command.split(), "")
    assert (result.returncode, result.stdout) == (2, "")
    assert "it is empty: name a file, a directory or a requirement" in result.stderr


def test_dialects_name_the_one_that_has_a_place_for_it(directory: Path) -> None:
    for target, dialect in [("x.so", "uv2nix"), ("tree", "pyproject-nix"), ("venv", "nixpkgs")]:
        result = run(directory, "override", target, "--dialect", dialect)
        assert (result.returncode, result.stdout) == (3, "")
        assert f"hint: run `wheelfix override --dialect shell {target}`\n" in result.stderr


def test_a_directory_with_nothing_in_it_says_so(directory: Path) -> None:
    result = run(directory, "scan", "nothing", "empty")
    assert result.returncode == 3
    assert "nothing: holds no wheels, distributions or ELF files" in result.stderr
    assert "empty: is an empty directory" in result.stderr


def test_hostile_names_are_printed_escaped(directory: Path, tmp_path: Path) -> None:
    name = "evil\n\x1b[31m`id`.log"
    (tmp_path / name).write_text("text\n")
    for command in ("scan", "override", "lock", "sdist"):
        result = run(tmp_path, command, name)
        assert result.returncode == 3
        assert "\x1b" not in result.stderr
        assert result.stderr.splitlines() == [
            r"wheelfix: evil\n\x1b[31m`id`.log: is a text, which `wheelfix " + command + "` does not take",
            r"hint: run `wheelfix explain $'evil\x0a\x1b[31m`id`.log'`",
        ]


def test_an_error_of_one_target_leaves_the_others_whatever_the_order(directory: Path) -> None:
    orders = [("demo.dylib", "x.so", WHEEL), (WHEEL, "demo.dylib", "x.so"), ("x.so", WHEEL, "demo.dylib")]
    for targets in orders:
        result = run(directory, "scan", *targets)
        assert result.returncode == 3
        assert result.stderr.count("is a Mach-O file") == 1
        assert result.stdout.count("libz.so.1") >= 2
