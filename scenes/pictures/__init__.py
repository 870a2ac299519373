"""Picture files: one module for each format; start at `scenes.pictures.files`."""
