"""From an error message to what fixes it."""
