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


def explain_text(text: str) -> list[Trouble]:
    account = read_messages([text.encode()])
    situation = Situation(account=account)
    found = (EXPLAIN[one.kind](one, situation) for one in account.symptoms if one.kind in EXPLAIN)
    return [trouble for trouble in found if trouble]


def test_one_way_to_the_driver_beside_libraries_of_cuda() -> None:
    driver = "Could not find cuda drivers on your machine, GPU will not be used.\n"
    (alone,) = explain_text(driver)
    assert "LD_LIBRARY_PATH=/run/opengl-driver/lib COMMAND" in alone.now
    both = explain_text(f"{driver}tensorflow: Cannot dlopen some GPU libraries.\n")
    lines = [line for trouble in both for line in trouble.now]
    assert "LD_LIBRARY_PATH=/run/opengl-driver/lib COMMAND" not in lines
    assert any(line.endswith(":/run/opengl-driver/lib COMMAND") for line in lines)
    assert "pip install 'tensorflow[and-cuda]'" in lines


def test_words_that_are_of_no_gpu() -> None:
    for text in ("No suitable adapter found for <class 'Shop'>", "HTTPError: no element 'price' in page"):
        assert not read_messages([text.encode()]).symptoms
