"""What a search moves: one file an attribute, each with its start, its bounds and its step."""
