"""Reads lock formats: bytes to models, one module per format."""
