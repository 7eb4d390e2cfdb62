#!/bin/bash
# Exact noise against OpenDP, Google's C++ library (python-dp) and diffprivlib
# doing the same work: n samples of integer noise.  Needs python3-venv; the peers
# are pinned and live in build/.
set -eu
cd "$(dirname "$0")/.."
venv=build/peers/dp
bench=build/opt/benchmarks/bench_dp_noise
[ -x $bench ] || make $bench
if [ ! -e $venv/ok ]; then
    python3 -m venv $venv && $venv/bin/pip install -q opendp==0.16.0 \
        python-dp==1.1.4 diffprivlib==0.6.6 scikit-learn==1.5.2 ||
        { echo "SKIP bench_dp_peers: the peers cannot be installed"; exit 0; }
    touch $venv/ok
fi
$venv/bin/python -W ignore benchmarks/peers/dp_noise.py $bench
