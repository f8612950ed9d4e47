"""Messages in the language of the user."""

from __future__ import annotations

import json

import pytest

from wheelfix.explain.languages import Languages, translate
from wheelfix.explain.model import SymptomKind
from wheelfix.explain.read import read_messages
from wheelfix.model.tables import load_table

EVERY = [
    pytest.param(english, other, id=other)
    for english, others in load_table(Languages).messages.items()
    for other in others
]


@pytest.mark.parametrize(("english", "other"), EVERY)
def test_every_language_becomes_english(english: str, other: str) -> None:
    assert translate(f"bash: x: {other}y") == f"bash: x: {english}y"


@pytest.mark.parametrize("text", ["", "plain words", "什么都没有：没有", "Kommando zurück", "C\u00a0: D"])
def test_the_rest_stays_as_it_is(text: str) -> None:
    assert translate(text) == text


def test_colons_of_other_languages_are_those_of_english() -> None:
    assert translate("bash\u00a0: gcc\u00a0: commande introuvable") == "bash: gcc: command not found"
    assert translate("x.c:1:10: 致命错误：lber.h：没有那个文件或目录") == (
        "x.c:1:10: fatal error: lber.h: No such file or directory"
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("bash: ./.venv/bin/ruff: Datei oder Verzeichnis nicht gefunden", SymptomKind.NO_LOADER),
        (
            "x.c:1:10: schwerwiegender Fehler: lber.h: Datei oder Verzeichnis nicht gefunden",
            SymptomKind.HEADER,
        ),
        (
            "bash\u00a0: .venv/bin/ruff\u00a0: ne peut exécuter\u00a0: le fichier requis n'a pas été trouvé",
            SymptomKind.NO_LOADER,
        ),
        ("bash: pg_config: Kommando nicht gefunden.", SymptomKind.PROGRAM),
        ("OSError: libGL.so.1: 无法打开共享对象文件: 没有那个文件或目录", SymptomKind.MISSING),
        ("/nix/store/x/bin/ld: kann -lpq nicht finden", SymptomKind.LINKED),
    ],
)
@pytest.mark.parametrize("ascii_only", [None, False, True])
def test_messages_are_understood(text: str, kind: SymptomKind, ascii_only: bool | None) -> None:
    shown = text if ascii_only is None else json.dumps({"log": f"{text}\n"}, ensure_ascii=ascii_only)
    assert kind in {symptom.kind for symptom in read_messages([shown.encode()]).symptoms}


def test_characters_that_json_wrote_out_are_read() -> None:
    text = json.dumps(
        {"log": "timeout: failed to run command \u2018/p/.venv/bin/ruff\u2019: No such file or directory"}
    )
    (symptom,) = read_messages([text.encode()]).symptoms
    assert symptom.wanted_by == "/p/.venv/bin/ruff"


def test_halves_of_characters_are_no_error() -> None:
    assert not read_messages([rb'{"log": "\ud83d libGL.so.1 \udead\ud83d"}']).symptoms
