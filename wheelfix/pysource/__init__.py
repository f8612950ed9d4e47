"""Reads what Python sources open by name."""
