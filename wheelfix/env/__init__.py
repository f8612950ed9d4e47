"""Complete environment definitions."""
