"""``runs/fisher/<target>-<model>-<hash>/``: predictions of a study, each made once and kept.

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
from mrd.measures.fisher.picture import Step, write_steps
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
from stimuli.one_writer import one_writer

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Made:
    """A prediction: its folder, what `fisher.json` holds, and why it was made.

    ``why`` is ``new``, what of it was gone or altered, what the study asks otherwise than before;
    None where it was there already.
    """

    folder: Path
    record: dict[str, Any]
    why: str | None


def fisher(study: Study, device: str, progress: Progress = lambda *_: None) -> Iterator[Made]:
    """Predict thresholds for every target and model of a study; what is there is read.

    Parameters
    ----------
    study
        The study.
    device
        Of torch tensors.
    progress
        Told (target, model and step; done; of how many).

    Raises
    ------
    InputError
        A target or model does not exist or fit, a record is damaged, or a folder cannot be written.
    """
    plan = [(each, each.due()) for each in planned(study)]
    due = dict.fromkeys(each.model for each, why in plan if why)
    models = {name: registry.create(study.models[name], device, study.folder) for name in due}
    for each, why in plan:
        if why:
            scene, told = exposed(each.scene), f"{each.target}, {each.model}"

            def tell(what: str, done: int, total: int, told: str = told) -> None:
                progress(f"{told}: {what}", done, total)

            model = models[each.model]
            found = sensitivity(scene, model, study.fisher, device, tell)
            with one_writer(each.folder / RECORD):
                for name in FILES:
                    remove_leftovers(each.folder / name)
                _write(each, scene, found, model, study, device)
        yield Made(each.folder, each.record(), why)


def _write(
    made: Planned,
    scene: Scene,
    found: Sensitivity,
    model: Model,
    study: Study,
    device: str,
) -> None:
    """Write J, the picture, and last the record; that of one which is not whole goes first."""
    folder = made.folder
    (folder / RECORD).unlink(missing_ok=True)
    arrays: dict[str, Any] = {
        f"derivative/{layer}": each for layer, each in found.derivative.items()
    }
    arrays |= {f"variance/{layer}": each for layer, each in found.variance.items()}
    single: dict[str, Any] = {key: each.astype(np.float32) for key, each in arrays.items()}
    with whole_file(folder / DERIVATIVE) as beside:
        np.savez_compressed(beside, **single)
    title = f"{made.target} seen by {made.model}"
    clipped = _picture(folder / PICTURE, title, scene, found, study, device)
    predicted = found.predicted
    record = {
        "schema_version": SCHEMA_VERSION,
        "asked": made.asked,
        "names": {"study": study.name, "target": made.target, "model": made.model},
        "scene": scene.sha256,
        "model": plain(model.record()),
        "layers": list(found.derivative),
        "cameras": [view.name for view in found.views],
        "parameters": [
            {
                "name": each.name,
                "attribute": each.attribute,
                "unit": each.unit,
                "threshold": _number(predicted.thresholds[k]),
                "measure": DISTANCE[each.attribute],
                "distance": _number(predicted.thresholds[k] * distance_per_unit(scene, each)),
                "agreement": _number(found.agreement[k]),
                "forward_mode": each.tangent(scene) is not None,
                "clipped": clipped.get(each.name, False),
            }
            for k, each in enumerate(found.parameters)
        ],
        "fisher_information": found.fisher.tolist(),
        "eigenvalues": predicted.eigenvalues.tolist(),
        "eigenvectors": predicted.eigenvectors.tolist(),
        "files": {name: file_sha256(folder / name) for name in BESIDE},
        "provenance": {"versions": versions(), "hardware": hardware()},
    }
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with whole_file(folder / RECORD) as beside:
        beside.write_text(text, encoding="utf-8")


def _picture(
    path: Path, title: str, scene: Scene, found: Sensitivity, study: Study, device: str
) -> dict[str, bool]:
    """Draw every parameter and the first and last eigenvector; returns name → was it clipped."""
    names = [each.name for each in found.parameters]
    amounts = dict(zip(names, np.diag(found.predicted.thresholds), strict=True))
    rows = found.predicted.steps[np.isfinite(found.predicted.steps).all(axis=1)]
    if len(rows):
        amounts |= {"first eigenvector": rows[0], "last eigenvector": rows[-1]}
    thresholds = dict(zip(names, found.predicted.thresholds, strict=True))
    clipped, steps = {}, []
    for name, change in amounts.items():
        change = np.nan_to_num(change, nan=0.0)
        clipped[name] = any(is_clipped(scene, found.parameters, s * change) for s in (-1, 1))
        less, more = (_seen(scene, found, study, s * change, device) for s in (-1, 1))
        told = f"{name}\n± {thresholds[name]:.3g}" if name in thresholds else name
        steps.append(Step(told + ("\nclipped to bounds" if clipped[name] else ""), less, more))
    write_steps(path, title, _seen(scene, found, study, np.zeros(len(names)), device), steps)
    return clipped


def _seen(
    scene: Scene, found: Sensitivity, study: Study, amounts: np.ndarray, device: str
) -> np.ndarray:
    """Display image (H, W, 3) of a moved scene at the first camera, always of the same noise."""
    changed = moved(scene, found.parameters, amounts)
    view = found.views[0]
    radiance = Stage(changed, device=device).radiance([view], study.fisher.samples, [1])
    return np.asarray(display(radiance, scene.film)[0].permute(1, 2, 0).cpu().numpy())


def _number(value: float) -> float | None:
    """JSON has no infinity: None, for what the model does not see."""
    return float(value) if np.isfinite(value) else None
