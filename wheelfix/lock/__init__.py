"""Lock files: uv.lock, pylock.toml, poetry.lock, hashed requirements.txt → :mod:`wheelfix.model.lock`."""
