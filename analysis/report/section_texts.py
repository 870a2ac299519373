"""Titles and notes of the report's sections, in the report's order: main results first."""

# Table → title and note of its section.
SECTIONS = {
    "invariance": (
        "People against models",
        "log₂ of the model's threshold divided by people's; above 0, the model is more invariant. "
        "Thresholds outside the tested levels are censored: their likelihood makes the interval "
        "open (arrows). A direction is stated only if it is significant after Holm's correction.",
    ),
    "equivalence": (
        "Where people cannot tell",
        "Proportions with 90 % confidence intervals, which correspond to two one-sided tests at "
        "α = .05. The claim requires these tests, the Bayes factor, the controls and the catch "
        "trials.",
    ),
    "reach": (
        "Reach: how far the widest metamers lie",
        "The reach is the physical distance of the farthest scene that passed the criterion in a "
        "search away from the target. It is a lower bound (arrows): a longer search may find "
        "more. Attributes have different units, so reaches are divided: by the reach of a random "
        "change of the same variables (control), and by people's threshold on the series that "
        "leads to the metamer (the line below a bar shows its 95 % confidence interval). An open "
        "bar: the random change never failed, so its reach is a lower bound too, and the ratio is "
        "no bound. No bar: the divisor is not known.",
    ),
    "predicted_thresholds": (
        "Predicted thresholds",
        "How far one parameter must move until an ideal observer of the model's activations "
        "discriminates it from render noise at d′ = 1 (Fisher information), as physical distance "
        "from the target. People's thresholds are on the same axis, but for another direction: in "
        "the series that people saw, all parameters of a search (or of a random change, in "
        "controls) changed together. If that change is within the predicted parameters (materials "
        "without textures), a row gives the prediction for its direction. The noise is that of "
        "rendering and not of the visual system: compare predictions within a model, not their "
        "size. If noisy is yes, the two halves of the derivative disagree, and the prediction is "
        "too small.",
    ),
    "cross_table": (
        "Who is fooled by the results of whose searches",
        "Proportion correct on results of searches; metamers are separate from results that "
        "failed their criterion.",
    ),
    "searches": (
        "The searches that were shown",
        "Verdict of the criterion when each search ended, on the stored images at the search's "
        "own cameras, and at held-out cameras. A result that failed one of the first two is no "
        "metamer. Class rule: whether the result must have the target's class, which it must only "
        "at cameras where the model has a stable class for the target.",
    ),
    "recovery": (
        "Recovery: how near each search came to its target",
        "Physical difference of the result from the target, for every finished search of these "
        "targets. Metamers ask how different a scene with the same activations can be; recovery "
        "asks how well the scene can be inferred from the activations. Recovered: the activations "
        "match, and the scene is physically the target. Volume IoU: 1 is equal; all others: 0.",
    ),
    "against_pixels": (
        "Scene metamers against pixel metamers",
        "Two metamers of the same target image, model and layers: one is a changed scene, one is "
        "changed pixels, synthesised from noise (plenoptic's Metamer) to the same match. RMS is "
        "the difference of display values from the target's image; white is 1. Both verdicts use "
        "one criterion, at all training cameras.",
    ),
    "level_zero": (
        "Level 0: a target and its re-render",
        "People must be at chance at level 0. Otherwise something other than the studied "
        "difference reveals the comparison. One-sided exact tests, Holm-corrected.",
    ),
    "psychometric": (
        "Psychometric functions",
        "Mode of the posterior (psignifit) with 95 % credible intervals. A threshold outside the "
        "tested levels is not measurable and has a bound instead. Falling: significantly fewer "
        "correct (or “different”) answers at larger levels. Not monotone: the answers contradict "
        "every rising curve. Unknown: too few answers, or all answers are equal. Where only the "
        "prior would set a limit or a value, the limit is infinite and the value is missing.",
    ),
    "sensitivity": (
        "Sensitivity",
        "d′ under both decision models, with 95 % confidence intervals. Values of 0 and at "
        "ceiling are clipped: do not average them over people. At ceiling, d′ is log-linearly "
        "corrected (column corrected).",
    ),
    "group": (
        "The group",
        "Proportions of the mixed model, averaged over the population of observers and targets; "
        "logits with Henderson's standard errors and 95 % confidence intervals. The degrees of "
        "freedom are those of the smaller number of observers or targets.",
    ),
    "differences": (
        "Differences between attributes and between models",
        "Between conditions: differences of a model's log₂ ratios, relative to controls if there "
        "are any. Between models in a condition: differences of their thresholds, likewise "
        "relative to controls; without intervals or p, since a model's answers are expectations "
        "and not a sample.",
    ),
    "prediction": (
        "Prediction trial by trial",
        "How well models predict people's answers: log likelihood per trial (nats) on trials that "
        "are not controls. Explained is 0 if a model predicts as well as the mean of all answers, "
        "and 1 if it predicts as well as the mean at each condition, target and level.",
    ),
    "overall": (
        "Agreement of people with one another, and of models with people",
        "Error consistency κ, averaged over conditions and levels and then over pairs; 95 % "
        "confidence intervals by bootstrap over people. Agreement between people is the ceiling "
        "for models.",
    ),
    "agreement": (
        "Agreement at every level",
        "Error consistency κ between people, and of models with people (expected over the model's "
        "noise); 95 % confidence intervals by bootstrap over stimuli. Undefined values are "
        "counted.",
    ),
    "hierarchical": ("Hierarchical model", ""),
    "model_decisions": ("Noise and lapses of models as observers", ""),
    "catch_trials": ("Catch trials", ""),
    "gaps": (
        "Targets and levels that a participant did not see",
        "All other participants saw them, after exclusions. Such gaps are expected if levels are "
        "chosen trial by trial (QUEST+, staircases). With constant stimuli they are not, and this "
        "participant's thresholds are based on fewer images.",
    ),
    "exclusions": (
        "What was left out",
        "The rules were set in the study file; every exclusion is listed.",
    ),
}
HITS = " In same–different these are hit rates, which depend on the criterion too."
# Data to which a model's noise and lapse rate are fitted. The key is a column: each of its values
# (such as each target) is predicted from fits to the others.
FITTED_TO = {
    "target": "people's answers on control trials of the other targets",
    "observer": "the answers of the other participants on control trials (there is only one "
    "target, so none could be left out)",
}
