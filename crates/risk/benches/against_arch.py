#!/usr/bin/env python3
"""Times a GJR-GARCH(1,1) fit with Hansen's skew-t against the Python package arch, in one run.

Both fit the very same 2,500 simulated returns, one core each. Needs arch (with its compiled
recursion) and cargo:

    python crates/risk/benches/against_arch.py

Prints both log-likelihoods beside the times: a faster fit of a worse optimum would be no gain.
"""
import json
import os
import statistics
import subprocess
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import arch
import numpy as np
from arch.univariate import recursions_python
from arch.univariate import volatility

REPETITIONS = 21


def rust(mode):
    command = ["cargo", "bench", "--quiet", "-p", "plimsoll-risk", "--bench", "garch"]
    environment = dict(os.environ, PLIMSOLL_BENCH=mode)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def fit_arch(returns):
    model = arch.arch_model(returns, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="skewt")
    return model.fit(disp="off", show_warning=False)


def main():
    returns = np.array(rust("series"))
    compiled = volatility.rec.garch_recursion is not recursions_python.garch_recursion
    fit_arch(returns)  # imports and caches
    seconds = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        result = fit_arch(returns)
        seconds.append(time.perf_counter() - start)
    theirs = statistics.median(seconds)
    ours = rust("fit")
    print(f"arch {arch.__version__}, compiled recursion: {compiled}")
    print(f"arch:     {1e3 * theirs:8.2f} ms, log-likelihood {result.loglikelihood:.9f}")
    print(f"plimsoll: {1e3 * ours['seconds']:8.2f} ms, log-likelihood {ours['log_likelihood']:.9f}")
    print(f"ratio of times, plimsoll / arch: {ours['seconds'] / theirs:.3f}")
    print(f"plimsoll's result: {ours['parameters']}, sha256 {ours['sha256']}")
    return 0 if ours["log_likelihood"] >= result.loglikelihood - 1e-3 else 1


if __name__ == "__main__":
    sys.exit(main())
