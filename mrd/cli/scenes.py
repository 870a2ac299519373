"""``mrd scenes``: what has a name."""

from mrd.cli.tables import console, table
from scenes.library import LIGHTS, MATERIALS, MESHES, SCENES


def scenes() -> None:
    """List scenes, meshes, lights and materials by name."""
    kinds = (
        ("scene", SCENES, "scene: {}"),
        ("mesh", MESHES, "shape: {{kind: mesh, surface: {}}}"),
        ("light", LIGHTS, "lighting: {{kind: map, radiance: {}}}"),
        ("material", MATERIALS, "material: {}"),
    )
    rows = [(kind, ", ".join(names), use.format(next(iter(names)))) for kind, names, use in kinds]
    console().print(table(("kind", "names", "in a study"), rows))
