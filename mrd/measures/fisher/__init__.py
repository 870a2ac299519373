"""Thresholds that a model predicts: Fisher information of its activations about the scene."""
