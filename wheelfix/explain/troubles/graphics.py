"""Messages about GPUs: drivers, CUDA, and where programs look for them."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import word

WORDINGS = (
    # triton: backends/nvidia/driver.py asks ldconfig, and says so if it got no answer.
    word(
        SymptomKind.NO_LDCONFIG,
        "/sbin/ldconfig",
        r"(?:No such file or directory|not found): '?/sbin/ldconfig",
    ),
)


def _explain_ldconfig(_symptom: Symptom, _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.NO_LDCONFIG,
        what="A package asks /sbin/ldconfig where libcuda.so.1 is. NixOS has no such program.",
        now=("TRITON_LIBCUDA_PATH=/run/opengl-driver/lib COMMAND",),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.NO_LDCONFIG: _explain_ldconfig,
}
