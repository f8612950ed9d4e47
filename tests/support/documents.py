"""What ``--json`` prints, held against the schema that it names."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from wheelfix.report.json import load_schema


def check_document(text: str) -> Any:
    """Read a document, or a list of documents, each of which must be as its schema says."""
    found = json.loads(text)
    for document in found if isinstance(found, list) else [found]:
        jsonschema.Draft202012Validator(load_schema(document["schema"])).validate(document)
    return found
