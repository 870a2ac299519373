"""A short summary of a set."""

from typing import Any

from stimuli import schema
from stimuli.aovs import kinds_in
from stimuli.second_judgement import in_words, second_judgement
from stimuli.stimulus_set import StimulusSet
from stimuli.visual_angle import degrees


def summary(
    stimuli: StimulusSet, distance: float | None = None, pitch: float | None = None
) -> dict[str, Any]:
    """Summarise a set.

    Parameters
    ----------
    stimuli
        The set.
    distance, pitch
        Viewing distance and distance of neighbouring pixels, mm. With both, the summary has the
        images' size in degrees of visual angle.

    Returns
    -------
    dict
        Plain data by label.
    """
    table = stimuli.table
    images = stimuli.file[schema.IMAGES]
    height, width = images.shape[1:3]
    shown: dict[str, Any] = {
        "study": ", ".join(table["study"].unique()),
        "content hash": stimuli.content_hash,
        "images": f"{len(table)} of {width} × {height} pixels, {8 * images.dtype.itemsize} bits",
        "radiance": "yes" if schema.RADIANCE in stimuli.file else "no",
        "aovs": ", ".join(kinds_in(stimuli)) or "none",
        "clipped": f"at most {table['clipped'].max():.2%} of an image's pixels",
        "matched": "yes" if ((table["matching_gain"] != 1).any()) else "no",
    }
    if distance is not None and pitch is not None:
        across, down = (degrees(pixels, distance, pitch) for pixels in (width, height))
        shown["visual angle"] = f"{across:.2f}° × {down:.2f}° at {distance:g} mm"
    for column in ("target", "attribute", "camera", "light"):
        shown[f"{column}s"] = ", ".join(table[column].unique())
    counts = table["role"].value_counts(sort=False)
    shown["roles"] = ", ".join(f"{role} {count}" for role, count in counts.items())
    for name, layers in stimuli.models.items():
        shown[f"distances of {name}"] = ", ".join(layers)
        if lines := in_words(second_judgement(stimuli, name)):
            shown[f"verdicts of {name}"] = "\n".join(lines)
    if runs := ", ".join(stimuli.file.get(schema.PIXEL_METAMERS, ())):
        shown["pixel metamers"] = runs
    for kind, records in stimuli.findings._asdict().items():
        if records:
            shown[kind.replace("_", " ")] = ", ".join(records)
    return shown
