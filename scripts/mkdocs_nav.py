"""A hook of mkdocs: navigation entries that end with a slash become the pages of that directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    config["nav"] = list_pages(config["nav"], Path(config["docs_dir"]))
    return config


def list_pages(entries: list[Any], docs: Path) -> list[Any]:
    """The same entries, with directories replaced by their pages: index.md first, then by name."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            found += [
                {title: list_pages(below, docs) if isinstance(below, list) else below}
                for title, below in entry.items()
            ]
        elif entry.endswith("/"):
            pages = sorted((docs / entry).glob("*.md"), key=lambda page: (page.name != "index.md", page.name))
            found += [f"{entry}{page.name}" for page in pages]
        else:
            found.append(entry)
    return found
