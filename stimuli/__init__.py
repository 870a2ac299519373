"""Stimulus sets: images, their table, their scenes and their provenance."""
