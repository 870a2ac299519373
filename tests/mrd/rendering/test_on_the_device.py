"""A step on a GPU copies nothing to the host; the benchmark also runs without a GPU."""

import pytest

from benchmarks import gpu
from mrd.rendering import backend

TINY = gpu.Size(
    cameras=2, resolution=32, samples=1, network="resnet18", layer="layer2",
    subdivisions=2, steps=1, warm_up=1,
)  # fmt: skip
SMALL = gpu.Size(cameras=2, resolution=64, samples=4, subdivisions=3, network="resnet18")
VERTICES = 642 * 3 * 4  # bytes

has_card = backend.activate().device == "cuda"


@pytest.mark.skipif(not has_card, reason="no GPU")
def test_a_step_copies_nothing_between_host_and_gpu():
    search = gpu.subject(SMALL, "cuda").search
    for _ in range(10):  # kernels are compiled in the first steps
        search.step()
    found = gpu.copies(search.step)
    assert found  # the step's numbers, which are written to the history
    # Mitsuba reads moved vertices on the host, for the bounding box of the mesh; an image of these
    # is 49152 bytes.
    assert [size for size in found if size >= 256 and size != VERTICES] == []
    for variables in search.variables:
        for tensor in variables.tensors.values():
            assert tensor.is_cuda
            assert tensor.grad.is_cuda


def test_ratios_of_the_gpu_benchmark():
    taken = {"step": 2.0, "primal": 0.5, "adjoint": 0.75, "both_passes": 0.25, "baseline": 9.0}
    assert gpu.ratios(taken) == {
        "gpu_step_seconds": 2.0,
        "gpu_baseline_seconds": 9.0,
        "gpu_step_ratio": 4.5,
        "gpu_step_overhead": 2.0 / 1.5,
    }


def test_gpu_benchmark_runs_on_any_device(full):
    if not full:
        pytest.skip("the baseline's first step takes long; at full counts alone")
    device = backend.activate().device
    taken = gpu.seconds(TINY, device)
    assert set(taken) == {"step", "primal", "adjoint", "both_passes", "baseline"}
    assert all(value > 0 for value in taken.values())
    if device == "cpu":  # no host to copy to
        assert gpu.copies(gpu.subject(TINY, device).search.step) == []


def test_gpu_benchmark_without_a_gpu_exits_with_2(capsys):
    if has_card:
        pytest.skip("there is a GPU")
    assert gpu.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: benchmarks.gpu needs a GPU: LLVM")
