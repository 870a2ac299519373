"""Class names of ImageNet, in the order of the networks' outputs."""

from timm.data import ImageNetInfo


def class_names(subset: str = "imagenet-1k") -> tuple[str, ...]:
    """Return the class names of a subset of ImageNet, by the name that timm has for it."""
    info = ImageNetInfo(subset)
    return tuple(info.index_to_description(number) for number in range(info.num_classes()))
