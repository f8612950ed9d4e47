"""Messages other than missing libraries: their wordings, and what they mean, by subject."""
