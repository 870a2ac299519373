"""What the page saves, made without a browser: a session answered in turn."""

import csv
import io
import json

from psychophysics.answer import Answer
from psychophysics.data import columns
from psychophysics.web import plan, saved

SITTING = {
    "started": "2026-05-01T10:00:00+02:00", "browser": "made by hand", "screen": [1920, 1080],
    "window": [1920, 1000], "pixel_ratio": 1, "pixels_per_cm": 36.2, "cm_per_pixel": 0.0276,
    "distance": 60, "refresh_rate": 60.0, "full_screen": True,
}  # fmt: skip


def answered(asked, number=0, session="01"):
    """Give the content of a finished session of a participant, as plain data."""
    seat = plan.seat_of(asked, number, session)
    _, trials = plan.trials_of(asked, seat)
    rows = []
    for place, trial in enumerate(trials):
        choice = place % len(asked.task.alternatives)
        answer = Answer(
            choice, seat.keys[choice], 0.5 + place / 64, onset=1.0, showings=1,
            intervals=plan.planned(asked),
        )  # fmt: skip
        rows.append(list(columns.row(trial, answer, asked.task, 1)))
    names = list(columns.names(asked.task))
    return {
        "format": plan.FORMAT, "version": plan.VERSION, "study": asked.study,
        "task": asked.task.name, "participant": seat.participant, "session": session,
        "facts": plan.facts(asked, seat), "software": {"mrd-suite": "1"}, "sittings": [SITTING],
        "finished": True, "checksum": saved.checksum([names, *rows]), "columns": names,
        "rows": rows,
    }  # fmt: skip


def as_json(content):
    """Put it in the bytes of the JSON file."""
    return json.dumps(content).encode()


def as_table(content):
    """Put it in the bytes of the CSV file: a line of JSON, then the table."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([content["columns"], *content["rows"]])
    head = {key: value for key, value in content.items() if key not in ("columns", "rows")}
    return f"# {json.dumps(head)}\r\n{text.getvalue()}".encode()
