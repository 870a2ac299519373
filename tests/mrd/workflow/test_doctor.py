"""The doctor, on this machine as it is and on machines that lack something."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mrd.rendering import llvm
from mrd.study.provenance import installed
from mrd.workflow import doctor
from mrd.workflow.doctor import Check
from tests.paths import ROOT

NAMES = [
    "Python",
    "backend",
    "LLVM",
    "GPU",
    "torch",
    "display",
    "PsychoPy",
    "writing",
    "free disk",
]


def mrd_doctor(
    *words: str, before: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``mrd doctor`` in a process of its own, with any GPU hidden."""
    script = f"{before}\nfrom mrd.cli.main import run\nrun({['doctor', *words]!r})"
    inherited = dict(os.environ) | {"PYTHONPATH": str(ROOT)} if environment is None else environment
    inherited.pop(llvm.VARIABLE, None)
    return subprocess.run(
        [sys.executable, "-c", script],
        env=inherited | {"CUDA_VISIBLE_DEVICES": "", "COLUMNS": "250"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_this_machine_is_usable():
    checks = doctor.examine()
    assert [check.name for check in checks] == NAMES
    by_name = {check.name: check for check in checks}
    assert by_name["backend"].ok
    assert "does not render" not in by_name["backend"].value
    assert by_name["torch"].ok
    assert doctor.usable(checks)


def test_json_and_exit_code_of_this_machine():
    done = mrd_doctor("--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == NAMES
    assert all(set(row) == {"name", "ok", "value", "advice"} for row in rows)
    assert {row["ok"] for row in rows} <= {True, False, None}


def test_table_shows_every_line():
    done = mrd_doctor()
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        assert name in done.stdout


def test_without_llvm_the_table_is_whole_and_the_exit_code_2():
    hide = "from mrd.rendering import llvm\nllvm.usual_folders = lambda: []"
    done = mrd_doctor("--json", before=hide)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(rows) == NAMES
    assert rows["backend"] == {
        "name": "backend",
        "ok": False,
        "value": "none",
        "advice": llvm.advice(),
    }
    assert rows["LLVM"]["ok"] is False
    assert rows["LLVM"]["value"] == "no libLLVM at all"


def test_refused_libraries_are_told(tmp_path):
    (tmp_path / "libLLVM-15.so.1").write_text("no library")
    (tmp_path / "libLLVM-21.so").write_text("no library")
    hide = (
        "from pathlib import Path\nfrom mrd.rendering import llvm\n"
        f"llvm.usual_folders = lambda: [Path({str(tmp_path)!r})]"
    )
    done = mrd_doctor("--json", before=hide)
    assert done.returncode == 2
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["LLVM"]["value"] == (
        f"{tmp_path}/libLLVM-21.so (does not load); "
        f"{tmp_path}/libLLVM-15.so.1 (LLVM 15, older than 17)"
    )


def test_base_install_gets_the_whole_table_and_what_to_install(base_install):
    done = mrd_doctor("--json", environment=dict(base_install))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(rows) == NAMES
    assert rows["backend"]["ok"] is False
    assert "mitsuba is not installed" in rows["backend"]["value"]
    assert rows["LLVM"]["ok"] is True
    assert rows["torch"]["ok"] is False
    assert rows["torch"]["value"] == "torch is not installed"
    table = mrd_doctor(environment=dict(base_install))
    assert table.returncode == 2
    assert "'.[generate]'" in table.stdout


def test_render_that_dies_is_told_in_one_line(monkeypatch):
    # What LLVM 15 does to a process: it ends it, with an error first and much else after.
    died = "import sys, os\nprint('LLVM ERROR: Cannot select: fmaximum\\nmore', file=sys.stderr)\n"
    monkeypatch.setattr(doctor, "_TRIAL", f"{died}sys.stderr.flush()\nos.abort()")
    backend = doctor.check_backend()[0]
    assert backend.ok is False
    assert backend.value.endswith("does not render: LLVM ERROR: Cannot select: fmaximum")
    assert not doctor.usable([backend, Check("torch", True, "")])


def test_render_that_dies_without_a_word(monkeypatch):
    monkeypatch.setattr(doctor, "_TRIAL", "import os\nos.abort()")
    assert doctor.check_backend()[0].value.endswith("does not render: the trial ended with -6")


@pytest.mark.parametrize(
    ("torch", "torchvision", "requirements", "trouble"),
    [
        ("2.15.0", "0.29.2", ["numpy", "torch==2.15.0", "pillow>=5"], ""),
        ("2.15.0+cpu", "0.29.2+cpu", ["torch==2.15.0"], ""),
        ("2.14.0", "0.29.2", ["torch==2.15.0"], ", which needs torch 2.15.0"),
        ("2.15.0+cpu", "0.29.2", ["torch==2.15.0"], ": different builds (cpu, standard)"),
        ("2.15.0", "0.29.2+cu130", ["torch (==2.15.0)"], ": different builds (standard, cu130)"),
        ("2.15.0", "0.29.2", ["torchaudio==1.0"], ""),
    ],
)
def test_torch_and_torchvision_must_belong_together(torch, torchvision, requirements, trouble):
    assert doctor.mismatch(torch, torchvision, requirements) == trouble


@pytest.mark.parametrize(
    ("system", "environment", "value"),
    [
        ("darwin", {}, "the system's own"),
        ("win32", {}, "the system's own"),
        ("linux", {"DISPLAY": ":7"}, "DISPLAY=:7"),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, "WAYLAND_DISPLAY=wayland-0"),
    ],
)
def test_display_that_is_there(system, environment, value):
    assert doctor.check_display(system, environment) == Check("display", True, value)


def test_no_display_is_no_fault():
    assert doctor.check_display("linux", {"DISPLAY": ""}).ok is None


def test_psychopy_is_not_imported():
    script = (
        "import sys\nfrom mrd.workflow import doctor\ndoctor.check_psychopy()\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "mrd.workflow.doctor" in done.stdout.split()
    assert "psychopy" not in done.stdout.split()


def test_versions_are_those_installed():
    assert installed("pytest") == pytest.__version__
    assert installed("no-such-distribution") is None


def test_folder_that_can_be_written(tmp_path):
    assert doctor.check_writing(tmp_path) == Check("writing", True, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path):
    check = doctor.check_writing(tmp_path / "missing")
    assert check.ok is False
    assert check.value == f"{tmp_path / 'missing'}: No such file or directory"
    assert doctor.check_writing(Path("/proc")).ok is False


def test_a_folder_that_cannot_be_written_is_of_no_use(tmp_path):
    whole = [Check("backend", True, ""), Check("torch", True, "")]
    assert doctor.usable([*whole, doctor.check_writing(tmp_path)])
    assert not doctor.usable([*whole, doctor.check_writing(tmp_path / "missing")])


def test_disk_with_room_and_without(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_DISK", 0.0)
    assert doctor.check_disk(tmp_path).ok is True
    monkeypatch.setattr(doctor, "LEAST_DISK", 1e9)
    check = doctor.check_disk(tmp_path)
    assert check.ok is False
    assert check.value.endswith(" GB")
    assert check.advice == "make room: 1000000000 GB"
    assert doctor.check_disk(tmp_path / "missing").ok is False
