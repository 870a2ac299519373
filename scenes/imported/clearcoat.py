"""Roughness of a clear layer as the gloss of a principled material."""

WIDEST, SHARPEST = 0.1, 0.001  # widths α of the layer's highlight at gloss 0 and 1 (Burley 2012)


def gloss_of(roughness: float) -> float:
    """Return the `clearcoat_gloss`, 0 to 1, of a layer with this roughness: α is its square."""
    gloss = (WIDEST - roughness**2) / (WIDEST - SHARPEST)
    return min(max(gloss, 0.0), 1.0)
