"""Renders results as text, for people and for machines."""
