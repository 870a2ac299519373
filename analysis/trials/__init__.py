"""Trials of all sessions: loading, joining, pooling and exclusions."""
