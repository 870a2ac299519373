"""Records of tasks that were submitted to a cluster."""

import json

from mrd.generate.cluster.submissions import Task


def submitted(folder, name, job, **end):
    """Write the record of a task, and of its end if it ended; return the task."""
    here = folder / "slurm" / f"{job}-submission"
    content = {"schema_version": 1, "job_name": "mrd-tiny", "request": {}, "tasks": {job: name}}
    here.mkdir(parents=True)
    (here / "jobs.json").write_text(json.dumps(content))
    if end:
        (here / f"{job}.json").write_text(json.dumps(end))
    return Task(name, job, "mrd-tiny", here)
