"""Writes Nix code: an expression tree, its printer, and pieces that several dialects share."""
