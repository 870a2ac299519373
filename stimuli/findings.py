"""Predicted thresholds, reaches, recovery and warnings, stored in a set beside its stimuli.

``/predicted_thresholds/<target>-<model>-<hash>``, ``/reach/<run>``, ``/recovery/<run>`` and
``/warnings/<run>`` are JSON texts, each with an attribute ``content_hash``. They are not shown to
people, so they enter neither the table nor the content hash of the set, and a set may lack them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.material import SCALARS, Material
from stimuli.opening import reading
from stimuli.schema import PREDICTED_THRESHOLDS, REACH, RECOVERY, WARNINGS

Record = Mapping[str, Any]
Records = Mapping[str, Record]
"""Records by name: of predictions, or of runs."""

KINDS = (PREDICTED_THRESHOLDS, REACH, RECOVERY, WARNINGS)
SETTINGS = ("rerenders", "samples", "derivative_samples", "floor")
NOISY = 0.5  # if the two halves of a derivative agree less, noise makes its threshold too small
MATERIAL = "material"
COLOUR_CHANNELS = ("red", "green", "blue")


class Findings(NamedTuple):
    """Records of a study, as they are stored in a set.

    ``predicted_thresholds`` maps each prediction's name to the content of its `fisher.json`, with
    the ``sha256`` of that file. ``reach`` maps each run to ``target``, ``model``, ``layer``,
    ``attribute``, the ``reach`` of its `criterion.json`, and the ``sha256`` of that file;
    ``recovery`` maps runs likewise, also runs that are not in the set. ``warnings`` maps each run
    whose search had some to its ``warnings``, with the same ``sha256``.
    """

    predicted_thresholds: Records = MappingProxyType({})
    reach: Records = MappingProxyType({})
    recovery: Records = MappingProxyType({})
    warnings: Records = MappingProxyType({})

    def of(self, table: pd.DataFrame) -> "Findings":
        """Return only the records whose target, or for reaches run, is in a table of stimuli."""
        targets, runs = set(table["target"]), set(table["run"])
        predicted = self.predicted_thresholds.items()
        return Findings(
            {name: each for name, each in predicted if each["names"]["target"] in targets},
            {run: each for run, each in self.reach.items() if run in runs},
            {run: each for run, each in self.recovery.items() if each["target"] in targets},
            {run: each for run, each in self.warnings.items() if run in runs},
        )

    def hashes(self) -> dict[str, str]:
        """Return the content hash of each record by ``<kind>/<name>``."""
        return {
            f"{kind}/{name}": content_hash(record)
            for kind, records in self._asdict().items()
            for name, record in records.items()
        }


NONE = Findings()


def content_hash(record: Record) -> str:
    """Return the SHA-256 of a record, 64 hexadecimal digits."""
    return hashlib.sha256(_text(record).encode()).hexdigest()


def write_findings(file: h5py.File, kind: str, records: Records) -> None:
    """Write records of a kind (`KINDS`) into an open file that contains none of that kind."""
    for name, record in records.items():
        dataset = file.require_group(kind).create_dataset(name, data=_text(record))
        dataset.attrs["content_hash"] = content_hash(record)


def read_findings(file: h5py.File, path: Path) -> Findings:
    """Read all findings of a set; raise InputError if one is damaged."""
    by_kind: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
    for kind, records in by_kind.items():
        for name, text in file.get(kind, {}).items():
            with reading(path, f"{kind}/{name}"):
                records[name] = dict(json.loads(text.asstr()[()]))
    return Findings(**by_kind)


def finding_problems(file: h5py.File, path: Path, table: pd.DataFrame) -> Iterator[str]:
    """Yield altered records, and records whose target or run is not in the table."""
    findings = read_findings(file, path)
    for place, expected in findings.hashes().items():
        if file[place].attrs.get("content_hash") != expected:
            yield f"{place}: attribute content_hash: is not that of its record"
    for place in findings.hashes().keys() - findings.of(table).hashes().keys():
        what = "run" if place.startswith((f"{REACH}/", f"{WARNINGS}/")) else "target"
        yield f"{place}: no stimulus is of that {what}"


def predicted_table(records: Records) -> pd.DataFrame:
    """Return predicted thresholds, one row per parameter (`StimulusSet.predicted_thresholds`)."""
    columns = (
        "prediction", "target", "model", "layer", "attribute", "parameter", "threshold", "unit",
        "distance", "measure", "agreement", "clipped", "cameras", *SETTINGS, "record_sha256",
    )  # fmt: skip
    rows = [
        {
            "prediction": name,
            "target": record["names"]["target"],
            "model": record["names"]["model"],
            "layer": ";".join(record["layers"]),
            "attribute": each["attribute"],
            "parameter": each["name"],
            "threshold": _or(each["threshold"], np.inf),
            "unit": each["unit"],
            "distance": np.inf if each["threshold"] is None else _or(each["distance"], np.nan),
            "measure": each["measure"],
            "agreement": _or(each["agreement"], np.nan),
            "clipped": each["clipped"],
            "cameras": ";".join(record["cameras"]),
            **{key: record["asked"]["fisher"][key] for key in SETTINGS},
            "record_sha256": record["sha256"],
        }
        for name, record in records.items()
        for each in record["parameters"]
    ]
    return pd.DataFrame(rows, columns=columns)


def reach_table(records: Records) -> pd.DataFrame:
    """Return results of `mode: diverge`, one row per start (`StimulusSet.reach`)."""
    columns = (
        "run", "target", "model", "layer", "attribute", "reach", "measure", "control_reach",
        "control_failed_at", "start", "distance", "match", "verdict", "record_sha256",
    )  # fmt: skip
    rows = []
    for run, record in records.items():
        reach = record["reach"]
        control = reach.get("control", {})
        common = {name: record[name] for name in ("target", "model", "layer", "attribute")}
        common |= {"run": run, "measure": reach["measure"], "record_sha256": record["sha256"]}
        common |= {"reach": _or(reach["distance"], np.nan)}
        common |= {"control_reach": _or(control.get("distance"), np.nan)}
        common |= {"control_failed_at": _or(control.get("failed_at"), np.nan)}
        for start, each in enumerate(reach["starts"]):
            numbers = {name: _or(each[name], np.nan) for name in ("distance", "match")}
            rows.append(common | numbers | {"start": start, "verdict": each["verdict"]})
    return pd.DataFrame(rows, columns=columns)


def material_change(
    start: Material, end: Material, parameters: Sequence[Mapping[str, Any]]
) -> NDArray[np.float64] | None:
    """Return the change (P,) of each predicted parameter between two loaded materials.

    `parameters` are rows of `fisher.json`. Return None if a material is textured, or if it also
    changes in something that is not a parameter.
    """
    before, after = _scalar_parameters(start), _scalar_parameters(end)
    if before is None or after is None:
        return None
    names = [each["name"] if each["attribute"] == MATERIAL else "" for each in parameters]
    if any(after[name] != value for name, value in before.items() if name not in names):
        return None
    return np.array([after.get(name, 0.0) - before.get(name, 0.0) for name in names])


def _scalar_parameters(material: Material) -> dict[str, float] | None:
    """Return a material's values by parameter name; None if one of them is a texture."""
    if any(isinstance(getattr(material, name), Picture) for name in ("base_color", *SCALARS)):
        return None
    colour = np.broadcast_to(np.asarray(material.base_color, dtype=np.float64), 3)
    channels = {f"base_color.{c}": float(v) for c, v in zip(COLOUR_CHANNELS, colour, strict=True)}
    return channels | {name: float(getattr(material, name)) for name in SCALARS}


def _or(value: float | None, otherwise: float) -> float:
    """Return a value, or `otherwise` if it is None."""
    return otherwise if value is None else float(value)


def _text(record: Record) -> str:
    """Return a record as JSON with sorted keys."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)
