"""Runs on disk, as `mrd` leaves them, but with small images that no renderer made."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrd.study import image_directory, image_plan
from mrd.study.run_directory import RunDirectory
from mrd.study.study import Study, resolve_all
from scenes.base.digest import file_sha256
from scenes.film import srgb_decode
from scenes.pictures.files import write_exr
from scenes.scene_files import write_scene
from stimuli.intake import ImageRecord, write_records
from tests.small_set import small_image, small_scene, small_table

DISTANCES = [f"distance_{name}" for name in ("shape", "lighting", "pose", "translation")]


def write_runs(folder: Path, names: Mapping[str, str] | None = None) -> list[Path]:
    """Write the records, images and scenes of the small set; returns the tables of records.

    With `names`, runs are called as it says, and those that it leaves out are not written.
    """
    table = small_table()
    if names is not None:
        table = table[table["run"].isna() | table["run"].isin(list(names))]
        table = table.assign(run=[names.get(run, run) for run in table["run"]])
    table["folder"] = [
        f"families/{row.family}" if row.run != row.run else f"{row.run}/series"
        for row in table.itertuples()
    ]
    written = []
    for name, rows in table.groupby("folder", sort=False):
        here = folder / str(name)
        records = [_record(row, here) for row in rows.itertuples()]
        written.append(write_records(records, here))
    return written


def _record(row, folder):
    scene = small_scene(row)
    scene_file = write_scene(scene, folder / "scenes" / scene.sha256[:8])
    linear = srgb_decode(small_image(row) / 255).astype(np.float16)
    radiance = folder / f"{row.stimulus_id}.exr"
    write_exr(linear, radiance)
    values = dict.fromkeys(["step", *DISTANCES])
    values |= {
        name: None if value != value else value
        for name, value in row._asdict().items()
        if name not in ("Index", "stimulus_id", "layer", "folder", "sha256")
        and not name.startswith("matching")
    }
    return ImageRecord(
        **values,
        id=row.stimulus_id,
        layers=None if row.layer != row.layer else row.layer,
        scene=scene.sha256,
        scene_file=str(scene_file.relative_to(folder)),
        radiance_file=radiance.name,
        radiance_sha256=file_sha256(radiance),
        display_file="unused.png",
        display_sha256="0" * 64,
    )


def write_study_runs(study: Study) -> None:
    """Write finished images for the runs of a study of the small set's names."""
    runs = resolve_all(study)
    write_runs(study.runs, {f"vase-{run.spec.search}-net-s1": run.name for run in runs})
    for run in runs:
        for directory, asked in (
            (image_directory.of_run(study.runs, run.name), image_plan.inputs_of_run(run)),
            (
                image_directory.of_family(study.runs, run.spec.family),
                image_plan.inputs_of_family(run),
            ),
        ):
            directory.request(asked)
            directory.finish()


def finish_searches(study: Study) -> None:
    """Write run directories of finished searches, each of which found a metamer."""
    training = {"match": 0.95, "floor": 0.9, "metamer": True, "cameras": []}
    judgement = {"verdict": "metamer", "training": training, "target_again": False}
    judgement["physical_difference"] = {}
    for run in resolve_all(study):
        directory = RunDirectory(study.runs / run.name)
        directory.create(run.record)
        with directory.claim():
            directory.write_json("criterion.json", judgement)
            directory.finish("metamer")
