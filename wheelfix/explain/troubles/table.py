"""Table of the subjects of messages, and of their explanations by the kind of symptom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles import (
    building,
    collisions,
    computing,
    evaluating,
    graphics,
    hooks,
    loading,
    outdated,
    projects,
    running,
    starting,
    toolkits,
    variables,
    wheels,
)
from wheelfix.explain.troubles.common import Explain

SUBJECTS: Final = (
    loading,
    starting,
    running,
    toolkits,
    graphics,
    computing,
    variables,
    building,
    hooks,
    evaluating,
    outdated,
    projects,
    wheels,
    collisions,
)
"""The subjects, in the order in which a line's symptoms are told."""

_EXPLAIN: Final[Mapping[SymptomKind, Explain]] = {
    kind: explain for subject in SUBJECTS for kind, explain in subject.EXPLAIN.items()
}


def find_trouble(symptom: Symptom, situation: Situation) -> Trouble | None:
    """Explain a symptom that is not a missing library.

    Args:
        symptom: a symptom of any other kind.
        situation: what is known beside it.

    Returns:
        None if what is known tells that the message is about something else.
    """
    return _EXPLAIN[symptom.kind](symptom, situation)
