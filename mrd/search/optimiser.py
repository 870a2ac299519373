"""Optimisers of a search, Adam and L-BFGS, and schedules of the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

# Decay of the first and second moment (Kingma & Ba 2015, the values that they recommend).
FIRST, SECOND = 0.9, 0.999
EPSILON = 1e-8

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + np.cos(np.pi * done)),
    "linear": lambda done: 1 - done,
    "constant": lambda _done: 1.0,
}
"""Name → function from the share of finished steps, 0 to 1, to a factor on the learning rate."""


class Adam:
    """Adam (Kingma & Ba 2015) for named tensors; tensors without a gradient are not changed.

    ``torch.optim.Adam`` is not used, as it loads a compiler for two seconds before its first step.
    If `uniform`, all entries of a tensor share the largest second moment. With one for each entry,
    the direction of a vertex's step would change, and steps in LargeSteps coordinates would not be
    smooth (Nicolet, Jacobson & Jakob 2021, section 4).
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor], *, uniform: bool = False) -> None:
        self._tensors = dict(tensors)
        self._uniform = uniform
        self._steps = 0
        self._first = {name: torch.zeros_like(t) for name, t in self._tensors.items()}
        self._second = {name: torch.zeros_like(t) for name, t in self._tensors.items()}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change every tensor against its gradient, by `rate` if the gradient is constant."""
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

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the internal state for `restore`, as arrays by name."""
        moments = {"first": self._first, "second": self._second}
        arrays = {
            f"{name}.{moment}": tensor.cpu().numpy().copy()
            for moment, tensors in moments.items()
            for name, tensor in tensors.items()
        }
        return arrays | {"steps": np.array(self._steps)}

    def restore(self, arrays: Arrays) -> None:
        """Restore the internal state from the arrays that `arrays` returned."""
        self._steps = int(arrays["steps"])
        for moment, tensors in {"first": self._first, "second": self._second}.items():
            for name, tensor in tensors.items():
                tensor.copy_(torch.as_tensor(arrays[f"{name}.{moment}"]))


class LBFGS:
    """L-BFGS with a strong Wolfe line search, over all variables of a search at once.

    L-BFGS compares gradients of successive steps, so every evaluation must have the same views and
    the same noise. One step is a line search along one direction. Each tensor is optimised in units
    of its entry in `rates`, as attributes differ in scale; curvature is estimated from the last
    `memory` steps; `evaluations` is the largest number in a step.
    """

    def __init__(
        self,
        tensors: Sequence[torch.Tensor],
        rates: Sequence[float],
        memory: int = 10,
        evaluations: int = 8,
    ) -> None:
        self._tensors, self._rates = list(tensors), list(rates)
        self._scaled = [
            (t.detach() / r).requires_grad_() for t, r in zip(tensors, rates, strict=True)
        ]
        self._library = torch.optim.LBFGS(
            self._scaled,
            max_iter=1,
            max_eval=evaluations,
            history_size=memory,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

    def step(self, evaluate: Callable[[], float]) -> None:
        """Change all tensors; `evaluate` returns the loss and stores its gradients in them."""
        with torch.no_grad():  # tensors may have been clipped to bounds since the last step
            for scaled, tensor, rate in self._paired():
                scaled.copy_(tensor / rate)

        def closure() -> float:
            self._unscale()
            loss = evaluate()
            for scaled, tensor, rate in self._paired():
                scaled.grad = rate * (
                    torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
                )
            return loss

        self._library.step(closure)
        self._unscale()

    def _paired(self) -> list[tuple[torch.Tensor, torch.Tensor, float]]:
        return list(zip(self._scaled, self._tensors, self._rates, strict=True))

    @torch.no_grad()
    def _unscale(self) -> None:
        for scaled, tensor, rate in self._paired():
            tensor.copy_(scaled * rate)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the internal state for `restore`, as arrays by name; lists are stacked."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, value in self._memory().items():
            if name == "al":  # temporary values of a step
                continue
            if isinstance(value, list):
                value = [each for each in value if each is not None]
                if value:
                    arrays[f"{name}[]"] = torch.stack(value).cpu().numpy()
            elif value is not None:
                arrays[name] = torch.as_tensor(value).detach().cpu().numpy().copy()
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Restore the internal state from the arrays that `arrays` returned."""
        memory = self._memory()
        memory.clear()
        device = self._scaled[0].device
        for name, array in arrays.items():
            if name in ("func_evals", "n_iter"):
                memory[name] = int(array)
            elif name in ("t", "prev_loss"):
                memory[name] = float(array)
            elif name.endswith("[]"):
                memory[name.removesuffix("[]")] = list(torch.tensor(array, device=device))
            else:
                memory[name] = torch.tensor(array, device=device)

    def _memory(self) -> dict[str, Any]:
        return self._library.state[self._scaled[0]]
