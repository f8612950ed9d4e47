"""Table of explanations, by the kind of symptom."""

from __future__ import annotations

from typing import Final

from wheelfix.explain.model import Situation, Symptom, Trouble
from wheelfix.explain.troubles import building, evaluating, graphics, loading, starting, toolkits

_EXPLAIN: Final = {
    **loading.EXPLAIN,
    **starting.EXPLAIN,
    **toolkits.EXPLAIN,
    **graphics.EXPLAIN,
    **building.EXPLAIN,
    **evaluating.EXPLAIN,
}


def find_trouble(symptom: Symptom, situation: Situation) -> Trouble:
    """Explain a symptom that is not a missing library.

    Args:
        symptom: a symptom of any other kind.
        situation: what is known beside it.
    """
    return _EXPLAIN[symptom.kind](symptom, situation)
