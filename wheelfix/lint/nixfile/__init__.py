"""Reads what Nix files say about packages, without evaluating them."""
