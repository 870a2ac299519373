"""Models as observers: a model answers every trial of the people from its stored distances.

A model compares images by its own distances D (1 − Pearson r of activations), each with normal
noise σ, by the rule of the task: oddity, the image with the largest summed distance (which leaves
the pair with the smallest distance); match to sample, the smaller distance; same–different, a
distance against a criterion. The upper asymptote of its answers is 1 − λ. Each model and layer has
one σ, λ (and criterion) for all attributes, fitted by maximum likelihood to people's answers on
control trials of the *other* targets, so that its answers on metamers are predictions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import ndtr

from analysis.trials.frame import GUESS, is_control, rate_name, single_value
from psychophysics.psychometric_function import lapse_probability
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError

# Range of σ, in units of the distances' standard deviation: below it, answers are as without noise;
# above it, they are guesses.
NOISE = (1e-3, 1e3)
LAPSE = 0.4  # largest λ
# At these values or beyond, the answers do not determine σ or λ.
NO_NOISE, GUESSES, MOST_LAPSES = 1.2e-3, 20.0, 0.98 * LAPSE
MOST_STEPS = 2000  # of the optimiser
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)

Distances = Mapping[str, pd.DataFrame]  # family → symmetric matrix with stimulus ids


@dataclass(frozen=True)
class Decision:
    """Parameters of a model's decisions, fitted by `fit_decision`."""

    noise: float  # σ of every distance
    lapse: float  # 1 − upper asymptote; the model guesses on λ/(1 − γ) of the trials, γ chance
    criterion: float = 0.0  # same–different: larger distances are called different
    at_bound: str = ""  # what the answers do not determine: noise small, noise large, lapse


def pair_distances(trials: pd.DataFrame, distances: Distances) -> np.ndarray:
    """Return the distances of images 1–2, 1–3, 2–3 (trials, 3), or of two images (trials, 1)."""
    images = [column for column in ("image_1", "image_2", "image_3") if column in trials.columns]
    pairs = [(a, b) for i, a in enumerate(images) for b in images[i + 1 :]]
    found = np.empty((len(trials), len(pairs)))
    for family, place in trials.groupby("family", sort=False).indices.items():
        if family not in distances:
            raise InputError(f"family '{family}' has no distances; mrd embed makes them")
        matrix = distances[str(family)]
        values = matrix.to_numpy(dtype=float)
        rows = trials.iloc[place]
        at = {column: matrix.index.get_indexer(pd.Index(rows[column])) for column in images}
        if any((where < 0).any() for where in at.values()):
            raise InputError(f"family '{family}': a shown image has no distances; run mrd embed")
        for number, (a, b) in enumerate(pairs):
            found[place, number] = values[at[a], at[b]]
    return found


def right_choices(trials: pd.DataFrame) -> np.ndarray:
    """Return the index of the correct choice (trials,): odd image, match, or 1 for different."""
    alternatives = list(TASKS[single_value(trials, "task")].alternatives)
    return trials["correct_response"].map(alternatives.index).to_numpy(dtype=int)


def probability_correct(
    pairs: np.ndarray, right: np.ndarray, task: str, decision: Decision
) -> np.ndarray:
    """Return the probability (trials,) of a correct answer; arguments as in `fit_decision`."""
    sigma = decision.noise
    if task == "oddity":
        # Pairs 12, 13, 23: without image k, pair 2 − k remains; its distance must be the smallest.
        rows = np.arange(len(pairs))
        rest = pairs[rows, 2 - right]
        others = [pairs[rows, (3 - right + shift) % 3] for shift in (0, 1)]
        reach = [(other - rest)[:, None] / sigma - _NODES for other in others]
        chosen = (ndtr(reach[0]) * ndtr(reach[1])) @ _WEIGHTS / np.sqrt(2 * np.pi)
    elif task == "match_to_sample":
        near, far = np.where(right == 0, pairs[:, :2].T, pairs[:, 1::-1].T)
        chosen = ndtr((far - near) / (sigma * np.sqrt(2)))
    else:
        different = ndtr((pairs[:, 0] - decision.criterion) / sigma)
        chosen = np.where(right == 1, different, 1 - different)
    guess = GUESS[task] or 0.5
    lapsing = lapse_probability(decision.lapse, guess)
    return (1 - lapsing) * chosen + lapsing * guess


def fit_decision(pairs: np.ndarray, right: np.ndarray, correct: np.ndarray, task: str) -> Decision:
    """Fit noise, lapse rate and criterion to people's answers by maximum likelihood.

    Parameters
    ----------
    pairs
        (trials, 3), or (trials, 1) of tasks with two images: distances, from `pair_distances`.
    right
        (trials,): index of the correct choice, from `right_choices`.
    correct
        (trials,): 1 where people were correct.
    task
        ``oddity``, ``match_to_sample`` or ``same_different``.

    Raises
    ------
    InputError
        All distances are equal, or the fit does not converge.
    """
    same_different = task == "same_different"
    middle, scale = float(np.median(pairs)), float(np.std(pairs))
    if not scale > 1e-9 * abs(middle):
        raise InputError(
            f"the model's distances are all {middle:.3g} in the control trials; no noise can be "
            "fitted to them: embed the set again, or use another layer"
        )
    # Standardised, so that no bound, start or tolerance depends on the unit of the distances.
    standard = (pairs - middle) / scale

    def decision(parameters: np.ndarray) -> Decision:
        noise = float(np.exp(np.clip(parameters[0], *np.log(NOISE))))
        criterion = float(parameters[2]) if same_different else 0.0
        return Decision(noise, float(np.clip(parameters[1], 0, LAPSE)), criterion)

    def loss(parameters: np.ndarray) -> float:
        p = probability_correct(standard, right, task, decision(parameters))
        p = np.clip(p, 1e-9, 1 - 1e-9)
        # A weak prior (Beta(1, 10), as psignifit's) keeps the lapse rate from diverging.
        prior = 9 * np.log1p(-decision(parameters).lapse)
        return -float(np.sum(np.where(correct == 1, np.log(p), np.log1p(-p))) + prior)

    criteria = np.quantile(standard, [0.1, 0.5, 0.9]) if same_different else [None]
    starts = [
        np.array([np.log(factor), lapse, *([] if criterion is None else [criterion])])
        for factor in (0.05, 0.2, 0.5, 1.0, 2.0, 10.0)
        for lapse in (0.02, 0.2)
        for criterion in criteria
    ]
    first = min(starts, key=loss)
    # First steps as large as the expected values: smaller ones end at the bound of no lapses.
    steps = np.diag([0.5, 0.1, 0.5][: len(first)])
    # Finer steps than .01 of the log likelihood would be meaningless.
    options: dict[str, Any] = {
        "xatol": 1e-3, "fatol": 1e-2, "maxiter": MOST_STEPS, "maxfev": 2 * MOST_STEPS,
        "initial_simplex": np.vstack([first, first + steps]),
    }  # fmt: skip
    ends = [tuple(np.log(NOISE)), (0.0, LAPSE), (standard.min() - 1, standard.max() + 1)]
    optimise: Any = minimize  # its type stubs lack these options
    found = optimise(loss, first, method="Nelder-Mead", bounds=ends[: len(first)], options=options)
    if not found.success:
        raise InputError(
            "noise and lapse rate of a model as observer do not converge; add more control trials"
        )
    standardised = decision(found.x)
    return Decision(
        scale * standardised.noise,
        standardised.lapse,
        middle + scale * standardised.criterion if same_different else 0.0,
        _at_bound(standardised),
    )


def _at_bound(decision: Decision) -> str:
    """Name the parameters (of standardised distances) that the answers do not determine."""
    named = {
        "noise small": decision.noise <= NO_NOISE,
        "noise large": decision.noise >= GUESSES,
        "lapse": decision.lapse >= MOST_LAPSES,
    }
    return ", ".join(name for name, reached in named.items() if reached)


def predict(
    trials: pd.DataFrame, layers: Mapping[tuple[str, str], Distances]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predict the answers of every model and layer to people's trials.

    Parameters
    ----------
    trials
        Trials of people (`analysis.trials.sessions.load`, after exclusions), with ``control`` rows
        in `role`.
    layers
        By model and layer: distances of every family.

    Returns
    -------
    predicted : pandas.DataFrame
        The trials once for each model and layer: `observer` is ``model/layer``, `kind` is
        ``model``, ``correct`` is the *expected* number of correct answers (0 to 1), `answered` is
        the person's answer, `person` the person.
    decisions : pandas.DataFrame
        ``observer``, ``left_out`` (target or participant), ``noise``, ``lapse``, ``criterion``,
        ``at_bound`` (parameters that the answers do not determine), ``trials`` (number of fitted
        control trials).

    Raises
    ------
    InputError
        There are no control trials, distances are missing or all equal, or a fit does not
        converge.
    """
    task = single_value(trials, "task")
    control = is_control(trials)
    if not control.any():
        raise InputError(
            "no control trials: the noise of models as observers is fitted to them; add "
            "control to experiment.comparisons"
        )
    by = "target" if trials["target"].nunique() > 1 else "observer"
    groups = trials[by].to_numpy()
    right = right_choices(trials)
    correct = trials["correct"].to_numpy()
    predicted, decisions = [], []
    for (model, layer), distances in layers.items():
        name = f"{model}/{layer}"
        pairs = pair_distances(trials, distances)
        expected = np.empty(len(trials))
        for left_out in np.unique(groups):
            used = control & (groups != left_out)
            if not used.any():
                raise InputError(
                    f"{name}: all control trials are of {by} '{left_out}'; its own cannot be "
                    "used to predict it"
                )
            try:
                decision = fit_decision(pairs[used], right[used], correct[used], task)
            except InputError as error:
                raise InputError(f"{name}: {error}") from error
            own = groups == left_out
            expected[own] = probability_correct(pairs[own], right[own], task, decision)
            row = {"observer": name, "left_out": left_out, "by": by, **vars(decision)}
            decisions.append(row | {"trials": int(used.sum())})
        predicted.append(
            trials.assign(
                observer=name,
                kind="model",
                correct=expected,
                answered=correct,
                person=trials["observer"],
            )
        )
    return pd.concat(predicted, ignore_index=True), pd.DataFrame(decisions)


def cross_table(trials: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return the proportion correct on results of searches, by model of the search and observer.

    Parameters
    ----------
    trials
        Trials of people.
    predicted
        From `predict`.

    Returns
    -------
    pandas.DataFrame
        ``attribute``, ``of`` (model whose search made the stimuli), ``verdict`` (``metamer``,
        ``result`` if it is not a metamer, ``pixel``), ``judge`` (observer: ``people`` or
        ``model/layer``), ``trials``, ``proportion`` (same–different: ``hit_rate``). Controls are
        omitted.

    Raises
    ------
    InputError
        No trial shows the result of a search.
    """
    both = pd.concat([trials.assign(judge="people"), predicted.assign(judge=predicted["observer"])])
    both = both[both["at_result"] & ~is_control(both) & ~both["same"]]
    if both.empty:
        raise InputError("no trial shows the result of a search")
    cells = both.rename(columns={"model": "of"}).groupby(["attribute", "of", "verdict", "judge"])
    rate = rate_name(single_value(trials, "task"))
    table = cells["correct"].agg(trials="size", proportion="mean").reset_index()
    return table.rename(columns={"proportion": rate})


def prediction_quality(trials: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return how well each model predicts people's answers to trials that are not controls.

    ``log_likelihood`` per trial (nats) of the model, ``constant`` (the mean of all answers) and
    ``saturated`` (the mean of each condition, target, level and kind of pair); ``explained`` is the
    position of the model between these two.
    """
    cells = ["condition", "target", "level", "same"]
    people = trials[~is_control(trials)]
    if people.empty:
        raise InputError("no trials other than controls; predictions are scored on other trials")
    mean = people["correct"].mean()
    saturated = people.groupby(cells)["correct"].transform("mean").to_numpy()
    answers = people["correct"].to_numpy()
    constant, best = _score(np.full(len(people), mean), answers), _score(saturated, answers)
    rows = []
    for name, own in predicted[~is_control(predicted)].groupby("observer", sort=True):
        score = _score(own["correct"].to_numpy(dtype=float), own["answered"].to_numpy())
        explained = (score - constant) / (best - constant) if best > constant else np.nan
        row = {"observer": name, "trials": len(own), "log_likelihood": score}
        rows.append(row | {"constant": constant, "saturated": best, "explained": explained})
    return pd.DataFrame(rows)


def _score(p: np.ndarray, answers: np.ndarray) -> float:
    inner = np.clip(p, 1e-6, 1 - 1e-6)
    return float(np.mean(np.where(answers == 1, np.log(inner), np.log1p(-inner))))


def distances_from_target(trials: pd.DataFrame, pairs: np.ndarray, right: np.ndarray) -> pd.Series:
    """Return the distance from target to comparison, averaged by condition, target, role, level."""
    task = single_value(trials, "task")
    if task == "oddity":
        rows = np.arange(len(pairs))
        unlike = [pairs[rows, (3 - right + shift) % 3] for shift in (0, 1)]
        across = np.mean(unlike, axis=0)
    elif task == "match_to_sample":
        across = np.where(right == 0, pairs[:, 1], pairs[:, 0])
    else:
        across = np.where(right == 1, pairs[:, 0], np.nan)
    keys = ["condition", "target", "role", "level"]
    return trials.assign(_distance=across).groupby(keys)["_distance"].transform("mean")
