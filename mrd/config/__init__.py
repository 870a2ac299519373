"""The parts of a study file that belong to `mrd`: models, searches and series.

Only structure is checked here, without reading a file and without loading a network: whether a
layer, a weights file or a mesh exists is found out by the commands that use them.
"""

from mrd.config.fields import Seed, misplaced
from mrd.config.model import FrontEnd, ModelConfig
from mrd.config.search import (
    BESIDE_THE_SEARCH,
    Attribute,
    CriterionConfig,
    EarlyStopping,
    LearningRate,
    LossName,
    Regularisers,
    Remeshing,
    Samples,
    SearchConfig,
    SkyParameter,
    StartConfig,
)
from mrd.config.series import OWN_LIGHT, SeriesConfig

__all__ = [
    "BESIDE_THE_SEARCH",
    "OWN_LIGHT",
    "Attribute",
    "CriterionConfig",
    "EarlyStopping",
    "FrontEnd",
    "LearningRate",
    "LossName",
    "ModelConfig",
    "Regularisers",
    "Remeshing",
    "Samples",
    "SearchConfig",
    "Seed",
    "SeriesConfig",
    "SkyParameter",
    "StartConfig",
    "misplaced",
]
