"""Checks existing overrides against what wheels need."""
