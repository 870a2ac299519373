"""What a model sees: networks with chosen layers, as functions from images to activations."""
