"""Vision models: networks with chosen layers, as functions from images to activations."""
