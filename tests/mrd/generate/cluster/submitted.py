"""Tasks that were submitted to a cluster, as their files tell."""

import json

from mrd.generate.cluster.submissions import Task


def submitted(folder, name, job, **ending):
    """A task whose submission is on disk, and how it ended if it did."""
    here = folder / "slurm" / f"{job}-submission"
    content = {"schema_version": 1, "job_name": "mrd-tiny", "request": {}, "tasks": {job: name}}
    here.mkdir(parents=True)
    (here / "jobs.json").write_text(json.dumps(content))
    if ending:
        (here / f"{job}.json").write_text(json.dumps(ending))
    return Task(name, job, "mrd-tiny", here)
