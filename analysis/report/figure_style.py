"""Style of all figures; marks and lines differ, so that figures are readable in greyscale."""

# Colours that differ in print (Okabe & Ito 2008): the first for people, the others for models.
INK = ("#000000", "#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#999999")
MARKS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
STYLE = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "mrd",  # equal figures are equal files
}
WIDE = 7.2  # inches
# Physical distances, as the stimulus set names them.
UNITS = {
    "chamfer": "Chamfer (target's radii)",
    "rms_log_reflectance": "RMS log reflectance",
    "rms_log_radiance": "RMS log radiance",
    "angle": "angle (degrees)",
    "level": "level",
}
