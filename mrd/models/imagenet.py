"""Names of the classes of ImageNet, in the order of networks' outputs."""

from timm.data import ImageNetInfo


def class_names(subset: str = "imagenet-1k") -> tuple[str, ...]:
    """Give the name of every class, from class 0 on.

    Parameters
    ----------
    subset
        Name of the set of classes, as timm's `infer_imagenet_subset` has it.
    """
    info = ImageNetInfo(subset)
    return tuple(info.index_to_description(number) for number in range(info.num_classes()))
