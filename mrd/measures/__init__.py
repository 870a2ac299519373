"""Measures of finished images and scenes: embeddings, pixel metamers, Fisher information."""
