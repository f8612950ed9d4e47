"""Libraries of two places in one process: who runs on what, told once for one cause."""

from __future__ import annotations

from wheelfix.explain.model import Seen, Situation, Trouble
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.table import find_trouble

STORE = "/nix/store/22222222222222222222222222222222"


def explain(text: str, seen: Seen | None = None) -> list[Trouble]:
    account = read_messages([text.encode()])
    situation = Situation(account=account, seen=seen or Seen())
    found = (find_trouble(symptom, situation) for symptom in account.symptoms)
    return list(dict.fromkeys(one for one in found if one))


def test_one_cause_is_told_once() -> None:
    (trouble,) = explain(
        "".join(
            f"tool: /lib64/libc.so.6: version `GLIBC_2.{minor}' not found "
            f"(required by {STORE}-x/lib/lib{name}.so)\n"
            for minor, name in ((34, "a"), (32, "b"), (34, "b"), (36, "c"), (33, "d"))
        )
    )
    assert "and 1 more want GLIBC_2.32, GLIBC_2.33, GLIBC_2.34, GLIBC_2.36" in trouble.what


def test_two_causes_are_told() -> None:
    host, wheel = explain(
        f"tool: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by {STORE}-x/lib/liba.so)\n"
        "tool: /lib64/libc.so.6: version `GLIBC_2.35' not found (required by "
        "/home/bea/env/lib/python3.9/site-packages/numpy/core.so)\n"
    )
    assert "LD_LIBRARY_PATH" in host.what
    assert "libc is too old" in wheel.what


def test_the_variable_is_seen() -> None:
    text = f"git: {STORE}-glibc-2.35-1/lib/libc.so.6: version `GLIBC_2.38' not found (required by git)\n"
    (trouble,) = explain(text, Seen(ran=True, variables={"LD_LIBRARY_PATH": f"/x:{STORE}-glibc-2.35-1/lib"}))
    assert f"LD_LIBRARY_PATH has {STORE}-glibc-2.35-1/lib." in trouble.now[0]
    (trouble,) = explain(text, Seen(ran=True))
    assert "is not set here" in trouble.now[0]
