"""The tasks: images of a trial, their layout, and the right answer."""
