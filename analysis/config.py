"""The part of the study file that says how answers are analysed."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from scenes.base.frozen import Frozen, between

Share = Annotated[float, between(0, 1)]


class ExclusionsConfig(Frozen):
    """Which answers are left out, decided before they are looked at.

    Parameters
    ----------
    participants
        Codes left out whole.
    catch
        Least proportion of catch trials answered rightly; a session below it is left out whole.
    fastest, slowest
        Response times in seconds; trials outside are left out.
    dropped_frames
        Most frames missed in the images of a trial; trials above it are left out.
    unfinished
        Whether sessions that were not finished are left out.
    unanswered
        Whether trials without an answer in time are left out, catch trials too; else they count
        as wrong (in same–different: as the wrong one of its two answers).
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
        What is left out.
    x
        Stimulus axis: ``physical_distance``, ``model_distance`` (of the model whose search led to
        the stimulus) or ``level``.
    curve
        Psychometric function, on log x: ``weibull``, ``log_normal`` or ``log_logistic``.
    proportion
        Proportion correct at threshold; without it, half way between guess and lapse rate.
    overdispersion
        Whether single fits are beta-binomial.
    decision_model
        By which d′ and proportion correct belong together where one has to be chosen (margin,
        controls): ``differencing`` or ``independent``. Tables give both.
    margin
        Smallest d′ of interest: "people cannot tell" is tested against it.
    prior_scale
        Scale of the half-normal prior of d′ in Bayes factors.
    bayes
        Whether the hierarchical model is fitted too (minutes; extra ``bayes``).
    draws
        Bootstrap samples, 100 to 100000.
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
