"""Sessions at a window, and calibration of its display. Only this folder imports PsychoPy."""
