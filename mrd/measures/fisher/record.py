"""Make and store the predictions of a study, in ``runs/fisher/<target>-<model>-<hash>/``.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mrd.measures.fisher.parameters import is_clipped, moved
from mrd.measures.fisher.physical import distance_per_unit
from mrd.measures.fisher.picture import ThresholdRow, write_thresholds
from mrd.measures.fisher.planned import (
    BESIDE,
    DERIVATIVE,
    FILES,
    PICTURE,
    RECORD,
    SCHEMA_VERSION,
    Planned,
    planned,
)
from mrd.measures.fisher.predict import Sensitivity, sensitivity
from mrd.models import registry
from mrd.models.base import Model
from mrd.rendering.stage import Stage, display, exposed
from mrd.study.provenance import hardware, versions
from mrd.study.storage import plain
from mrd.study.study import Study
from scenes.base.atomic_files import remove_leftovers, whole_file
from scenes.base.digest import file_sha256
from scenes.differences import DISTANCE
from scenes.scene import Scene
from stimuli.storage import one_writer

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StoredPrediction:
    """A prediction on disk: its folder, the content of `fisher.json`, and why it was made now.

    ``why`` is a reason as in `Planned.due`; None if the prediction existed already.
    """

    folder: Path
    record: dict[str, Any]
    why: str | None


def fisher(
    study: Study, device: str, progress: Progress = lambda *_: None
) -> Iterator[StoredPrediction]:
    """Predict thresholds for every target and model of a study; existing predictions are read.

    Parameters
    ----------
    study
        The study.
    device
        Torch device, such as "cpu" or "cuda".
    progress
        Called with (target, model and step; done; total).

    Yields
    ------
    StoredPrediction
        One for each target and model.

    Raises
    ------
    InputError
        A target or model does not exist or is not valid, a record is damaged, or a folder cannot
        be written.
    """
    plan = [(each, each.due()) for each in planned(study)]
    needed = dict.fromkeys(each.model for each, why in plan if why)
    models = {name: registry.create(study.models[name], device, study.folder) for name in needed}
    for each, why in plan:
        if why:
            scene, model = exposed(each.scene), models[each.model]

            def step(
                what: str, done: int, total: int, names: str = f"{each.target}, {each.model}"
            ) -> None:
                progress(f"{names}: {what}", done, total)

            result = sensitivity(scene, model, study.fisher, device, step)
            with one_writer(each.folder / RECORD):
                for name in FILES:
                    remove_leftovers(each.folder / name)
                _write(each, scene, result, model, study, device)
        yield StoredPrediction(each.folder, each.record(), why)


def _write(
    prediction: Planned,
    scene: Scene,
    result: Sensitivity,
    model: Model,
    study: Study,
    device: str,
) -> None:
    """Write the derivative, the picture, and last the record; remove an incomplete record first."""
    folder = prediction.folder
    (folder / RECORD).unlink(missing_ok=True)
    arrays: dict[str, Any] = {
        f"derivative/{layer}": each for layer, each in result.derivative.items()
    }
    arrays |= {f"variance/{layer}": each for layer, each in result.variance.items()}
    single: dict[str, Any] = {key: each.astype(np.float32) for key, each in arrays.items()}
    with whole_file(folder / DERIVATIVE) as beside:
        np.savez_compressed(beside, **single)
    title = f"{prediction.target} for {prediction.model}"
    clipped = _picture(folder / PICTURE, title, scene, result, study.fisher.samples, device)
    predicted = result.predicted
    record = {
        "schema_version": SCHEMA_VERSION,
        "asked": prediction.inputs,
        "names": {"study": study.name, "target": prediction.target, "model": prediction.model},
        "scene": scene.sha256,
        "model": plain(model.record()),
        "layers": list(result.derivative),
        "cameras": [view.name for view in result.views],
        "parameters": [
            {
                "name": each.name,
                "attribute": each.attribute,
                "unit": each.unit,
                "threshold": _number(predicted.thresholds[k]),
                "measure": DISTANCE[each.attribute],
                "distance": _number(predicted.thresholds[k] * distance_per_unit(scene, each)),
                "agreement": _number(result.agreement[k]),
                "forward_mode": each.tangent(scene) is not None,
                "clipped": clipped.get(each.name, False),
            }
            for k, each in enumerate(result.parameters)
        ],
        "fisher_information": result.fisher.tolist(),
        "eigenvalues": predicted.eigenvalues.tolist(),
        "eigenvectors": predicted.eigenvectors.tolist(),
        "files": {name: file_sha256(folder / name) for name in BESIDE},
        "provenance": {"versions": versions(), "hardware": hardware()},
    }
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with whole_file(folder / RECORD) as beside:
        beside.write_text(text, encoding="utf-8")


def _picture(
    path: Path, title: str, scene: Scene, result: Sensitivity, samples: int, device: str
) -> dict[str, bool]:
    """Draw the change by one threshold of each parameter and of the first and last eigenvector.

    Return, by name, whether the bounds clip the change.
    """

    def display_after(change: np.ndarray) -> np.ndarray:
        """Return the display image (H, W, 3) of a changed scene, with fixed noise."""
        stage = Stage(moved(scene, result.parameters, change), device=device)
        radiance = stage.radiance(result.views[:1], samples, [1])
        return np.asarray(display(radiance, scene.film)[0].permute(1, 2, 0).cpu().numpy())

    names = [each.name for each in result.parameters]
    thresholds = dict(zip(names, result.predicted.thresholds, strict=True))
    changes = dict(zip(names, np.diag(result.predicted.thresholds), strict=True))
    steps = result.predicted.steps[np.isfinite(result.predicted.steps).all(axis=1)]
    if len(steps):
        changes |= {"first eigenvector": steps[0], "last eigenvector": steps[-1]}
    clipped, rows = {}, []
    for name, change in changes.items():
        change = np.nan_to_num(change, nan=0.0)
        clipped[name] = any(is_clipped(scene, result.parameters, s * change) for s in (-1, 1))
        label = f"{name}\n± {thresholds[name]:.3g}" if name in thresholds else name
        label += "\nclipped to bounds" if clipped[name] else ""
        rows.append(ThresholdRow(label, display_after(-change), display_after(change)))
    write_thresholds(path, title, display_after(np.zeros(len(names))), rows)
    return clipped


def _number(value: float) -> float | None:
    """Return the number, or None for infinity (no response of the model), which JSON lacks."""
    return float(value) if np.isfinite(value) else None
