"""The steps of a study: which remain and why, running them, and their state."""
