"""Medians by other libraries, at epsilon 1, on the rows of bench_dp_accuracy.

OpenDP picks among 1,025 public candidates, Google's library walks a tree of
noisy counts.  Prints the mean rank error in per cent and CPU milliseconds a
median; a library that is not installed (opendp, python-dp) is left out.
"""
import bisect
import math
import random
import time
import warnings

PEOPLE, ROUNDS = 4000, 40


def draw(shape, rng):
    """A value between 0 and 1, as in bench_dp_accuracy.c."""
    if shape == "uniform":
        return rng.random()
    if shape == "ages":
        return min(max(math.floor(rng.gauss(45, 15)) / 128, 0), 127 / 128)
    while True:
        x = rng.lognormvariate(-3, 1)
        if x < 1:
            return x


def rank_error(rows, at):
    """Rows, in per cent of all, between `at` and the median."""
    low, high = bisect.bisect_left(rows, at), bisect.bisect_right(rows, at)
    half = len(rows) / 2
    return 100 / len(rows) * max(0, low - half, half - high)


def google():
    from pydp.algorithms.laplacian import Median

    return lambda rows: Median(
        epsilon=1, lower_bound=0.0, upper_bound=1.0, dtype="float"
    ).quick_result(rows)


def opendp():
    import opendp.prelude as dp

    dp.enable_features("contrib")
    candidates = [i / 1024 for i in range(1025)]
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()
    scores = space >> dp.t.then_quantile_score_candidates(candidates, 0.5)

    def pick(scale):
        return scores >> dp.m.then_noisy_max(dp.max_divergence(), scale, negate=True)

    median = pick(dp.binary_search_param(pick, d_in=1, d_out=1.0))
    return lambda rows: candidates[median(rows)]


def main():
    warnings.filterwarnings("ignore")
    rng = random.Random(1)
    for name, make in (("OpenDP", opendp), ("Google C++ (python-dp)", google)):
        try:
            median = make()
        except ImportError:
            print(f"{name}: not installed")
            continue
        for shape in ("uniform", "lognormal", "ages"):
            error = ms = 0.0
            for _ in range(ROUNDS):
                rows = [draw(shape, rng) for _ in range(PEOPLE)]
                start = time.process_time()
                at = median(rows)
                ms += 1e3 * (time.process_time() - start) / ROUNDS
                error += rank_error(sorted(rows), at) / ROUNDS
            print(f"median, {PEOPLE} people, {shape}: {name}\t{error:.4f}\t{ms:.1f} ms")


main()
