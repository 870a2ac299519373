"""Time to import a GLB with 20 nodes and 200,000 triangles.

``python -m benchmarks.import_scene [--nodes 20] [--triangles 200000]``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import trimesh

from benchmarks.figure import figure
from scenes.imported.import_scene import import_scene

REPEATS = 3


def write_glb(path: Path, nodes: int, triangles: int) -> int:
    """Write spheres, each turned, scaled and moved; return the number of their triangles."""
    rows = max(int(np.sqrt(triangles / nodes / 4)), 3)
    rng = np.random.default_rng(0)
    scene = trimesh.Scene()
    total = 0
    for number in range(nodes):
        ball = trimesh.creation.uv_sphere(count=[rows, rows + 1])
        ball.vertices *= 1 + 0.1 * rng.random((len(ball.vertices), 1))
        matrix = trimesh.transformations.random_rotation_matrix(rng.random(3))
        matrix[:3, :3] *= rng.uniform(0.5, 2, 3)
        matrix[:3, 3] = rng.uniform(-9, 9, 3)
        scene.add_geometry(ball, node_name=f"ball {number}", transform=matrix)
        total += len(ball.faces)
    scene.export(path, include_normals=True)
    return total


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--triangles", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.glb"
        triangles = write_glb(path, options.nodes, options.triangles)
        seconds = []
        for repeat in range(REPEATS):
            start = time.perf_counter()
            import_scene(path, Path(folder) / str(repeat))
            seconds.append(time.perf_counter() - start)
    figure("import_seconds", median(seconds), nodes=options.nodes, triangles=triangles)


if __name__ == "__main__":
    main()
