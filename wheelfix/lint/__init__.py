"""Overrides that are there already, held against what wheels need."""
