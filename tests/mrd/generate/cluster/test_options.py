"""What tasks ask of Slurm: words that are read, and those that are refused."""

import re

import pytest

from mrd.generate.cluster.options import minutes, request
from scenes.base.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("90:30", 91),  # minutes:seconds, rounded up
        ("4:00:00", 240),
        ("1:30:01", 91),
        ("2-0", 2880),
        ("1-12:30", 2190),
        ("1-23:59:59", 2880),
    ],
)
def test_times_are_read_as_slurm_reads_them(text, expected):
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1:60:00", "1-24", "1.5", "٣", "4h"])
def test_what_is_no_time(text):
    assert minutes(text) is None


def test_words_become_what_submitit_is_given():
    asked = request(["partition=gpu", "time=1-0", "gpus=a100:2", "cpus=8", "mem=16G", "at_once=5"])
    assert asked.minutes == 1440
    assert asked.given["time"] == "1-0"
    assert asked.parameters == {
        "partition": "gpu",
        "time": 1440,
        "gpus_per_node": "a100:2",
        "cpus_per_task": 8,
        "mem": "16G",
        "array_parallelism": 5,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--slurm: time is missing, after which a task stops and is queued again; add"),
        (["partition=gpu"], "--slurm: time is missing"),
        (["time"], "--slurm time: is no key=value; write for example time=4:00:00"),
        (["tyme=4:00:00"], "there is no key 'tyme'; did you mean 'time'? known: time, partition"),
        (["time=4", "time=5"], "--slurm time=5: time is named twice; keep one of them"),
        (["time=1"], "--slurm time=1: '1' is not a time of 2 minutes or more; write minutes, "),
        (["time=4:00:00", "gpus=0"], "--slurm gpus=0: '0' is not a number of GPUs such as 1"),
        (["time=4", "cpus=-1"], "--slurm cpus=-1: '-1' is not a whole number from 1"),
        (["time=4", "cpus=1e3"], "'1e3' is not a whole number from 1"),
        (["time=4", "mem=lots"], "'lots' is not an amount of memory such as 16G"),
        (["time=4", "partition="], "'' is not a name without spaces and quotes"),
        # A line of its own would be another option of the batch script.
        (["time=4", "account=me\n#SBATCH --exclusive"], "is not a name without spaces and quotes"),
    ],
)
def test_other_words_are_refused_in_one_line(words, message):
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        request(words)
    assert "\n" not in str(refused.value)
