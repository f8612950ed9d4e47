from __future__ import annotations

import pytest

from wheelfix.report.escape import hide_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hunter2@h.example/x: 404", "https://***@h.example/x: 404"),
        ("https://hunter2@h.example/x", "https://***@h.example/x"),
        ("git+ssh://git:hunter2@h.example/x.git@v1", "git+ssh://***@h.example/x.git@v1"),
        ("'https://me:hunt@er2@h.example'", "'https://***@h.example'"),
        ("https://me:hun/ter2@h.example/x", "https://***@h.example/x"),
        ("https://me:hunter2@h.example and http://a:hunter2@b", "https://***@h.example and http://***@b"),
        ("https://h.example/pkg@1.2/x", "https://h.example/pkg@1.2/x"),
        ("https://h.example:8443/pkg@1.2", "https://h.example:8443/pkg@1.2"),
        ("https://[::1]:8443/pkg@1.2", "https://[::1]:8443/pkg@1.2"),
        ("https://h.example?mail=a@b", "https://h.example?mail=a@b"),
        ("mail me@h.example: no URL", "mail me@h.example: no URL"),
    ],
)
def test_who_logs_in_and_how_is_not_shown(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown
    assert "hunter2" not in hide_passwords(text)
