"""Images of scenes, and gradients from images back to scenes, by Mitsuba 3."""
