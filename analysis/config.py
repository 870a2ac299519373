"""The `analysis` section of the study file."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from scenes.base.frozen import Frozen, between

Share = Annotated[float, between(0, 1)]


class ExclusionsConfig(Frozen):
    """Which answers are excluded. The rules are set before the data are seen.

    Parameters
    ----------
    participants
        Codes of participants who are excluded.
    catch
        Smallest proportion correct on catch trials; a session below it is excluded.
    fastest, slowest
        Limits of response times in seconds; trials outside are excluded.
    dropped_frames
        Maximum number of dropped frames while a trial's images are shown; trials above it are
        excluded.
    unfinished
        Whether unfinished sessions are excluded.
    unanswered
        Whether trials without an answer in time are excluded, catch trials too; if false, they
        count as wrong (in same–different: as the wrong one of the two answers).
    """

    participants: tuple[str, ...] = ()
    catch: Share = 0.75
    fastest: Annotated[float, between(0, 3600)] = 0.15
    slowest: Annotated[float, between(0, 3600, above_low=True)] = 30.0
    dropped_frames: Annotated[int, between(0, 1000)] = 1
    unfinished: bool = True
    unanswered: bool = True

    @model_validator(mode="after")
    def _times_in_order(self) -> "ExclusionsConfig":
        if self.fastest >= self.slowest:
            raise ValueError(
                f"fastest {self.fastest:g} s is not below slowest {self.slowest:g} s; "
                "no answer would be left"
            )
        return self


class AnalysisConfig(Frozen):
    """How answers are analysed.

    Parameters
    ----------
    exclude
        Rules of exclusion.
    x
        Stimulus axis: ``physical_distance``, ``model_distance`` (of the model whose search made
        the stimulus) or ``level``.
    curve
        Psychometric function of log x: ``weibull``, ``log_normal`` or ``log_logistic``.
    proportion
        Proportion correct at threshold; by default the middle between guess rate and
        1 − lapse rate.
    overdispersion
        Whether fits of single participants allow more variance than the binomial (beta-binomial).
    decision_model
        Model that relates d′ to proportion correct where one is needed (margin, controls):
        ``differencing`` or ``independent``. Tables give both.
    margin
        Smallest d′ of interest, for the test that people cannot tell result and target apart.
    prior_scale
        Scale of the half-normal prior of d′ in Bayes factors.
    bayes
        Whether the hierarchical model is fitted too (takes minutes; needs the extra ``bayes``).
    draws
        Number of bootstrap samples, 100 to 100000.
    """

    exclude: ExclusionsConfig = ExclusionsConfig()
    x: Literal["physical_distance", "model_distance", "level"] = "physical_distance"
    curve: Literal["weibull", "log_normal", "log_logistic"] = "weibull"
    proportion: Annotated[float, between(0.3, 0.999)] | None = None
    overdispersion: bool = True
    decision_model: Literal["differencing", "independent"] = "differencing"
    margin: Annotated[float, between(0, 5, above_low=True)] = 0.5
    prior_scale: Annotated[float, between(0, 10, above_low=True)] = 1.0
    bayes: bool = False
    draws: Annotated[int, Field(strict=True, ge=100, le=100_000)] = 1000
