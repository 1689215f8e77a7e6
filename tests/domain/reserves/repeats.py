"""Whether sampled figures are as sure as they say: by how they are spread over seeds."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.stats import kurtosis


def spread_as_told(estimates: Sequence[float], errors: Sequence[float]) -> bool:
    """Whether estimates of one figure, a seed each, are spread as widely as their standard errors say on average.

    The spread of n estimates is itself only known to `sqrt((kurtosis − 1) / 4n)` of it, which is 1 / sqrt(2n) where
    they are normal: four times that is allowed.
    """
    count, found, told = len(estimates), float(np.std(estimates, ddof=1)), float(np.mean(errors))
    return abs(found / told - 1.0) <= 4.0 * sqrt((float(kurtosis(estimates, fisher=False)) - 1.0) / (4.0 * count))
