"""When a scene counts as a metamer of its target: similarity, null, ceiling, verdict."""
