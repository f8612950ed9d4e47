"""Manifests of pixi, in the forms of its reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lockfile.pixi_toml import has_manifest, parse_manifest
from wheelfix.model.conda_project import CondaProject, PipSources, VirtualPackage

WORKSPACE = '[workspace]\nname = "lab"\nchannels = ["conda-forge"]\nplatforms = ["linux-64"]\n'
FULL = """
[workspace]
name = "lab"
channels = [{ channel = "weak", priority = -1 }, "conda-forge", { channel = "strong", priority = 1 }]
platforms = ["osx-arm64", { platform = "linux-64", cuda = "12.0", glibc = "2.28" }]

[workspace.dependencies]
shared = ">=1"

[dependencies]
python = "3.11.*"
numpy = { version = ">=1.2", build = "py311*", build-number = 3 }
shared = { workspace = true, channel = "conda-forge" }
"ruamel.yaml" = "*"

[host-dependencies]
zlib = "*"

[constraints]
openssl = ">=3"

[target.unix.dependencies]
where = "1.*"

[target.linux.dependencies]
where = "2.*"

[target.linux-64.dependencies]
where = "3.*"

[target.win-64.dependencies]
pywin32 = "*"

[pypi-dependencies]
requests = { version = ">=2", extras = ["socks"], env-markers = "sys_platform == 'linux'" }
numpy = "*"
wheel-of-it = { url = "https://files.example.org/wheel_of_it-1.0-py3-none-any.whl" }
lab = { path = ".", editable = true }

[pypi-options]
index-url = "https://pypi.example.org/simple"
extra-index-urls = ["https://more.example.org/simple"]
find-links = [{ path = "./wheels" }]

[system-requirements]
cuda = "12.4"
libc = { family = "glibc", version = "2.31" }

[activation.env]
MODE = "fast"
PLACE = "$HOME/x"

[feature.test.dependencies]
pytest = "*"

[feature.test]
channels = ["testing"]

[feature.docs.pypi-dependencies]
mkdocs = "~=1.6"

[environments]
test = { features = ["test"], solve-group = "main" }
docs = { features = ["docs"], solve-group = "main" }
bare = { features = ["test"], no-default-feature = true }
short = ["docs"]
"""


def parse(text: str, environment: str = "default", *, subdir: str = "linux-64") -> CondaProject:
    return parse_manifest("pixi.toml", text, subdir, environment)


def tell(project: CondaProject) -> str:
    return "\n".join(finding.message for finding in project.findings)


def test_the_default_environment_is_read() -> None:
    project = parse(FULL)
    assert project.name == "lab"
    assert project.channels == ("strong", "conda-forge", "weak")
    assert project.specs == (
        "python 3.11.*",
        'numpy[version=">=1.2", build="py311*", build_number="3"]',
        'shared[version=">=1", channel="conda-forge"]',
        "ruamel.yaml",
        "where 3.*",
        "zlib",
    )
    assert project.constraints == ("openssl >=3",)
    # What is asked of conda is not asked of PyPI.
    assert project.requirements == (
        'requests[socks]>=2; sys_platform == "linux"',
        "wheel-of-it @ https://files.example.org/wheel_of_it-1.0-py3-none-any.whl",
    )
    assert project.declared == (
        VirtualPackage(name="__cuda", version="12.4"),
        VirtualPackage(name="__glibc", version="2.31"),
    )
    assert project.pip == PipSources(
        index="https://pypi.example.org/simple",
        extra=("https://more.example.org/simple",),
        find_links=("./wheels",),
    )
    assert project.variables == (("MODE", "fast"),)
    assert "lab as a directory" in tell(project)
    assert "PLACE from other variables" in tell(project)


def test_an_environment_has_its_features_and_is_solved_with_its_group() -> None:
    project = parse(FULL, "test")
    assert project.specs[0] == "pytest"
    assert "python 3.11.*" in project.specs
    assert project.channels == ("strong", "testing", "conda-forge", "weak")
    assert "mkdocs~=1.6" in project.requirements_beside
    assert "mkdocs~=1.6" not in project.requirements
    assert "pytest" in parse(FULL, "docs").beside
    bare = parse(FULL, "bare")
    assert bare.specs == ("pytest",)
    assert not bare.beside
    assert parse(FULL, "short").requirements[0] == "mkdocs~=1.6"


def test_an_unknown_environment_or_platform_is_named() -> None:
    with pytest.raises(InputError, match="has no environment 'tset'") as caught:
        parse(FULL, "tset")
    assert "test" in caught.value.hint
    with pytest.raises(InputError, match="but osx-arm64, linux-64"):
        parse(FULL, subdir="linux-aarch64")


def test_a_platform_may_have_a_name_that_features_pin() -> None:
    text = """
[workspace]
channels = ["a"]
platforms = ["linux-64", { name = "gpu", platform = "linux-64", cuda = { driver = "12.8", arch = "8.9" } }]
[feature.gpu]
platforms = ["gpu"]
[feature.gpu.target.gpu.dependencies]
torch = "*"
[environments]
gpu = ["gpu"]
"""
    assert parse(text).declared == ()
    project = parse(text, "gpu")
    assert project.specs == ("torch",)
    assert [(one.name, one.version) for one in project.declared] == [
        ("__cuda", "12.8"),
        ("__cuda_arch", "8.9"),
    ]


def test_a_manifest_in_pyproject_toml_takes_what_the_project_says() -> None:
    text = """
[project]
name = "my_project"
requires-python = ">=3.9, <4"
dependencies = ["numpy", "pandas>=1"]
[project.optional-dependencies]
test = ["pytest"]
all = ["extra", "my-project[test]", "my_project[all]"]
[dependency-groups]
dev = [{ include-group = "lint" }, { include-group = "dev" }, "x"]
lint = ["ruff"]
[tool.pixi.workspace]
channels = ["conda-forge"]
platforms = ["linux-64"]
[tool.pixi.dependencies]
numpy = "*"
[tool.pixi.environments]
all = ["all", "dev"]
"""
    project = parse_manifest("pyproject.toml", text, "linux-64", "all")
    assert project.specs == ("python >=3.9,<4", "numpy")
    assert project.requirements == ("extra", "pytest", "ruff", "x", "pandas>=1")
    assert project.name == "my_project"


def test_tables_on_several_lines_are_read() -> None:
    text = """
[workspace]
channels = ["a"] # {
platforms = ["linux-64"]
[dependencies]
python = {
    version = ">=3.12,<4", # not "3.11" }
    channel = 'conda-forge',
}
plain = { version = "1.*", }
[activation.env]
TEXT = "{ # no table \\" }"
[tasks]
a = { cmd = [
  "x",
], env = { A = "}",
  } }
"""
    project = parse(text)
    assert project.specs == (
        'python[version=">=3.12,<4", channel="conda-forge"]',
        'plain[version="1.*"]',
    )
    assert project.variables == (("TEXT", '{ # no table " }'),)


def test_which_files_are_manifests() -> None:
    assert has_manifest(WORKSPACE)
    assert has_manifest(WORKSPACE.replace("workspace", "project"))
    assert has_manifest(WORKSPACE.replace("workspace", "tool.pixi.workspace"))
    assert not has_manifest('[project]\nname = "x"\n')
    assert not has_manifest('[tool.uv.workspace]\nmembers = ["x"]\n')
    assert not has_manifest("x = ")


def test_a_manifest_without_platforms_is_for_any() -> None:
    assert parse('[workspace]\nchannels = ["a"]\n[dependencies]\nb = "*"\n').specs == ("b",)


def test_what_has_no_effect_is_told() -> None:
    text = (
        WORKSPACE
        + 'exclude-newer = "2025-01-01"\nsolve-strategy = "lowest"\nconda-pypi-map = { a = "b" }\n'
        + '[tasks]\nx = "y"\n[activation]\nscripts = ["a.sh"]\n[pypi-options]\nno-build = true\n'
        + '[pypi-dependencies]\na = { version = "*", index = "https://own.example.org/simple" }\n'
    )
    said = tell(parse(text))
    for word in (
        "exclude-newer",
        "'lowest'",
        "conda-pypi-map",
        "tasks",
        "scripts",
        "'no-build'",
        "index of its own",
    ):
        assert word in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("x = ", "is no TOML"),
        ('[dependencis]\na = "*"\n', "dependencis: is not known"),
        ('[dependencies]\na = { path = "x" }\n', r"dependencies.a: is built by pixi \(path\)"),
        ('[dependencies]\na = { git = "x" }\n', r"is built by pixi \(git\)"),
        ('[dependencies]\na = { when = "python" }\n', "dependencies.a.when: is not followed"),
        ('[dependencies]\na = { versoin = "1" }\n', "dependencies.a.versoin: is not known"),
        ("[dependencies]\na = 1\n", "dependencies.a: is neither text nor a table"),
        ("[dependencies]\na = { version = 'x\"y' }\n", "is no plain text"),
        ("[dependencies]\na = { workspace = true }\n", r"is not in \[workspace.dependencies\]"),
        ('[pypi-dependencies]\na = { git = "x" }\n', "a comes from a repository"),
        ('[pypi-dependencies]\na = "!!"\n', "is no requirement"),
        ("[pypi-dependencies]\na = 1\n", "is neither text nor a table"),
        ('[pypi-dependencies]\na = { versoin = "1" }\n', "versoin: is not known"),
        ("[environments]\ndefault = 1\n", "is neither a list nor a table"),
        ('[environments]\ndefault = ["x"]\n', "'x' is no feature"),
        ("[environments]\ndefault = [1]\n", r"features\[0\]: is not text"),
        ('[system-requirements]\ncuad = "12"\n', "is no property of a machine"),
        ('[system-requirements]\ncuda = "a b"\n', "is no version"),
        ('[activation.env]\n"a;b" = "c"\n', "is no variable"),
        ("dependencies = 1\n", "workspace.dependencies: is not a table"),
        ("channel-priority = 1\n", "channel-priority: is not text"),
    ],
)
def test_what_is_wrong_is_said(more: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse(WORKSPACE + more)
    assert "\n" not in str(caught.value)


def test_a_locked_manifest_need_not_be_solved() -> None:
    text = (
        WORKSPACE
        + '[dependencies]\na = { path = "x" }\nb = { when = "c" }\nd = "*"\n'
        + '[pypi-dependencies]\ne = { git = "x" }\n'
    )
    project = parse_manifest("pixi.toml", text, "linux-64", locked=True)
    assert project.specs == ("d",)
    assert project.requirements == ()


_VALUES = st.recursive(
    st.one_of(st.text(alphabet='ab"1.*{}[]#=,\n', max_size=6), st.integers(-2, 2), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["dependencies", "channels", "platforms", "target", "version", "features", "env", "a"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "workspace",
                "dependencies",
                "pypi-dependencies",
                "feature",
                "environments",
                "activation",
                "target",
            ]
        ),
        _VALUES,
    )
)
def test_any_document_is_read_or_refused(document: dict[str, object]) -> None:
    import tomli_w

    try:
        parse(tomli_w.dumps({"workspace": {"channels": ["a"], "platforms": ["linux-64"]}, **document}))
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most documents are refused


@given(st.text(alphabet="abc={}[],\"'#\n\\ ", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(WORKSPACE + text)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
