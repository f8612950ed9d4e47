"""One overlay for a whole lock."""
