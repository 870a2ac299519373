"""What a model sees: searches for scene metamers, and the command line of the suite."""
