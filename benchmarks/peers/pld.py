"""Alternates our loss distributions with dp_accounting's: see bench_pld.sh."""
import re
import statistics
import subprocess
import sys
import time

from dp_accounting.pld import common
from dp_accounting.pld import privacy_loss_distribution as pld

ROUNDS = 7
INTERVALS = (1e-3, 3e-4, 1e-4)
CLOSE = 2e-6


def distinct(n):
    """n mechanisms, no two alike."""
    words = []
    for i in range(n // 4):
        words += [f"G{20 + i / 10:g}", f"L{0.02 + i / 5000:g}",
                  f"R{0.02 + i / 4000:g}", f"S{0.01 + i / 5000:g}_1e-11"]
    return " ".join(words)


LEDGERS = [
    ("L1x10", "L1x10", 1e-6),
    ("L0.01x1000", "L0.01x1000", 1e-6),
    ("L0.1x100", "L0.1x100", 1e-6),
    ("G20x50 L0.1x50", "G20x50 L0.1x50", 1e-6),
    ("G50x200 L0.05x100 R0.1x30 S0.1_1e-8x20",
     "G50x200 L0.05x100 R0.1x30 S0.1_1e-8x20", 1e-6),
    ("L0.01x5000 R0.02x5000", "L0.01x5000 R0.02x5000", 1e-6),
    ("1,000 of 4 kinds", "G30x250 L0.05x250 R0.04x250 S0.03_1e-10x250", 1e-6),
    ("1,000, no two alike", distinct(1000), 1e-6),
]


def parse(words):
    for word in words.split():
        kind, size, times = re.fullmatch(r"([GLRS])(.*?)(?:x(\d+))?", word).groups()
        yield kind, size, int(times or 1)


def one(kind, size, interval):
    k = {"value_discretization_interval": interval}
    if kind == "G":
        return pld.from_gaussian_mechanism(float(size), **k)
    if kind == "L":
        return pld.from_laplace_mechanism(1 / float(size), **k)
    if kind == "R":
        return pld.from_discrete_laplace_mechanism(float(size), **k)
    eps, delta = map(float, size.split("_"))
    return pld.from_privacy_parameters(
        common.DifferentialPrivacyParameters(eps, delta), **k)


def theirs(words, delta, interval):
    start = time.process_time()
    total = pld.identity(value_discretization_interval=interval)
    for kind, size, times in parse(words):
        law = one(kind, size, interval)
        total = total.compose(law.self_compose(times) if times > 1 else law)
    eps = total.get_epsilon_for_delta(delta)
    return eps, (time.process_time() - start) * 1e3


class Ours:
    def __init__(self, program):
        self.p = subprocess.Popen([program, "serve"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, words, delta):
        self.p.stdin.write(f"{delta!r} {words}\n")
        self.p.stdin.flush()
        eps, ns = self.p.stdout.readline().split()
        return float(eps), float(ns) / 1e6


def main():
    ours = Ours(sys.argv[1])
    print("ledger\tours ms\ttheirs ms\tratio\tspread of ratio\tours\ttheirs\tinterval")
    for name, words, delta in LEDGERS:
        mine, _ = ours(words, delta)
        for interval in INTERVALS:
            eps, ms = theirs(words, delta, interval)
            if eps <= mine + CLOSE:
                break
        rounds = ROUNDS if ms < 500 else 3
        a, b = [], []
        for _ in range(rounds):
            a.append(ours(words, delta)[1])
            b.append(theirs(words, delta, interval)[1])
        ratios = sorted(y / x for x, y in zip(a, b))
        print(f"{name}\t{statistics.median(a):.3f}\t{statistics.median(b):.1f}"
              f"\t{statistics.median(b) / statistics.median(a):.0f}"
              f"\t{ratios[0]:.0f}-{ratios[-1]:.0f}\t{mine:.9f}\t{eps:.9f}\t{interval:g}",
              flush=True)


main()
