"""How a search moves its variables: Adam, with a step size for each attribute."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

# Decay of the first and second moment (Kingma & Ba 2015, the values that they recommend).
FIRST, SECOND = 0.9, 0.999
EPSILON = 1e-8


class Adam:
    """Adam (Kingma & Ba 2015), whose moments can be saved and brought back.

    Written out here because ``torch.optim`` loads a compiler of two seconds before its first step.

    Parameters
    ----------
    tensors
        Leaves to move, by name. Those without a gradient stay where they are.
    uniform
        Whether the second moment is the largest of all entries of a tensor. Adam's own, entry by
        entry, would turn the direction of a vertex's step and undo the smoothness of LargeSteps
        coordinates (Nicolet, Jacobson & Jakob 2021, section 4).
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor], *, uniform: bool = False) -> None:
        self._tensors = dict(tensors)
        self._uniform = uniform
        self._steps = 0
        self._first = {name: torch.zeros_like(t) for name, t in self._tensors.items()}
        self._second = {name: torch.zeros_like(t) for name, t in self._tensors.items()}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every tensor against its gradient.

        Parameters
        ----------
        rate
            Length of a step, in the tensors' units, where the gradient is steady (and, if
            `uniform`, largest).
        """
        self._steps += 1
        for name, tensor in self._tensors.items():
            if tensor.grad is None:
                continue
            first, second = self._first[name], self._second[name]
            first.lerp_(tensor.grad, 1 - FIRST)
            second.lerp_(tensor.grad**2, 1 - SECOND)
            mean = first / (1 - FIRST**self._steps)
            square = (second.max() if self._uniform else second) / (1 - SECOND**self._steps)
            tensor.sub_(rate * mean / (square.sqrt() + EPSILON))

    def forget_gradients(self) -> None:
        """Drop the gradients of the last step."""
        for tensor in self._tensors.values():
            tensor.grad = None

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that `restore` needs."""
        moments = {"first": self._first, "second": self._second}
        arrays = {
            f"{name}.{moment}": tensor.cpu().numpy()
            for moment, tensors in moments.items()
            for name, tensor in tensors.items()
        }
        return arrays | {"steps": np.array(self._steps)}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Stand where `arrays` was taken."""
        self._steps = int(arrays["steps"])
        for moment, tensors in {"first": self._first, "second": self._second}.items():
            for name, tensor in tensors.items():
                tensor.copy_(torch.as_tensor(arrays[f"{name}.{moment}"]))
