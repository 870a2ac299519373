"""One module for each kind of picture file; `scenes.picture_files` is the way in."""
