"""Messages of toolkits and their displays: Qt, GTK, SDL, X11 and Wayland."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import word

WORDINGS = (
    # Qt: src/gui/kernel/qguiapplication.cpp, src/plugins/platforms/xcb.
    word(
        SymptomKind.PLUGIN,
        "Qt platform plugin",
        r"[Cc]ould not (?:load|find) the Qt platform plugin \"(?P<soname>\w+)\"",
    ),
)


def _explain_plugin(symptom: Symptom, _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.PLUGIN,
        what=f"Qt found its platform plugin {symptom.soname} and could not load it; it does not say why.",
        now=("QT_DEBUG_PLUGINS=1 wheelfix explain -- COMMAND",),
        answered=False,
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.PLUGIN: _explain_plugin,
}
