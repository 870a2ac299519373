"""What a set holds, in short."""

from typing import Any

from stimuli import schema
from stimuli.second_judgement import in_words, second_judgement
from stimuli.stimulus_set import StimulusSet
from stimuli.visual_angle import degrees


def summary(
    stimuli: StimulusSet, distance: float | None = None, pitch: float | None = None
) -> dict[str, Any]:
    """Tell what a set holds.

    Parameters
    ----------
    stimuli
        The set.
    distance, pitch
        Viewing distance and distance of neighbouring pixels, mm; with both, the images' size in
        degrees of visual angle is told.

    Returns
    -------
    dict
        Plain data, by what it is called.
    """
    table = stimuli.table
    images = stimuli.file[schema.IMAGES]
    height, width = images.shape[1:3]
    told: dict[str, Any] = {
        "study": ", ".join(table["study"].unique()),
        "content hash": stimuli.content_hash,
        "images": f"{len(table)} of {width} × {height} pixels, {8 * images.dtype.itemsize} bits",
        "radiance": "yes" if schema.RADIANCE in stimuli.file else "no",
        "clipped": f"at most {table['clipped'].max():.2%} of an image's pixels",
        "matched": "yes" if ((table["matching_gain"] != 1).any()) else "no",
    }
    if distance is not None and pitch is not None:
        across, down = (degrees(pixels, distance, pitch) for pixels in (width, height))
        told["visual angle"] = f"{across:.2f}° × {down:.2f}° at {distance:g} mm"
    for column in ("target", "attribute", "camera", "light"):
        told[f"{column}s"] = ", ".join(table[column].unique())
    counts = table["role"].value_counts(sort=False)
    told["roles"] = ", ".join(f"{role} {count}" for role, count in counts.items())
    for name, layers in stimuli.models.items():
        told[f"distances of {name}"] = ", ".join(layers)
        if lines := in_words(second_judgement(stimuli, name)):
            told[f"verdicts of {name}"] = "\n".join(lines)
    if beside := ", ".join(stimuli.file.get(schema.PIXEL_METAMERS, ())):
        told["pixel metamers"] = beside
    for kind, records in stimuli.findings._asdict().items():
        if records:
            told[kind.replace("_", " ")] = ", ".join(records)
    return told
