"""A report as one page of HTML that needs nothing else, and asks nobody for anything.

The page is the same for every report: a shell, a style sheet and scripts of this package, with their hashes
in the page's Content-Security-Policy. What was found out is one block of JSON, which the scripts read. They
put it into the page as text only; the policy forbids them anything else (``require-trusted-types-for``), and
every connection, image, font and frame.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from string import Template

from wheelfix.report.model import Report
from wheelfix.report.page import document_report

_SCRIPTS = (
    "common.js",
    "cytoscape.min.js",
    "summary.js",
    "libraries.js",
    "layout.js",
    "graph.js",
    "start.js",
)
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {style}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def render_report(report: Report) -> str:
    """Render the page.

    Args:
        report: what was concluded.

    Returns:
        A complete HTML document, the same for the same report.
    """
    data = resources.files("wheelfix.report") / "data"
    style, shell = ((data / name).read_text("utf-8") for name in ("page.css", "page.html"))
    scripts = [(data / name).read_text("utf-8") for name in _SCRIPTS]
    policy = _POLICY.format(scripts=" ".join(map(_hash, scripts)), style=_hash(style))
    return Template(shell).substitute(
        policy=policy,
        style=style,
        data=_quote(json.dumps(document_report(report), separators=(",", ":"))),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _hash(source: str) -> str:
    """Name the content of an element as a policy does (CSP level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _quote(text: str) -> str:
    r"""Make JSON, ASCII already, fit for a script element: nothing in it can end the element.

    U+2028 and U+2029, which old JavaScript takes for line ends, are escaped because all of U+0080 and up is.

    Example:
        >>> _quote('["</script>"]')
        '["\\u003c/script\\u003e"]'
    """
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
