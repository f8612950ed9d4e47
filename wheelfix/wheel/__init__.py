"""Wheel archives: members, metadata, inflated streams."""
