"""Experiments in a browser: export of a page, and import of the sessions that it saves."""
