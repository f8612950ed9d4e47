"""From a lock to packages and their sources: extras, groups, markers, conflicts, providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.lockfile.markers import make_runtime
from wheelfix.lockfile.read import read_lock, read_project, read_rules
from wheelfix.lockfile.select import (
    Asked,
    check_rules,
    choose_sources,
    find_doubles,
    find_sources,
    select_packages,
    settle_doubles,
)
from wheelfix.model.lock import ChoiceKind, Lock, Runtime
from wheelfix.model.scan import Level
from wheelfix.outside.requirements import find_platforms

LOCKS = Path(__file__).parents[2] / "fixtures" / "locks"
HEAD = 'version = 1\nrequires-python = ">=3.11"\n'
INDEX = 'source = { registry = "https://index.invalid/simple" }'


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return make_runtime("3.12", "x86_64-linux", find_platforms("x86_64-linux"))


def package(name: str, more: str = "", *, version: str = "1.0", source: str = INDEX) -> str:
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n{source}\n{more}\n'


def wheel(filename: str) -> str:
    return f'wheels = [{{ url = "https://index.invalid/{filename}", hash = "sha256:{"a" * 64}" }}]'


def read(directory: Path, *packages: str) -> Lock:
    path = directory / "uv.lock"
    path.write_text(HEAD + "".join(packages))
    return read_lock(path)


ROOT = 'source = { virtual = "." }'


def select(lock: Lock, runtime: Runtime, **asked: tuple[str, ...]) -> list[str]:
    return [p.label for p in select_packages(lock, runtime, Asked(**asked))]


def test_extras_and_groups_of_a_real_lock(runtime: Runtime) -> None:
    lock = read_lock(LOCKS / "workbench.uv.lock")
    bare, usual, all_ = (
        set(select(lock, runtime, groups=())),
        set(select(lock, runtime)),
        set(select(lock, runtime, extras=("*",))),
    )
    assert {p.split()[0] for p in usual - bare} == {"iniconfig", "packaging", "pluggy", "pygments", "pytest"}
    assert {p.split()[0] for p in all_ - usual} == {"click", "h11", "uvicorn"}
    assert len(all_) == len(lock.packages)


def test_stripped_dependencies_leave_with_what_only_they_require(runtime: Runtime) -> None:
    lock = read_lock(LOCKS / "workbench.uv.lock")
    without = {"torch": ["cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-cusparselt-cu13"]}
    names = {p.name for p in select_packages(lock, runtime, Asked(), without=without)}
    assert "nvidia-cufft" not in names
    assert "nvidia-nccl-cu13" in names


def test_markers_and_extras_of_dependencies(tmp_path: Path, runtime: Runtime) -> None:
    lock = read(
        tmp_path,
        package(
            "app",
            'dependencies = [{ name = "web", extra = ["fast"] }, '
            '{ name = "win", marker = "os_name == \'nt\'" }]',
            source=ROOT,
        ),
        package(
            "web", '[package.optional-dependencies]\nfast = [{ name = "speed" }]\nslow = [{ name = "snail" }]'
        ),
        package("speed"),
        package("snail"),
        package("win"),
    )
    assert select(lock, runtime) == ["app 1.0", "web 1.0", "speed 1.0"]


CONFLICT = (
    package(
        "app",
        "[package.optional-dependencies]\n"
        'cpu = [{ name = "torch", version = "2.0+cpu", marker = "extra == \'extra-3-app-cpu\'" }]\n'
        'gpu = [{ name = "torch", version = "2.0", marker = "extra == \'extra-3-app-gpu\'" }]',
        source=ROOT,
    ),
    package("torch", version="2.0"),
    package("torch", version="2.0+cpu"),
)


def test_extras_that_conflict(tmp_path: Path, runtime: Runtime) -> None:
    lock = read(tmp_path, *CONFLICT)
    assert select(lock, runtime, extras=("cpu",)) == ["app 1.0", "torch 2.0+cpu"]
    assert select(lock, runtime, extras=("gpu",)) == ["app 1.0", "torch 2.0"]
    both = select_packages(lock, runtime, Asked(extras=("*",)))
    assert find_doubles(both) == {"torch": ("2.0", "2.0+cpu")}


def test_poetry_groups_and_markers(tmp_path: Path, runtime: Runtime) -> None:
    path = tmp_path / "poetry.lock"
    entry = '[[package]]\nname = "{}"\nversion = "1"\noptional = {}\ngroups = ["{}"]\nfiles = []\n{}\n'
    path.write_text(
        entry.format("a", "false", "main", "")
        + entry.format("b", "false", "dev", "")
        + entry.format("c", "false", "main", "markers = \"sys_platform == 'win32'\"")
        + entry.format("d", "true", "main", "")
        + '[extras]\nmore = ["d"]\n[metadata]\nlock-version = "2.1"\npython-versions = ">=3.11"\n'
    )
    lock = read_lock(path)
    assert select(lock, runtime) == ["a 1", "b 1"]
    assert select(lock, runtime, groups=("dev",)) == ["a 1", "b 1"]
    assert select(lock, runtime, groups=("main",), extras=("more",)) == ["a 1", "d 1"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"extras": ("nope",)}, "has no extra 'nope'"),
        ({"groups": ("nope",)}, "has no group 'nope'"),
    ],
)
def test_parts_that_are_not_there(runtime: Runtime, asked: dict[str, tuple[str, ...]], problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        select(read_lock(LOCKS / "workbench.uv.lock"), runtime, **asked)
    assert caught.value.hint in {"it has: web", "it has: dev"}


def test_another_python_and_another_platform(runtime: Runtime) -> None:
    lock = read_lock(LOCKS / "workbench.uv.lock")
    old = make_runtime("3.11", "x86_64-linux", find_platforms("x86_64-linux"))
    with pytest.raises(InputError, match=r"is for Python >=3\.12, <3\.14, not for 3\.11\.0"):
        select_packages(lock, old, Asked())


def test_a_lock_that_lacks_a_package(tmp_path: Path, runtime: Runtime) -> None:
    lock = read(tmp_path, package("app", 'dependencies = [{ name = "gone" }]', source=ROOT))
    with pytest.raises(InputError, match="app requires gone, which is not in it"):
        select(lock, runtime)


def test_providers(tmp_path: Path, runtime: Runtime) -> None:
    sdist = 'sdist = { url = "https://index.invalid/numpy-1.0.tar.gz", hash = "sha256:' + "b" * 64 + '" }\n'
    lock = read(
        tmp_path,
        package("numpy", sdist + wheel("numpy-1.0-cp312-cp312-linux_x86_64.whl")),
        package("torch", wheel("torch-1.0-cp312-cp312-linux_x86_64.whl")),
        package("odd", wheel("odd-1.0-cp312-cp312-win_amd64.whl")),
    )
    rules = read_rules(None, ("num*=sdist", "torch=nixpkgs", "default=wheel,nixpkgs"))
    chosen = choose_sources(lock.packages, rules, runtime, as_nix=True)
    assert [(c.package.name, c.kind, ".".join(c.attr)) for c in chosen] == [
        ("numpy", ChoiceKind.SDIST, ""),
        ("torch", ChoiceKind.NIXPKGS, "python312Packages.torch"),
        ("odd", ChoiceKind.NIXPKGS, "python312Packages.odd"),
    ]
    with pytest.raises(
        InputError, match=r"odd 1\.0 has no wheel or sdist for it \(there are wheels for cp312-"
    ):
        choose_sources(lock.packages, (), runtime, as_nix=True)
    with pytest.raises(InputError, match=r"torch 1\.0 has no sdist in the lock|torch 1\.0 has no sdist; odd"):
        choose_sources(lock.packages[:2], read_rules(None, ("torch=sdist",)), runtime, as_nix=True)


def test_of_several_versions_the_newest_is_kept_in_any_order(tmp_path: Path, runtime: Runtime) -> None:
    entries = [package("torch", version=version) for version in ("2.9", "2.10", "2.10+cpu")]
    edges = ", ".join(f'{{ name = "torch", version = "{v}" }}' for v in ("2.9", "2.10", "2.10+cpu"))
    app = package("app", f"dependencies = [{edges}]", source=ROOT)
    for order in (entries, entries[::-1], [entries[1], entries[0], entries[2]]):
        found = select_packages(read(tmp_path, app, *order), runtime, Asked())
        assert find_doubles(found) == {"torch": ("2.9", "2.10", "2.10+cpu")}
        assert [p.label for p in settle_doubles(found)] == ["app 1.0", "torch 2.10+cpu"]


def test_one_version_from_two_places(tmp_path: Path, runtime: Runtime) -> None:
    places = [f'{{ registry = "https://{host}.invalid/simple" }}' for host in ("cpu", "gpu")]
    parts = [package("torch", source=f"source = {place}") for place in places]
    edge = '{{ name = "torch", version = "1.0", source = {} }}'
    app = package("app", f"dependencies = [{edge.format(places[1])}]", source=ROOT)
    found = select_packages(read(tmp_path, app, *parts), runtime, Asked())
    assert [p.origin for p in found if p.name == "torch"] == ["registry https://gpu.invalid/simple"]
    edges = ", ".join(edge.format(place) for place in places)
    app = package("app", f"dependencies = [{edges}]", source=ROOT)
    for order in (parts, parts[::-1]):
        both = select_packages(read(tmp_path, app, *order), runtime, Asked())
        assert len(find_doubles(both)["torch"]) == 2
        assert "gpu.invalid" in settle_doubles(both)[1].origin


def test_names_of_extras_and_groups_are_normalised(runtime: Runtime, tmp_path: Path) -> None:
    more = '[package.optional-dependencies]\nfoo-bar = [{ name = "a" }]\n'
    more += '[package.dev-dependencies]\nmy-group = [{ name = "b" }]'
    lock = read(tmp_path, package("app", more, source=ROOT), package("a"), package("b"))
    chosen = select(lock, runtime, extras=("Foo_Bar",), groups=("My.Gr*",))
    assert chosen == ["app 1.0", "a 1.0", "b 1.0"]
    with pytest.raises(InputError, match="has no extra 'Foo_Bra'") as caught:
        select(lock, runtime, extras=("Foo_Bra",))
    assert caught.value.hint == "write foo-bar"


PYLOCK = """lock-version = "1.0"
created-by = "x"
extras = ["foo-bar"]
dependency-groups = ["dev", "docs"]
default-groups = ["dev"]
[[packages]]
name = "a"
version = "1"
archive = { path = "a-1.tar.gz", hashes = @ }
marker = "'foo-bar' in extras"
[[packages]]
name = "b"
version = "1"
archive = { path = "b-1.tar.gz", hashes = @ }
marker = "'docs' in dependency_groups"
[[packages]]
name = "c"
version = "1"
archive = { path = "c-1.tar.gz", hashes = @ }
marker = "'dev' in dependency_groups"
""".replace("@", f'{{ sha256 = "{"0" * 64}" }}')


def test_a_pylock_names_its_extras_and_groups(runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(PYLOCK)
    lock = read_lock(path)
    assert select(lock, runtime) == ["c 1"]
    assert select(lock, runtime, extras=("foo.bar",)) == ["a 1", "c 1"]
    assert select(lock, runtime, extras=("*",), groups=("Docs",)) == ["a 1", "b 1"]
    with pytest.raises(InputError, match="has no group 'dosc'") as caught:
        select(lock, runtime, groups=("dosc",))
    assert caught.value.hint == "write docs"


def test_a_list_of_requirements_has_no_extras(runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"a==1 --hash=sha256:{'a' * 64}\n")
    with pytest.raises(InputError, match="has no extra 'web'"):
        select(read_lock(path), runtime, extras=("web",))


def test_rules_match_normalised_names_or_are_told(tmp_path: Path, runtime: Runtime) -> None:
    edges = '{ name = "ruamel-yaml" }, { name = "win", marker = "os_name == \'nt\'" }'
    app = package("app", f"dependencies = [{edges}]", source=ROOT)
    lock = read(tmp_path, app, package("ruamel-yaml"), package("win"))
    packages = select_packages(lock, runtime, Asked())

    def check(*flags: str) -> list[str]:
        return [f.message for f in check_rules(read_rules(None, flags), lock, packages, runtime)]

    assert check("ruamel.yaml=sdist", "Ruamel_*=nixpkgs", "default=wheel") == []
    choices, lacks = find_sources(packages, read_rules(None, ("Ruamel.Yaml=nixpkgs",)), runtime, as_nix=True)
    assert ([c.kind for c in choices], lacks) == ([ChoiceKind.NIXPKGS], ())
    assert check("win=sdist") == ["has no effect: not in the environment for Python 3.12 on x86_64-linux"]
    with pytest.raises(
        InputError, match=r"--provider ruaml-yaml=sdist: matches no package of uv\.lock"
    ) as caught:
        check("ruaml-yaml=sdist")
    assert caught.value.hint == "write ruamel-yaml"
    with pytest.raises(InputError, match="'nixpgs' is no kind of source") as caught:
        check("ruamel.yaml=nixpgs")
    assert caught.value.hint == "write nixpkgs"


def test_a_rule_of_a_project_that_matches_nothing_is_a_warning(tmp_path: Path, runtime: Runtime) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.wheelfix.providers]\ntorhc = "nixpkgs"\n"x*" = "sdist"\n')
    lock = read(tmp_path, package("torch"))
    rules = read_rules(read_project(tmp_path), ())
    found = check_rules(rules, lock, lock.packages, runtime)
    assert [(f.level, f.subject, f.message) for f in found] == [
        (
            Level.WARNING,
            "pyproject.toml: tool.wheelfix.providers.torhc",
            "matches no package of uv.lock: write torch, if that is meant",
        ),
        (Level.WARNING, "pyproject.toml: tool.wheelfix.providers.x*", "matches no package of uv.lock"),
    ]


def wheels(*files: str) -> str:
    return f"wheels = [{', '.join(files)}]"


DIGEST = "a" * 64


def entry(filename: str, *, url: str = "https://index.invalid/", sha: bool = True) -> str:
    digest = f', hash = "sha256:{DIGEST}"' if sha else ""
    return f'{{ url = "{url}{filename}"{digest} }}'


BARE, FULL = "demo-1.0-py2.py3-none-any.whl", "demo-1.0-py2.py3-none-manylinux_2_28_x86_64.whl"


def test_the_wheel_with_libraries_is_put_in_the_place_of_the_one_for_any_platform(
    tmp_path: Path, runtime: Runtime
) -> None:
    lock = read(tmp_path, package("demo", wheels(entry(BARE), entry(FULL))))
    (choice,) = choose_sources(lock.packages, (), runtime, as_nix=True)
    assert choice.file
    assert (choice.file.filename, choice.passed_over, choice.rival) == (FULL, BARE, None)
    (choice,) = choose_sources(lock.packages, (), runtime, as_nix=False)
    assert choice.file
    assert (choice.file.filename, choice.passed_over, choice.rival) == (FULL, None, None)


@pytest.mark.parametrize(
    "full",
    [entry(FULL, sha=False), entry(FULL, url="file:///opt/"), entry(FULL, url="https://u:secret@h.invalid/")],
)
def test_a_wheel_that_code_cannot_fetch_is_only_told(tmp_path: Path, runtime: Runtime, full: str) -> None:
    lock = read(tmp_path, package("demo", wheels(entry(BARE), full)))
    (choice,) = choose_sources(lock.packages, (), runtime, as_nix=True)
    assert choice.file
    assert (choice.file.filename, choice.passed_over, choice.rival) == (BARE, None, FULL)


def test_of_two_wheels_with_libraries_the_set_takes_its_own(tmp_path: Path, runtime: Runtime) -> None:
    old = "demo-1.0-py3-none-manylinux_2_17_x86_64.whl"
    new = "demo-1.0-py3-none-manylinux_2_28_x86_64.whl"
    lock = read(tmp_path, package("demo", wheels(entry(old), entry(new))))
    (choice,) = choose_sources(lock.packages, (), runtime, as_nix=True)
    assert choice.file
    assert (choice.file.filename, choice.passed_over, choice.rival) == (old, None, new)
