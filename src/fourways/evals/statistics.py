"""Intervals of means and shares, candidates compared in pairs, ranks, agreement: formulas, with their sources."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from fourways.core.report import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

NORMAL = NormalDist()
RESAMPLES = 2000
PERMUTATIONS = 10_000
POWER = 0.80
BLOCK = 4_000_000
"""Draws held in memory at once at most."""


def z_of(confidence: float) -> float:
    """Return how many standard deviations a two-sided interval reaches."""
    return NORMAL.inv_cdf((1 + confidence) / 2)


# ---------------------------------------------------------------- one sample


def wilson(hits: float, of: int, confidence: float = 0.95) -> Estimate:
    """Estimate a share with its score interval (Wilson 1927), which stays within 0 and 1; all of it where `of` is 0."""
    if of == 0:
        return Estimate(value=0.0, low=0.0, high=1.0, n=0, method="wilson")
    z, share = z_of(confidence), hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low, high = min(share, centre - half), max(share, centre + half)  # rounding must not put the share outside
    return Estimate(value=share, low=max(0.0, low), high=min(1.0, high), n=of, method="wilson")


def bootstrap_mean(
    values: Sequence[float], *, seed: int = 0, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate a mean with its percentile bootstrap interval (Efron 1979).

    Percentiles and not BCa: a mean has next to no bias to correct, and percentiles never leave the data's range.

    Args:
        values: of any unit; of none nothing is known, of one only that it is so.
        seed: of the resampling; the order of the values does not matter.
    """
    if not values:
        return Estimate(value=0.0, low=-math.inf, high=math.inf, n=0, method="bootstrap")
    data = np.sort(np.asarray(values, dtype=float))
    mean = float(data.mean())
    if data[0] == data[-1]:
        return Estimate(value=mean, low=mean, high=mean, n=len(data), method="bootstrap")
    means = _resampled_means(data, seed, resamples)
    tail = (1 - confidence) / 2
    low, high = (float(edge) for edge in np.quantile(means, (tail, 1 - tail)))
    return Estimate(value=mean, low=min(low, mean), high=max(high, mean), n=len(data), method="bootstrap")


def _resampled_means(data: "NDArray[np.float64]", seed: int, resamples: int) -> "NDArray[np.float64]":
    return np.concatenate([data[drawn].mean(axis=1) for drawn in resampled(len(data), seed, resamples)])


def resampled(cases: int, seed: int = 0, resamples: int = RESAMPLES) -> Iterator["NDArray[np.int64]"]:
    """Yield the places of cases drawn anew, (resamplings, cases): as many at once as memory may hold."""
    random = np.random.default_rng(seed)
    rows = max(1, BLOCK // cases)
    for done in range(0, resamples, rows):
        yield random.integers(0, cases, size=(min(rows, resamples - done), cases))


def mean_estimate(values: Sequence[float], *, seed: int = 0, confidence: float = 0.95) -> Estimate:
    """Estimate a mean: as a share where all values are 0 or 1, else by the bootstrap."""
    if all(value in {0.0, 1.0} for value in values):
        return wilson(int(sum(values)), len(values), confidence)
    return bootstrap_mean(values, seed=seed, confidence=confidence)


def quantile_estimate(values: Sequence[float], q: float, confidence: float = 0.95) -> Estimate:
    """Estimate a quantile with the interval of its order statistics, free of any distribution (Conover 1999, §3.2).

    The ranks that enclose it are those of the binomial's normal approximation, rounded outwards. Where too few values
    lie beyond the quantile it ends at the extreme one and is less sure than it says: a 95th percentile takes 72 values.
    """
    if not values:
        return Estimate(value=0.0, low=0.0, high=math.inf, n=0, method="order statistics")
    data = sorted(values)
    n, half = len(data), z_of(confidence) * math.sqrt(len(data) * q * (1 - q))
    value = float(np.quantile(data, q))
    low = data[max(0, math.floor(n * q - half) - 1)]
    high = data[min(n - 1, math.ceil(n * q + half))]
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=n, method="order statistics")


# ---------------------------------------------------------------- two candidates on the same cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two candidates compared case by case.

    Attributes:
        difference: mean of first less second, with its interval.
        p_value: of the hypothesis that they do not differ: McNemar's exact test for 0/1 values, else sign flips.
        better: 1 the first, -1 the second, 0 where the interval holds zero or the test is not as sure: of few cases the
            bootstrap's interval is too narrow. Zero is: not distinguishable.
        needed: cases it would take to tell the difference that was seen; None where there is none to tell.
    """

    difference: Estimate
    p_value: float
    better: int
    needed: int | None


def paired(
    first: Sequence[float],
    second: Sequence[float],
    *,
    seed: int = 0,
    confidence: float = 0.95,
    smallest: float | None = None,
) -> Paired:
    """Compare two candidates on the same cases.

    Args:
        first, second: their values, case by case in the same order.
        smallest: the difference that would matter; the one that was seen where not given.

    Raises:
        ValueError: there are not as many of one as of the other.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    estimate = bootstrap_mean(differences, seed=seed, confidence=confidence)
    p_value = _p_value(differences, seed)
    sure = p_value <= 1 - confidence
    better = 1 if sure and estimate.low > 0 else -1 if sure and estimate.high < 0 else 0
    needed = cases_needed(differences, smallest or estimate.value, confidence=confidence)
    return Paired(difference=estimate, p_value=p_value, better=better, needed=needed)


def cases_needed(
    differences: Sequence[float], smallest: float, *, confidence: float = 0.95, power: float = POWER
) -> int | None:
    """Return how many pairs would tell a mean difference from zero: n = ((z_α/2 + z_β)·σ/δ)² (Chow et al. 2008, §3.1).

    Args:
        differences: seen so far; their spread is taken for that of all.
        smallest: δ.
    """
    if len(differences) < 2 or not smallest:  # noqa: PLR2004 - no spread of one
        return None
    spread = float(np.std(differences, ddof=1))
    if not spread:
        return len(differences)
    z = z_of(confidence) + NORMAL.inv_cdf(power)
    return max(2, math.ceil((z * spread / abs(smallest)) ** 2))


def _p_value(differences: Sequence[float], seed: int) -> float:
    if set(differences) <= {-1.0, 0.0, 1.0}:
        return mcnemar(differences.count(1.0), differences.count(-1.0))
    return sign_flips(differences, seed=seed)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar (1947): the discordant pairs are coin tosses."""
    n = only_first + only_second
    if n == 0:
        return 1.0
    fewer = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, fewer / (1 << (n - 1)))


def sign_flips(differences: Sequence[float], *, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Return the two-sided p-value of a paired permutation test (Fisher 1935): signs are as good flipped."""
    data = np.asarray([value for value in differences if value], dtype=float)
    if not len(data):
        return 1.0
    random = np.random.default_rng(seed)
    seen, extreme, rows = abs(float(data.sum())), 0, max(1, BLOCK // len(data))
    for done in range(0, permutations, rows):
        signs = random.integers(0, 2, size=(min(rows, permutations - done), len(data))) * 2 - 1
        extreme += int(np.sum(np.abs(signs @ data) >= seen - 1e-12))
    return float(extreme + 1) / (permutations + 1)


# ---------------------------------------------------------------- two independent samples


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """Mann–Whitney's test.

    Attributes:
        u: of the first sample.
        z: positive where the first tends to be larger.
        p_value: two-sided.
    """

    u: float
    z: float
    p_value: float


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> RankTest:
    """Test whether one sample tends to be larger (Mann and Whitney 1947), with corrections for ties and continuity."""
    if not first or not second:
        return RankTest(u=0.0, z=0.0, p_value=1.0)
    ranks = _rank(first, second)
    off, spread = ranks.off, math.sqrt(ranks.variance)
    z = 0.0 if not spread else (off - math.copysign(min(0.5, abs(off)), off)) / spread
    return RankTest(u=ranks.u, z=z, p_value=min(1.0, 2 * NORMAL.cdf(-abs(z))))


def van_elteren(strata: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Return z of the first of two samples tending to be larger, within strata only (van Elteren 1960).

    Each stratum's U weighs 1/(N + 1); ties are corrected for, and nothing is taken off for continuity.

    Args:
        strata: both samples' values, stratum by stratum; one that misses either says nothing.
    """
    off = variance = 0.0
    for first, second in strata:
        if first and second:
            ranks, weight = _rank(first, second), 1 / (len(first) + len(second) + 1)
            off += weight * ranks.off
            variance += weight * weight * ranks.variance
    return off / math.sqrt(variance) if variance else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranks:
    """U of the first sample, how far that is off what chance gives, and its variance."""

    u: float
    off: float
    variance: float


def _rank(first: Sequence[float], second: Sequence[float]) -> _Ranks:
    n, m = len(first), len(second)
    total = n + m
    values = np.asarray([*first, *second], dtype=float)
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    return _Ranks(u=u, off=u - n * m / 2, variance=max(0.0, n * m / 12 * (total + 1 - ties)))


def newcombe_difference(hits1: float, of1: int, hits2: float, of2: int, confidence: float = 0.95) -> Estimate:
    """Estimate the difference of two independent shares, first less second (Newcombe 1998, method 10)."""
    first, second = wilson(hits1, of1, confidence), wilson(hits2, of2, confidence)
    value = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value=value, low=value - down, high=value + up, n=of1 + of2, method="newcombe")


def cohen_kappa(first: Sequence[object], second: Sequence[object]) -> float:
    """Return the agreement of two judges beyond chance (Cohen 1960): 1 is perfect, 0 what chance gives.

    Raises:
        ValueError: they did not judge the same number of things.
    """
    pairs = list(zip(first, second, strict=True))
    if not pairs:
        return 0.0
    seen = sum(one == other for one, other in pairs) / len(pairs)
    labels = {*first, *second}
    chance = sum((list(first).count(label) / len(pairs)) * (list(second).count(label) / len(pairs)) for label in labels)
    return 1.0 if chance == 1 else (seen - chance) / (1 - chance)
