"""Explains error messages, and plans what fixes their cause."""
