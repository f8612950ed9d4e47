"""Lock files: bytes in, models out."""
