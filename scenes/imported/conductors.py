"""Reflectance of metals at normal incidence."""

import numpy as np

RGB = tuple[float, float, float]

# Linear Rec. 709, of the spectra that Mitsuba 3.9 stores for these materials.
REFLECTANCE: dict[str, RGB] = {
    "Au": (0.967, 0.802, 0.324),
    "Ag": (0.975, 0.958, 0.906),
    "Al": (0.928, 0.918, 0.919),
    "Cu": (0.952, 0.620, 0.511),
    "Cr": (0.688, 0.649, 0.687),
    "W": (0.575, 0.478, 0.433),
    "TiN": (0.641, 0.452, 0.198),
    "Hg": (0.814, 0.770, 0.763),
    "K": (0.954, 0.936, 0.920),
    "Li": (0.925, 0.884, 0.793),
    "Be": (0.598, 0.521, 0.506),
    "Ir": (0.743, 0.680, 0.631),
    "Ta": (0.456, 0.342, 0.380),
    "Mo": (0.618, 0.562, 0.541),
    "Nb": (0.564, 0.489, 0.473),
    "Rh": (0.824, 0.754, 0.722),
    "Cu2O": (0.315, 0.246, 0.238),
    "CuO": (0.291, 0.198, 0.183),
    "d-C": (0.212, 0.158, 0.145),
    "a-C": (0.279, 0.194, 0.169),
    "none": (1.0, 1.0, 1.0),
}


def reflectance(eta: RGB, k: RGB) -> RGB:
    """Return the reflectance at normal incidence of a complex index of refraction η + ik."""
    n, absorbed = np.array(eta), np.array(k)
    red, green, blue = ((n - 1) ** 2 + absorbed**2) / ((n + 1) ** 2 + absorbed**2)
    return float(red), float(green), float(blue)
