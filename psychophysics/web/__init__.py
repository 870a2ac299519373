"""An experiment as a page for a browser: the page's folder, and the way back of what it saves."""
