"""A page that shows one or several scenes in 3D, in any browser and without a network."""
