"""One module for each kind of picture file; `scenes.pictures.files` is the way in."""
