"""Every wording that people meet: read, understood, and answered from the shipped index."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from wheelfix.explain.model import Explained, SymptomKind
from wheelfix.explain.read import clean_line, read_messages
from wheelfix.explain.wordings import WORDINGS
from wheelfix.flows.explain import explain_file
from wheelfix.index.choice import open_index, open_names
from wheelfix.index.table import SonameTable
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Dialect

MESSAGES: list[dict[str, Any]] = [
    message
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "messages").glob("*.toml"))
    for message in tomllib.loads(path.read_text("utf-8"))["message"]
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SonameTable:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return open_index()


def explain(message: dict[str, Any], index: SonameTable, directory: Path) -> Explained:
    (directory / "message").write_text(message["text"], "utf-8")
    dialect = Dialect(message["dialect"]) if "dialect" in message else None
    return explain_file(
        directory / "message",
        index=index,
        directory=directory,
        dialect=dialect,
        names_of=open_names(index),
    )


def test_every_wording_is_met() -> None:
    lines = [text for m in MESSAGES for raw in m["text"].encode().split(b"\n") for text, _ in clean_line(raw)]
    for one in WORDINGS:
        assert any(one.phrase in line and one.pattern.search(line) for line in lines), one.pattern.pattern
    read = {one.kind for m in MESSAGES for one in read_messages([m["text"].encode()]).symptoms}
    assert read == set(SymptomKind)


def test_there_are_many() -> None:
    assert len(MESSAGES) >= 50
    assert len({m["shape"] for m in MESSAGES}) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m["shape"])
def test_is_read(message: dict[str, Any]) -> None:
    reading = read_messages([message["text"].encode()])
    first = reading.symptoms[0]
    assert first.kind == message.get("kind", message.get("kinds", [None])[0])
    if "names" in message:
        assert list(first.names) == message["names"]
    if "kinds" in message:
        assert [s.kind for s in reading.symptoms] == message["kinds"]
        return
    for name in ("soname", "wanted_by", "version", "symbol"):
        if name in message:
            assert getattr(first, name) == message[name]
    if "sonames" in message:
        assert [s.soname for s in reading.symptoms if s.soname] == message["sonames"]
    else:
        assert len(reading.symptoms) == 1


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m["shape"])
def test_is_explained(message: dict[str, Any], index: SonameTable, tmp_path: Path) -> None:
    explained = explain(message, index, tmp_path)
    found = explained.explanation
    assert found.concerned
    assert found.answered is message.get("answered", True)
    if "package" in message:
        assert found.package is not None
        assert found.package.name == message["package"]
    if "package_version" in message:
        assert found.package is not None
        assert found.package.version == message["package_version"]
    if "interpreter" in message:
        assert found.interpreter == message["interpreter"]
    if "class" in message:
        assert found.missing[0].need_class is NeedClass(message["class"])
    assert list(found.build_inputs) == message.get("inputs", [])
    assert list(found.ignore_missing) == message.get("ignore", list(found.ignore_missing))
    assert list(found.siblings) == message.get("siblings", [])
    assert message.get("what", "") in " ".join(t.what for t in found.troubles)
    for key, said in (
        ("paste", " ".join(code for _, code in explained.paste)),
        ("now", "\n".join(explained.now)),
    ):
        parts = message.get(key, [])
        for part in [parts] if isinstance(parts, str) else parts:
            assert part in said, part
    for part in message.get("never", []):
        assert part not in "\n".join([*explained.now, *(t.what for t in found.troubles)])
    if found.build_inputs:
        assert all(attr in explained.paste[0][1] for attr in found.build_inputs)
        assert all(attr in " ".join(explained.now) for attr in found.build_inputs)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m["shape"])
@pytest.mark.parametrize(
    "dress",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\n".join(f"> {line}" for line in t.split("\n")),
        lambda t: "\n".join(f"\x1b[1;31m{line}\x1b[0m" for line in t.split("\n")),
        lambda t: "\n".join(f"       > {line}" for line in t.split("\n")),
        lambda t: "\n".join(["checking for cc... gcc -shared"] * 50 + [t] + ["done"] * 50),
    ],
    ids=["windows", "quoted", "coloured", "nix", "buried"],
)
def test_dress_changes_nothing(message: dict[str, Any], dress: Any) -> None:
    plain = read_messages([message["text"].encode()])
    dressed = read_messages([dress(message["text"]).encode()])
    assert dressed.symptoms == plain.symptoms


def test_a_second_shell_is_no_file_of_its_own(index: SonameTable, tmp_path: Path) -> None:
    site = "/home/ann/p/.venv/lib/python3.12/site-packages"
    text = f"""\
  File "{site}/wand/api.py", line 186, in <module>
    raise ImportError(msg)
ImportError: MagickWand shared library not found.
You probably had not installed ImageMagick library.
"""
    titles = [title for title, _ in explain({"text": text}, index, tmp_path).paste]
    assert titles[0] == "shell.nix"
    assert all("goes into the one above" in title for title in titles[1:])
    assert len(titles) > 1
