"""Lock formats: bytes to models, one format a file."""
