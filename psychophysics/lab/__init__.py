"""The laboratory: windows, keys, calibration and photometers. Only this folder imports PsychoPy."""
