"""How long the light paths of a scene are."""

from scenes.scene import Scene

# Longest light paths, in segments: transmitted light needs more than reflected light.
OPAQUE_DEPTH = 2
TRANSMITTING_DEPTH = 6


def path_depth(scene: Scene) -> int:
    """Return the longest light path in segments: 2 is direct light, and each bounce adds one."""
    through = any(each.material.spec_trans > 0 for each in scene.objects.values())
    return max(TRANSMITTING_DEPTH if through else 0, OPAQUE_DEPTH + scene.bounces)
