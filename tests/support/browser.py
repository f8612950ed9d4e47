"""A real browser, Debian's chromium, for pages on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

PATIENCE = 60_000.0
"""Milliseconds: for what is going to happen, on a machine that does much else."""


@contextmanager
def start_browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    program = shutil.which("chromium")
    assert program, "bash .ci/setup test installs chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@dataclass(kw_only=True)
class Visit:
    """An open page, and what it did on the way.

    Attributes:
        complaints: errors and warnings of the console, and exceptions nobody caught.
        requests: what it asked for, itself left out.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


def visit(context: BrowserContext, path: Path) -> Visit:
    """Open a page and wait until it has loaded."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Visit(page=page)
    page.on("console", lambda message: seen.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request))
    page.goto(path.as_uri())
    own = seen.requests.pop(0)
    assert own.url == path.as_uri()
    return seen
