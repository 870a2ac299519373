"""Thresholds that a model predicts, from the Fisher information in its activations."""
