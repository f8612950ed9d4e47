"""GPUs: what is advised where it is known whether the driver is there."""

from __future__ import annotations

from wheelfix.explain.model import Seen, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.graphics import EXPLAIN


def explain(symptom: Symptom, seen: Seen) -> Trouble:
    trouble = EXPLAIN[symptom.kind](symptom, Situation(seen=seen))
    assert trouble is not None
    return trouble


def test_no_driver() -> None:
    symptom = Symptom(kind=SymptomKind.NO_DRIVER)
    both = explain(symptom, Seen())
    assert both.paste
    assert any("nix-gl-host" in line for line in both.now)
    on_nixos = explain(symptom, Seen(ran=True, nixos=True))
    assert on_nixos.paste
    assert not on_nixos.now
    there = explain(symptom, Seen(ran=True, nixos=True, driver=True))
    assert not there.paste
    assert "LD_LIBRARY_PATH=/run/opengl-driver/lib" in there.now[0]
    elsewhere = explain(symptom, Seen(ran=True))
    assert not elsewhere.paste
    assert any("nixGL" in line for line in elsewhere.now)


def test_parts_of_cuda_are_told_together() -> None:
    text = "Unable to load cuFFT. Is it installed?\nUnable to load cuSOLVER. Is it installed?\n"
    (symptom,) = read_messages([text.encode()]).symptoms
    assert symptom.names == ("cuFFT", "cuSOLVER")


def test_words_that_are_no_part_of_cuda() -> None:
    assert not read_messages([b"Unable to load customers from the database\n"]).symptoms
    assert not read_messages([b"Unable to load CUstomer.csv\n"]).symptoms
