"""What explanations share."""

from __future__ import annotations

from collections.abc import Callable

from wheelfix.explain.model import Situation, Symptom, Trouble

Explain = Callable[[Symptom, Situation], Trouble | None]
"""A function that explains symptoms of one kind; None if it is known that the text is about others."""
FROM_NIX = "$(nix-build --no-out-link '<nixpkgs>' -A {attr})"
"""Shell code for the store path of an attribute."""
UNSET = "env -u LD_LIBRARY_PATH -u LD_PRELOAD COMMAND"
"""Shell command that runs another one without libraries of other places."""
