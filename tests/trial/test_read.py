"""Which Python an environment is of, where editable installs are, where patched files lead to: it is read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.pythons import Environment
from tests.support.trial import add_distribution, make_environment
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import ApplyError, InputError
from wheelfix.model.base import replace
from wheelfix.outside.places import list_library_directories
from wheelfix.trial.read import find_base, find_libraries, find_linked, find_projects, tell_strange
from wheelfix.wheel.environment import Environment as Read
from wheelfix.wheel.environment import read_environment


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    made = make_environment(tmp_path / "env")
    add_distribution(made, tmp_path / "work", "demo", {"demo.py": ""})
    return made


def read(environment: Environment) -> Read:
    return read_environment(environment.python.parents[1], ELF_MAGIC, follow_editable=True)


def test_the_python_of_an_environment(environment: Environment) -> None:
    base = find_base(read(environment))
    assert base.program == os.path.realpath(sys.executable)
    assert base.version == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert base.library == str(Path(os.__file__).parent)
    assert base.sites == ()


def test_a_copied_interpreter_is_of_the_prefix_that_it_was_copied_from(environment: Environment) -> None:
    program = Path(os.path.realpath(environment.python))
    environment.python.unlink()
    environment.python.write_bytes(program.read_bytes())
    base = find_base(read(environment))
    assert base.program == str(environment.python)
    assert base.library == str(Path(os.__file__).parent)


def test_packages_of_the_system_are_used_where_the_environment_says_so(environment: Environment) -> None:
    config = environment.python.parents[1] / "pyvenv.cfg"
    config.write_text(config.read_text().replace("= false", "= true"))
    sites = find_base(read(environment)).sites
    assert sites
    assert all(Path(site).name in {"site-packages", "dist-packages"} for site in sites)


def test_an_environment_without_a_python_is_refused(environment: Environment, tmp_path: Path) -> None:
    environment.python.unlink()
    with pytest.raises(InputError, match="has no bin/python"):
        find_base(read(environment))
    environment.python.symlink_to(tmp_path / "gone")
    with pytest.raises(ApplyError, match="leads nowhere"):
        find_base(read(environment))
    environment.python.unlink()
    environment.python.symlink_to(environment.python)
    with pytest.raises(ApplyError, match="leads nowhere"):
        find_base(read(environment))


def test_settings_show_no_directory_that_has_no_python(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "secrets" / "bin").mkdir(parents=True)
    config = environment.python.parents[1] / "pyvenv.cfg"
    config.write_text(f"home = {tmp_path}/secrets/bin\n")
    base = find_base(read(environment))
    assert str(tmp_path / "secrets") not in base.prefixes
    assert base.library == str(Path(os.__file__).parent)


def test_what_says_it_is_editable_shows_nothing_but_a_project(
    environment: Environment, tmp_path: Path
) -> None:
    project = add_editable(environment, tmp_path, {"mine.pth": f"{tmp_path}/project/src\n"})
    shown, (finding,) = find_projects(read(environment))
    assert shown == ()
    assert "which is no project: not shown" in finding.message
    (project / "pyproject.toml").touch()
    assert find_projects(read(environment)) == ((str(project),), ())


def test_a_whole_system_is_no_environment(environment: Environment) -> None:
    with pytest.raises(InputError, match="this whole system"):
        find_base(replace(read(environment), root=Path("/usr")))


def add_editable(environment: Environment, tmp_path: Path, files: dict[str, str]) -> Path:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    url = f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}'
    add_distribution(
        environment, tmp_path / "work", "mine", {**files, "mine-1.0.dist-info/direct_url.json": url}
    )
    return project


def test_editable_installs_are_found_by_their_pth_files(environment: Environment, tmp_path: Path) -> None:
    lines = f"import os; os._exit(3)\n{tmp_path}/project/src\n{tmp_path}\n/etc\n"
    project = add_editable(environment, tmp_path, {"mine.pth": lines})
    linked = find_linked(read(environment))
    assert linked["mine"].roots == (f"{project}/src",), "what is outside of the project is not of it"


def test_editable_installs_of_setuptools_are_found_by_their_names(
    environment: Environment, tmp_path: Path
) -> None:
    files = {"__editable___mine_finder.py": "", "mine-1.0.dist-info/top_level.txt": "mine\nother\n"}
    project = add_editable(environment, tmp_path, files)
    linked = find_linked(read(environment))["mine"]
    assert linked.roots == (f"{project}/src", str(project))
    assert linked.names == {"mine", "other"}


def test_directories_of_libraries_are_shown_if_they_have_what_is_needed(
    environment: Environment, tmp_path: Path
) -> None:
    for name in ("used", "unused"):
        (tmp_path / name).mkdir()
    (tmp_path / "used" / "libx.so.1").write_bytes(build_elf(tmp_path / "elf", "libx.so.1"))
    (tmp_path / "unused" / "secret").write_text("it is mine")
    paths = [str(tmp_path / "used"), str(tmp_path / "unused"), "/nix/store/x", "$ORIGIN/y"]
    elf = build_elf(tmp_path / "elf", "demo.so", needed=["libx.so.1", "secret"], runpath=paths)
    add_distribution(environment, tmp_path / "work", "other", {"other/x.so": elf})
    assert find_libraries(read(environment)) == ((), ()), "it was not patched"
    (environment.python.parents[1] / ".wheelfix").mkdir()
    assert find_libraries(read(environment)) == ((str(tmp_path / "used"),), ())


def test_directories_that_nixos_does_not_have_are_told(environment: Environment, tmp_path: Path) -> None:
    place = next(path for path in list_library_directories() if Path(path, "libc.so.6").exists())
    elf = build_elf(tmp_path / "elf", "demo.so", needed=["libc.so.6"], runpath=[place])
    add_distribution(environment, tmp_path / "work", "other", {"other/x.so": elf})
    (environment.python.parents[1] / ".wheelfix").mkdir()
    shown, strange = find_libraries(read(environment))
    assert (shown, strange) == ((), (place,))
    (finding,) = tell_strange(strange)
    assert finding.subject == place
