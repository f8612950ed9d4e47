"""environment.yml, in the forms that conda and conda-lock document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lockfile.environment_yml import parse_environment
from wheelfix.model.conda_project import CondaProject, PipSources

FILE = "environment.yml"


def parse(text: str, subdir: str = "linux-64", channels: tuple[str, ...] = ()) -> CondaProject:
    return parse_environment(FILE, text, subdir, channels)


def tell(project: CondaProject) -> str:
    return "\n".join(finding.message for finding in project.findings)


def test_all_that_conda_documents_is_read() -> None:
    project = parse(
        """
name: lab
channels:
  - conda-forge
  - nodefaults
  - https://conda.example.org/extra
dependencies:
  - python =3.11
  - numpy>=1.2  # the oldest that works
  - conda-forge::click
  - pip
  - pip:
    - requests[socks]>=2 ; sys_platform == "linux"
    - tool @ https://files.example.org/tool-1.0-py3-none-any.whl
    - pinned==1.0 --hash=sha256:00
variables:
  MODE: yes
  VERSION: 3.10
prefix: /home/somebody/lab
category: dev
"""
    )
    assert project.name == "lab"
    assert project.channels == ("conda-forge", "https://conda.example.org/extra")
    assert project.specs == ("python =3.11", "numpy>=1.2", "conda-forge::click", "pip")
    assert project.requirements == (
        'requests[socks]>=2; sys_platform == "linux"',
        "tool @ https://files.example.org/tool-1.0-py3-none-any.whl",
        "pinned==1.0",
    )
    assert project.variables == (("MODE", "yes"), ("VERSION", "3.10"))
    assert project.category == "dev"
    assert not project.findings


def test_lines_for_other_platforms_are_left_out_as_conda_lock_does() -> None:
    text = """
channels: [a]
dependencies:
  - everywhere
  - linux   # [linux]
  - unix    # a word [unix]
  - fast    # [linux64]
  - arm     # [aarch64]
  - windows # [win]
  - not     # [not win]
  # - out   # [linux]
"""
    project = parse(text)
    assert project.specs == ("everywhere", "linux", "unix", "fast")
    assert tell(project) == "line 10 is left out: its selector [not win] is no word for a platform"
    assert parse(text, "linux-aarch64").specs == ("everywhere", "linux", "unix", "arm")


def test_platforms_have_to_have_the_target() -> None:
    text = "channels: [a]\ndependencies: [b]\nplatforms: [osx-64, linux-aarch64]\n"
    assert parse(text, "linux-aarch64").specs == ("b",)
    with pytest.raises(InputError, match="is for osx-64, linux-aarch64, not for linux-64"):
        parse(text)


def test_defaults_have_no_meaning_here() -> None:
    project = parse("channels: [defaults, conda-forge]\ndependencies: [a]\n")
    assert project.channels == ("conda-forge",)
    assert "'defaults'" in tell(project)
    alone = "channels: [defaults]\ndependencies: [a]\n"
    with pytest.raises(InputError, match="'defaults'") as caught:
        parse(alone)
    assert "--channel" in caught.value.hint
    assert parse(alone, channels=("b",)).channels == ("b",)
    assert parse("dependencies: [a]").channels == ()


def test_options_of_pip_are_followed_or_named() -> None:
    project = parse(
        """
channels: [a]
dependencies:
  - pip:
    - --index-url https://pypi.example.org/simple
    - --extra-index-url=https://more.example.org/simple
    - -f ./wheels
    - -e .
    - ../beside[extra]
    - tool  # why
pip-repositories: [https://third.example.org/simple]
allow-pypi-requests: false
"""
    )
    assert project.pip == PipSources(
        index="https://pypi.example.org/simple",
        extra=("https://more.example.org/simple", "https://third.example.org/simple"),
        find_links=("./wheels",),
    )
    assert project.requirements == ("tool",)
    assert "'-e .'" in tell(project)
    assert "'../beside[extra]', a directory" in tell(project)
    assert "allow-pypi-requests" in tell(project)


def test_keys_that_are_not_read_are_told() -> None:
    assert "'platfroms'" in tell(parse("channels: [a]\ndependencies: [b]\nplatfroms: [linux-64]\n"))


def test_empty_parts_are_no_errors() -> None:
    project = parse("channels:\ndependencies:\n  - a\n  - pip:\nvariables:\n")
    assert project.specs == ("a",)
    assert parse("dependencies:\n").specs == ()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no keys"),
        ("- a\n", "it has no keys"),
        ("name: x\n", "dependencies: is missing"),
        ("dependencies: a\n", "dependencies: is not a list"),
        ("dependencies: [[a]]\n", r"dependencies\[0\]: is neither text nor a table"),
        ("dependencies: [{npm: [a]}]\n", "only pip is known"),
        ("dependencies: [{pip: a}]\n", r"dependencies\[0\].pip: is not a list"),
        ("dependencies: [{pip: [{a: b}]}]\n", r"dependencies\[0\].pip\[0\]: is not text"),
        ("dependencies: [{pip: [-r other.txt]}]\n", "'-r other.txt' is an option that is not followed"),
        ("dependencies: [{pip: ['git+https://x.example.org/y']}]\n", "is no requirement"),
        ("dependencies: [{pip: ['y @ git+https://x.example.org/y']}]\n", "comes from a repository"),
        ("dependencies: [{pip: ['./y.whl']}]\n", "is no requirement"),
        ("dependencies: [{pip: ['a\\x1b[31m']}]\n", "is no requirement"),
        ("dependencies: []\nvariables: [a]\n", "variables: is not a table"),
        ("dependencies: []\nvariables: {'a;b': c}\n", "is no name of an environment variable"),
        ("dependencies: []\nvariables: {a: [b]}\n", "variables.a: is not text"),
        ('dependencies: []\nvariables: {a: "b\\e[31m"}\n', "variables.a: has characters that hide"),
        ('dependencies: []\nvariables: {a: "b\\u202e"}\n', "variables.a: has characters that hide"),
        ("dependencies: []\nname: [a]\n", "name: is not text"),
        ("dependencies: []\nchannels: a\n", "channels: is not a list"),
        ("dependencies: [\n", "is no YAML"),
        ("dependencies: !!python/object/apply:os.system [echo]\n", "has the tag"),
        ("[" * 10_000, "nest"),
        (BOMB, "has more than"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse(text)
    assert str(caught.value).startswith(FILE)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_many_brackets_do_not_hang() -> None:
    line = "- a " + "#[" * 20_000
    assert parse(f"channels: [a]\ndependencies:\n{line}\n").specs == ("a",)


_WORDS = st.text(alphabet="abc -:[]{}#&*!|>'\"%@`\n\t,=<\x00\x1bé", max_size=60)


@given(st.one_of(_WORDS, _WORDS.map(lambda text: f"channels: [a]\ndependencies:\n- {text}\n")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most texts are refused, some are not


@given(
    st.dictionaries(
        st.sampled_from(["name", "channels", "dependencies", "platforms", "variables", "category"]),
        st.recursive(
            st.text(alphabet="ab1.", max_size=4),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["pip", "x"]), inner),
            max_leaves=6,
        ),
    )
)
def test_any_document_is_read_or_refused(document: dict[str, object]) -> None:
    import json

    try:
        parse(json.dumps(document))
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
