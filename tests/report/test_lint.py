from __future__ import annotations

from tests.support.documents import check_document
from wheelfix.lint.model import Instead, Linted, LintFinding, Place, Rule
from wheelfix.model.base import encode_indented, replace
from wheelfix.model.scan import Level
from wheelfix.report.json import document_check
from wheelfix.report.lint import render_lint


def finding(
    rule: Rule, level: Level, *, subject: str = "openssl", line: int = 3, suggestion: str = ""
) -> LintFinding:
    return LintFinding(
        rule=rule,
        level=level,
        path="x.nix",
        place=Place(line=line, column=7) if line else None,
        package="numba",
        subject=subject,
        message="no wheel wants it",
        suggestion=suggestion,
    )


FINDINGS = (
    finding(Rule.MISSING_OVERRIDE, Level.ERROR, subject="numba", line=0),
    finding(Rule.UNNEEDED_INPUT, Level.WARNING, suggestion="remove it"),
    finding(Rule.UNKNOWN_INPUT, Level.NOTE),
    finding(Rule.NOT_CHECKED, Level.NOTE, subject="torch"),
    finding(Rule.NOT_CHECKED, Level.NOTE, subject="torch", line=9),
)


def test_lines_are_what_editors_jump_to() -> None:
    assert render_lint(FINDINGS).splitlines() == [
        "x.nix: error: numba: no wheel wants it [missing-override]",
        "x.nix:3:7: warning: numba: openssl: no wheel wants it [unneeded-input]",
        "    -> remove it",
        "x.nix:3:7: note: numba: openssl: no wheel wants it [unknown-input]",
        "not checked, no target is one of them: torch",
        "1 error, 1 warning, 1 note",
    ]


def test_without_details_notes_stay_away() -> None:
    text = render_lint(FINDINGS, details=False)
    assert "note:" not in text
    assert "not checked" not in text


def test_what_stands_in_the_place_of_a_wheel_is_told_apart_from_what_is_no_target() -> None:
    built = replace(finding(Rule.NOT_CHECKED, Level.NOTE), instead=Instead.SOURCE)
    assert render_lint([built]).splitlines() == [
        "x.nix:3:7: note: numba: openssl: no wheel wants it [not-checked]",
        "nothing to say: the overrides fit the wheels",
    ]


def test_nothing_found() -> None:
    assert render_lint(()) == "nothing to say: the overrides fit the wheels\n"


def test_foreign_text_cannot_drive_the_terminal() -> None:
    text = render_lint([finding(Rule.UNKNOWN_INPUT, Level.NOTE, subject="a\x1b[31m\nb")])
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2


def test_json_follows_its_schema() -> None:
    document = check_document(encode_indented(document_check(FINDINGS, path="x.nix")))
    assert document["schema"] == "wheelfix.check/1"
    assert [f["rule"] for f in document["findings"]] == [f.rule.value for f in FINDINGS]
    assert (document["findings"][0]["line"], document["findings"][1]["column"]) == (None, 7)


def test_only_errors_change_the_exit_code() -> None:
    assert not Linted(findings=FINDINGS).passed
    assert Linted(findings=FINDINGS[1:]).passed
