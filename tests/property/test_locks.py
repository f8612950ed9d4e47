"""Whatever is in a lock, it is read, or refused in one line that names it."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lockfile.markers import make_runtime
from wheelfix.lockfile.project import drop_python, parse_project, render_project
from wheelfix.lockfile.read import make_lock, parse_document
from wheelfix.lockfile.requirements import parse_requirements
from wheelfix.lockfile.select import Asked, choose_sources, select_packages
from wheelfix.model.lock import Lock
from wheelfix.outside.requirements import find_platforms

LOCKS = Path(__file__).parents[2] / "fixtures" / "locks"
RUNTIME = make_runtime("3.12", "x86_64-linux", find_platforms("x86_64-linux"))
NAMES = (
    *("workbench.uv.lock", "workbench.pylock.toml", "arrow.poetry.lock"),
    *("sound.pdm.lock", "sound.Pipfile.lock"),
)
DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2),
    st.just({}), st.floats(), st.dates(), st.datetimes(), st.just(10**300), st.just(DEEP),
    st.sampled_from(["../..", "sha256:0", "a b", "extra == ", "\x00", "https://[", "9" * 50, "a\nb"]),
    st.just("9" * 5000),
)  # fmt: skip


def shorten(document: dict[str, Any]) -> dict[str, Any]:
    """A few packages are enough to break."""
    if "_meta" in document:
        return document
    key = "packages" if "packages" in document else "package"
    kept = [p for p in document[key] if p["name"] in {"torch", "numpy", "workbench", "arrow", "six", "cffi"}]
    return {**document, key: kept}


DOCUMENTS = {name: shorten(parse_document(name, (LOCKS / name).read_text())) for name in NAMES}
PROJECT = tomllib.loads((LOCKS / "workbench.pyproject.toml").read_text()) | {
    "tool": {
        "poetry": {
            "dependencies": {"six": {"version": "*", "optional": True}, "arrow": "^1"},
            "group": {"dev": {"dependencies": {"cffi": [{"version": "1"}, {"version": "2"}]}}},
        },
        "uv": {"default-groups": ["dev"]},
        "wheelfix": {"free-threaded": False, "providers": {"torch": "nixpkgs"}},
    }
}


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, below in pairs for place in [(*path, key), *list_places(below, (*path, key))]]


PLACES = {name: list_places(document) for name, document in DOCUMENTS.items()}


def catch(work: Callable[[], object]) -> InputError | None:
    """The refusal, if there is one; anything else is a bug."""
    try:
        work()
    except InputError as error:
        return error
    return None


def damage(document: dict[str, Any], places: list[tuple[Any, ...]], data: st.DataObject) -> dict[str, Any]:
    """The same document with something else, or nothing, at one place."""
    document = copy.deepcopy(document)
    *parents, last = data.draw(st.sampled_from(places))
    holder: Any = document
    for key in parents:
        holder = holder[key]
    junk = data.draw(JUNK)
    if junk is None:
        del holder[last]
    else:
        holder[last] = junk
    return document


def use(lock: Lock) -> None:
    choose_sources(select_packages(lock, RUNTIME, Asked(extras=("*",))), (), RUNTIME, as_nix=True)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_mutated_locks(name: str, data: st.DataObject) -> None:
    document = damage(DOCUMENTS[name], PLACES[name], data)
    made: list[Lock] = []
    refused = catch(lambda: made.append(make_lock(name, document)))
    assert refused is None or refused.subject.startswith(name)
    refused = refused or catch(lambda: use(made[0]))
    assert refused is None or (refused.subject and "\n" not in refused.subject + refused.problem)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_projects(data: st.DataObject) -> None:
    document = damage(PROJECT, list_places(PROJECT), data)
    try:
        text = tomli_w.dumps(document)
    except RecursionError:
        text = tomli_w.dumps({"tool": {"uv": {"sources": {}}}}) + f"[a]\nb = {'[' * 5000}{']' * 5000}\n"
    lock = DOCUMENTS["arrow.poetry.lock"]

    def work() -> None:
        project = parse_project("pyproject.toml", text)
        render_project(drop_python(project), "lab", "3.12")
        make_lock("poetry.lock", lock, project)

    refused = catch(work)
    assert refused is None or refused.subject.startswith("pyproject.toml")
    assert refused is None or "\n" not in refused.subject + refused.problem


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab=-. ;#\\\n<>[]@:/'\"1 hsh256"), max_size=80))
def test_any_text_as_requirements(text: str) -> None:
    refused = catch(lambda: parse_requirements("requirements.txt", f"{text}\n"))
    assert refused is None or refused.subject.startswith("requirements.txt: line ")
