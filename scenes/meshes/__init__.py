"""Meshes from files and back."""
