"""Hierarchical Bayesian psychometric function of the whole group, in NumPyro (extra `bayes`).

ψ = γ + (1 − γ − λ) S((log x − m)/w) with m = μ[condition] + u[observer] + i[observer, condition] +
v[target], all normal; μ is the mean threshold, u, i and v are random effects. There is a width w
for each condition, and a lapse rate λ (in same–different also a false-alarm rate γ) for each
observer. Sampled by NUTS. A fit that has not converged is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.trials.frame import GUESS, check_trials, is_same, single_value, yes_counts
from scenes.base.errors import InputError, how_to_install, unknown

CHAINS = 4
MOST_R_HAT = 1.01  # Vehtari et al. (2021)
LEAST_EFFECTIVE = 400  # samples
TAILS = (0.025, 0.5, 0.975)
WIDE = 9.0  # range of levels in natural logarithms (four decades) that counts as wide


class NotConverged(InputError):
    """The sampler has not converged: the fit must not be used."""


@dataclass(frozen=True)
class _Data:
    """Pooled answers: hits in n trials at log x, with indices of observer, condition and target."""

    log_x: np.ndarray
    hits: np.ndarray
    n: np.ndarray
    observer: np.ndarray
    condition: np.ndarray
    target: np.ndarray
    names: Mapping[str, np.ndarray]
    guess: float | None
    wrong: np.ndarray  # (observers,): false alarms of same_n trials, in same–different
    same_n: np.ndarray


def fit(
    frame: pd.DataFrame,
    *,
    x: str = "level",
    curve: str = "weibull",
    warmup: int = 1000,
    draws: int = 1500,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit the hierarchical psychometric function.

    Parameters
    ----------
    frame
        Trials of one task. Targets are the values of `target`, or of `stimulus` if there is no
        such column.
    x
        Column of the stimulus axis; level 0 is dropped, as the curve is a function of log x.
    curve
        ``weibull``, ``log_normal`` or ``log_logistic``.
    warmup, draws
        Iterations of each of 4 chains.
    seed
        Seed of the sampler.

    Returns
    -------
    pandas.DataFrame
        A row for each condition (``observer`` empty: threshold of the population, the mean in
        log x) and a row for each observer and condition: ``threshold`` (posterior median, units
        of x) with ``_low`` and ``_high`` (95 %), ``width`` (natural log units) likewise, ``lapse``
        of observers, ``guess``; ``measurable`` (``measured``, ``above``, ``below``: if the
        threshold is outside the tested levels it is NaN, with ``bound``, and its interval is open
        on that side); and for the whole fit ``r_hat`` (largest), ``effective`` (least sample size)
        and ``divergences``. ``r_hat`` and ``effective`` cover all parameters except the
        standardised effects of observers, which are part of their thresholds.

    Raises
    ------
    NotConverged
        R̂ above 1.01, fewer than 400 effective samples, or a divergence.
    InputError
        A column is missing, the curve is not a function of log x, or `numpyro` is not installed.
    """
    if curve not in _SHAPES:
        raise unknown("curve on log x", curve, _SHAPES)
    data = _pooled(check_trials(frame, ("observer", "condition", "correct", "n", "task", x)), x)
    samples, quality = _sample(data, curve, warmup, draws, seed)
    check(quality)
    return _table(data, samples).assign(**quality)


def _pooled(frame: pd.DataFrame, x: str) -> _Data:
    task = single_value(frame, "task")
    target = "target" if "target" in frame.columns else "stimulus"
    same = is_same(frame)
    counted = frame.assign(_hits=yes_counts(frame), _x=frame[x].astype(float))
    shown = counted[~same & (counted["_x"] > 0)]
    if shown["_x"].nunique() < 2:
        raise InputError(f"column '{x}' has fewer than 2 levels above 0; no curve can be fitted")
    cells = shown.groupby(["observer", "condition", target, "_x"], sort=True)[["_hits", "n"]].sum()
    pooled = cells.reset_index()
    codes, names = {}, {}
    for key, column in (("observer", "observer"), ("condition", "condition"), ("target", target)):
        codes[key], found = pd.factorize(pooled[column], sort=True)
        names[key] = np.asarray(found)
    alarms = counted[same].groupby("observer")[["_hits", "n"]].sum().reindex(names["observer"])
    return _Data(
        log_x=np.log(pooled["_x"].to_numpy()),
        hits=pooled["_hits"].to_numpy(dtype=float),
        n=pooled["n"].to_numpy(dtype=float),
        **codes,
        names=names,
        guess=GUESS[task],
        wrong=alarms["_hits"].fillna(0).to_numpy(dtype=float),
        same_n=alarms["n"].fillna(0).to_numpy(dtype=float),
    )


def _weibull(z: Any) -> Any:
    import jax.numpy as jnp

    steepness = np.log(-np.log(0.05)) - np.log(-np.log(0.95))
    return -jnp.expm1(np.log(0.5) * jnp.exp(jnp.clip(steepness * z, -30, 5)))


def _log_normal(z: Any) -> Any:
    from jax.scipy.special import ndtr

    return ndtr(2 * 1.6448536 * z)


def _log_logistic(z: Any) -> Any:
    from jax.nn import sigmoid

    return sigmoid(2 * np.log(19) * z)


# S as a function of (log x − m)/w.
_SHAPES = {"weibull": _weibull, "log_normal": _log_normal, "log_logistic": _log_logistic}


def _model(data: _Data, curve: str) -> None:
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist

    low, high = float(data.log_x.min()), float(data.log_x.max())
    observers, conditions, targets = (
        len(data.names[key]) for key in ("observer", "condition", "target")
    )
    tested = high - low
    mu = numpyro.sample("mu", dist.Normal((low + high) / 2, max(tested, 1.0)).expand([conditions]))
    # Narrow ranges of levels are chosen for steep curves, wide ranges for wide ones.
    typical = np.clip(tested / 2, 0.05, 1.5) if tested < WIDE else tested / 6
    width = numpyro.sample("width", dist.LogNormal(np.log(typical), 1.0).expand([conditions]))
    unit = max(1.0, tested / 6)  # scale of the priors of spreads, in natural logarithms

    def normal(name: str, shape: tuple[int, ...], scale: float) -> Any:
        """Return random effects: a sampled spread times standard normal values (non-centred)."""
        spread = numpyro.sample(f"sd_{name}", dist.HalfNormal(scale))
        return spread * numpyro.sample(
            f"z_{name}", dist.Normal().expand(shape).to_event(len(shape))
        )

    shift = jnp.zeros((observers, conditions))
    if observers > 1:
        shift = shift + normal("observer", (observers,), unit)[:, None]
        if conditions > 1:
            shift = shift + normal("interaction", (observers, conditions), unit / 2)
    m = numpyro.deterministic("m", mu + shift)
    middle = m[data.observer, data.condition]
    if targets > 1:
        middle = middle + normal("target", (targets,), unit / 2)[data.target]
    lapse = numpyro.sample("lapse", dist.Beta(1.0, 10.0).expand([observers]))
    if data.guess is None:
        # Any false-alarm rate is possible; the lapse rate is a share of 1 − false-alarm rate.
        guess = numpyro.sample("guess", dist.Beta(1.0, 1.0).expand([observers]))
        numpyro.sample("false_alarms", dist.Binomial(data.same_n, guess), obs=data.wrong)
        gamma, lapse = guess[data.observer], (1 - guess) * lapse
    else:
        gamma = data.guess
    numpyro.deterministic("lapse_rate", lapse)
    rise = _SHAPES[curve]((data.log_x - middle) / width[data.condition])
    psi = gamma + (1 - gamma - lapse[data.observer]) * rise
    numpyro.sample("hits", dist.Binomial(data.n, jnp.clip(psi, 1e-6, 1 - 1e-6)), obs=data.hits)


def _sample(
    data: _Data, curve: str, warmup: int, draws: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        import jax
        from numpyro.diagnostics import summary
        from numpyro.infer import MCMC, NUTS
    except ImportError as error:
        raise InputError(
            f"the hierarchical model needs numpyro; {how_to_install('bayes')}"
        ) from error
    sampler = MCMC(
        # Small steps: the posterior of spreads of few observers or targets has a funnel near 0.
        NUTS(_model, target_accept_prob=0.995),
        num_warmup=warmup,
        num_samples=draws,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(seed), data, curve)
    grouped = sampler.get_samples(group_by_chain=True)
    # These two effects are part of m; those of targets are in no other, so they must converge.
    parameters = {k: v for k, v in grouped.items() if k not in ("z_observer", "z_interaction")}
    summaries = summary(parameters)
    quality = {
        "r_hat": max(float(np.max(each["r_hat"])) for each in summaries.values()),
        "effective": min(float(np.min(each["n_eff"])) for each in summaries.values()),
        "divergences": int(np.sum(sampler.get_extra_fields()["diverging"])),
    }
    return {k: np.asarray(v) for k, v in sampler.get_samples().items()}, quality


def check(quality: Mapping[str, Any]) -> None:
    """Raise if R̂, the effective sample size or divergences show that a fit has not converged."""
    reasons = []
    if not quality["r_hat"] <= MOST_R_HAT:  # also if NaN
        reasons.append(f"R-hat {quality['r_hat']:.3f} > {MOST_R_HAT}")
    if not quality["effective"] >= LEAST_EFFECTIVE:
        reasons.append(f"{quality['effective']:.0f} effective samples < {LEAST_EFFECTIVE}")
    if quality["divergences"] > 0:
        reasons.append(f"{quality['divergences']} divergences")
    if reasons:
        raise NotConverged(
            f"the hierarchical fit is not reported: {', '.join(reasons)}; use more warmup and "
            "draws, or check whether the levels reach the thresholds"
        )


def _table(data: _Data, samples: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = []
    for c, condition in enumerate(data.names["condition"]):
        tested = data.log_x[data.condition == c]
        width = _quantiles("width", samples["width"][:, c])
        group = _threshold(samples["mu"][:, c], tested) | width
        rows.append({"condition": condition, "observer": ""} | group)
        for o, observer in enumerate(data.names["observer"]):
            row = {"condition": condition, "observer": observer}
            row |= _threshold(samples["m"][:, o, c], tested) | width
            row |= _quantiles("lapse", samples["lapse_rate"][:, o])
            if "guess" in samples:
                row |= _quantiles("guess", samples["guess"][:, o])
            rows.append(row)
    return pd.DataFrame(rows)


def _threshold(log_threshold: np.ndarray, tested: np.ndarray) -> dict[str, Any]:
    row = _quantiles("threshold", np.exp(log_threshold))
    low, high = np.exp(tested.min()), np.exp(tested.max())
    middle = row["threshold"]
    state = "above" if middle > high else "below" if middle < low else "measured"
    bound = {"measured": np.nan, "above": high, "below": low}[state]
    if state != "measured":  # beyond the tested levels, only the prior would set a limit
        row["threshold"] = np.nan
        row |= {"threshold_high": np.inf} if state == "above" else {"threshold_low": 0.0}
    return row | {"measurable": state, "bound": bound}


def _quantiles(name: str, values: np.ndarray) -> dict[str, Any]:
    low, middle, high = np.quantile(values, TAILS)
    return {name: float(middle), f"{name}_low": float(low), f"{name}_high": float(high)}
