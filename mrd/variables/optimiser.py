"""Adam with one step size for all coordinates: the optimiser of shapes."""

from __future__ import annotations

from collections.abc import Iterable

import torch


class UniformAdam(torch.optim.Optimizer):
    """Adam whose second moment is the largest of all entries of a tensor.

    Adam's step per coordinate would turn the direction of a vertex's step and undo the smoothness
    of LargeSteps coordinates; one denominator for the whole tensor keeps it (Nicolet, Jacobson &
    Jakob 2021, section 4).

    Parameters
    ----------
    tensors
        Leaves to move.
    lr
        Length of the step where the gradient is largest.
    betas
        Decay of the first and second moment.
    """

    def __init__(
        self,
        tensors: Iterable[torch.Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(tensors, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move every tensor by its gradient."""
        for group in self.param_groups:
            first, second = group["betas"]
            for tensor in group["params"]:
                if tensor.grad is None:
                    continue
                state = self.state[tensor]
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(tensor)
                    state["exp_avg_sq"] = torch.zeros_like(tensor)
                state["step"] += 1
                state["exp_avg"].lerp_(tensor.grad, 1 - first)
                state["exp_avg_sq"].lerp_(tensor.grad**2, 1 - second)
                mean = state["exp_avg"] / (1 - first ** state["step"].item())
                square = state["exp_avg_sq"].max() / (1 - second ** state["step"].item())
                tensor.sub_(group["lr"] * mean / (square.sqrt() + group["eps"]))
