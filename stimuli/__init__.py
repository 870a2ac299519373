"""What people see: sets of images, their labels and their provenance."""
