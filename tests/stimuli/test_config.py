"""The `stimuli` section of a study."""

import pytest
from pydantic import ValidationError

from stimuli.config import StimuliConfig


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"acept": "all"}, r"unknown key 'acept'; did you mean 'accept'\?"),
        ({"accept": "metamer"}, r"'metamer' is not allowed; did you mean 'metamers'\?"),
        ({"bits": 10}, r"8 or 16"),
        ({"radiance": "yes"}, r"valid boolean"),
        ({"most_clipped": 5}, r"5 is out of range; allowed: 0 to 1"),
        ({"matching": "luminence"}, r"did you mean 'luminance'\?"),
    ],
)
def test_invalid_values_are_named(given, message):
    with pytest.raises(ValidationError, match=message):
        StimuliConfig.model_validate(given)
