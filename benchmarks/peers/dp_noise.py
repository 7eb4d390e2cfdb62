"""Integer noise by the libraries a user would pick instead, beside ours.

Each round draws by the peer, in this process, and by build/opt's bench_dp_noise,
in its own; CPU time both, alternated, medians.  A peer that releases vectors is
given one; the others are called once a sample, as their users do, and the cost
of an empty call through the same kind of wrapper is printed so that it can be
taken off.  Called by benchmarks/bench_dp_peers.sh.
"""
import statistics
import subprocess
import sys
import time

import opendp.prelude as dp
from diffprivlib.mechanisms import GaussianDiscrete, Geometric
from pydp.algorithms.numerical_mechanisms import GaussianMechanism, LaplaceMechanism

ROUNDS = 7
OURS = sys.argv[1]

dp.enable_features("contrib")
cells = dp.vector_domain(dp.atom_domain(T=int))


def opendp_laplace(n):
    dp.m.make_laplace(cells, dp.l1_distance(T=int), scale=100.0)([0] * n)


def opendp_gaussian(n):
    dp.m.make_gaussian(cells, dp.l2_distance(T=float), scale=51.3)([0] * n)


def each(mechanism, call):
    def draw(n):
        for _ in range(n):
            call(mechanism, 0)
    return draw


google_laplace = LaplaceMechanism(0.01, 1.0)
google_gaussian = GaussianMechanism.create_from_standard_deviation(51.3)
ibm_laplace = Geometric(epsilon=0.01, sensitivity=1)
ibm_gaussian = GaussianDiscrete(epsilon=0.07, delta=1e-6, sensitivity=1)
add = lambda m, v: m.add_noise(v)
randomise = lambda m, v: m.randomise(v)

# name, law number of ours, scale, draw(n), n a round
CASES = [
    ("OpenDP, discrete Laplace 100", (0, 100, 1), opendp_laplace, 2000),
    ("OpenDP, discrete Gaussian 51.3", (1, 513, 10), opendp_gaussian, 2000),
    ("Google C++ (python-dp), Laplace 100", (0, 100, 1),
     each(google_laplace, add), 2000),
    ("Google C++ (python-dp), Gaussian 51.3", (1, 513, 10),
     each(google_gaussian, add), 2000),
    ("diffprivlib, geometric 100", (0, 100, 1), each(ibm_laplace, randomise), 2000),
    ("diffprivlib, discrete Gaussian 66", (1, 66, 1),
     each(ibm_gaussian, randomise), 300),
]


def ours(law, n):
    out = subprocess.run([OURS, *map(str, law), str(n)], check=True,
                         capture_output=True, text=True)
    return float(out.stdout)


def theirs(draw, n):
    start = time.process_time()
    draw(n)
    return (time.process_time() - start) / n * 1e9


print("%-40s\tours ns\ttheirs ns\tratio\tspread" % "peer, law and scale")
for name, law, draw, n in CASES:
    draw(10)
    pairs = [(ours(law, 20000), theirs(draw, n)) for _ in range(ROUNDS)]
    ratios = [b / a for a, b in pairs]
    print("%-40s\t%.1f\t%.0f\t%.0f\t%.0f-%.0f" % (
        name, statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs), statistics.median(ratios),
        min(ratios), max(ratios)))
empty = each(google_laplace, lambda m, v: m.epsilon)
print("an empty call through python-dp's wrapper: %.0f ns" % theirs(empty, 20000))
