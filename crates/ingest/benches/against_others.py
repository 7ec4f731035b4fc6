#!/usr/bin/env python3
"""Zip archives to Parquet: Plimsoll against polars and DuckDB, in one run on two cores.

Plimsoll reads the zip files (with their .CHECKSUM files), checks every row and writes the lake;
polars and DuckDB only convert the same files, already unzipped, one Parquet file for all of them.
Row count and the sums of every column have to agree between all three.

    python -m venv /some/where && /some/where/bin/pip install polars duckdb
    cargo build --release
    /some/where/bin/python crates/ingest/benches/against_others.py [--plimsoll target/release/plimsoll]

Rounds alternate between the programs; printed are medians, ratios and the peak memory of
Plimsoll for one year-pair of archives and for ten times as many.
"""

import argparse
import hashlib
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import datetime, timezone
from pathlib import Path

CORES = 2
COLUMNS = ["open_time", "open", "high", "low", "close", "volume", "quote_volume", "count"]
LAKE_NAMES = {"count": "trades"}
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)


def month_starts(symbol_count, months):
    """(symbol, year, month) of every archive."""
    for symbol in range(symbol_count):
        for index in range(months):
            yield f"S{symbol:02}USDT", 2023 + index // 12, index % 12 + 1


def month_text(symbol, year, month):
    """One month of one-minute bars of a random walk, printed as Binance's archive prints them."""
    walk = random.Random(f"{symbol}-{year}-{month}")
    start = int(datetime(year, month, 1, tzinfo=timezone.utc).timestamp()) * 1000
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=timezone.utc)
    end = int(after.timestamp()) * 1000
    ticks = 600_000
    lines = [HEADER]
    for open_time in range(start, end, 60_000):
        opened = ticks
        ticks = max(10_000, ticks + walk.randint(-300, 300))
        high = max(opened, ticks) + walk.randint(0, 200)
        low = min(opened, ticks) - walk.randint(0, 200)
        volume = walk.randint(1, 500_000) / 1000
        close = ticks / 10
        taker = volume * walk.randint(30, 70) / 100
        lines.append(
            f"{open_time},{opened / 10:.2f},{high / 10:.2f},{low / 10:.2f},{close:.2f},"
            f"{volume:.3f},{open_time + 59_999},{volume * close:.5f},{walk.randint(1, 9000)},"
            f"{taker:.3f},{taker * close:.5f},0\n"
        )
    return "".join(lines)


def make(folder, symbol_count, months):
    """Writes zip files, checksum files and the same texts unzipped; gives the bytes of text."""
    zips = folder / "futures/um/monthly/klines"
    plain = folder / "plain"
    zips.mkdir(parents=True)
    plain.mkdir()
    total = 0
    for symbol, year, month in month_starts(symbol_count, months):
        stem = f"{symbol}-1m-{year}-{month:02}"
        text = month_text(symbol, year, month).encode()
        total += len(text)
        (plain / f"{stem}.csv").write_bytes(text)
        path = zips / f"{stem}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{stem}.csv", text)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        Path(f"{path}.CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return total


def multiply(folder, source, copies):
    """The same months under further symbols, without writing the text again."""
    zips = folder / "futures/um/monthly/klines"
    zips.mkdir(parents=True)
    for path in sorted((source / "futures/um/monthly/klines").glob("*.zip")):
        for copy in range(copies):
            os.link(path, zips / path.name.replace("USDT", f"X{copy}USDT"))


def run(command, environment):
    """Seconds and peak resident bytes of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024


POLARS = """
import sys, time, polars
started = time.perf_counter()
polars.scan_csv(sys.argv[1] + "/*.csv").sink_parquet(sys.argv[2])
print(time.perf_counter() - started, file=sys.stderr)
"""
DUCKDB = """
import sys, time, duckdb
connection = duckdb.connect(config={"threads": int(sys.argv[3])})
started = time.perf_counter()
connection.execute(f"COPY (SELECT * FROM read_csv('{sys.argv[1]}/*.csv')) TO '{sys.argv[2]}' (FORMAT parquet)")
print(time.perf_counter() - started, file=sys.stderr)
"""


def inner(program, arguments, environment):
    """Seconds of the conversion alone, without the start of Python."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=True)
    return float(done.stderr.split()[-1])


def sums(path, names):
    """Row count and the sum of each column, exactly: integers as they are, prices in 1e-8."""
    import polars as pl

    frame = pl.scan_parquet(path, hive_partitioning=False)
    expressions = [pl.len().alias("rows")]
    for column in COLUMNS:
        name = names.get(column, column)
        scaled = pl.col(name).cast(pl.Int64) if column in ("open_time", "count") else (
            (pl.col(name) * 1e8).round().cast(pl.Int128))
        expressions.append(scaled.cast(pl.Int128).sum().alias(column))
    row = frame.select(expressions).collect().row(0)
    return hashlib.sha256(repr(row).encode()).hexdigest()[:16], row[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plimsoll", default="target/release/plimsoll")
    parser.add_argument("--library-example", help="the example `ingest_folder` in its place")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="make the archives here, or take those there")
    options = parser.parse_args()
    import duckdb
    import polars

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    environment = dict(os.environ, POLARS_MAX_THREADS=str(CORES), RAYON_NUM_THREADS=str(CORES))
    print(f"polars {polars.__version__}, DuckDB {duckdb.__version__}, Python {platform.python_version()}, {CORES} cores")

    scratch = Path(tempfile.mkdtemp(prefix="against_others."))
    try:
        archives = options.keep or scratch / "archives"
        if not archives.exists():
            make(archives, 2, 12)
        plain = archives / "plain"
        zips = archives / "futures"
        csv_bytes = sum(path.stat().st_size for path in plain.iterdir())
        zip_bytes = sum(path.stat().st_size for path in zips.rglob("*.zip"))
        print(f"24 archives, {csv_bytes / 1e6:.0f} MB of CSV, {zip_bytes / 1e6:.0f} MB zipped")

        def plimsoll(data, folder):
            if options.library_example:
                return [options.library_example, str(data), str(folder)]
            return [options.plimsoll, "ingest", str(folder), "--data", str(data), "--quiet"]

        times = {"plimsoll": [], "polars": [], "duckdb": []}
        peak = 0
        for round_number in range(options.rounds + 1):
            data, p, d = scratch / "data", scratch / "polars.parquet", scratch / "duckdb.parquet"
            seconds, memory = run(plimsoll(data, zips), environment)
            by_polars = inner(POLARS, [plain, p], environment)
            by_duckdb = inner(DUCKDB, [plain, d, CORES], environment)
            if round_number == 0:
                hashes = {
                    "plimsoll": sums(f"{data}/lake/**/*.parquet", LAKE_NAMES),
                    "polars": sums(p, {}),
                    "duckdb": sums(d, {}),
                }
                print("rows and sums:", hashes)
                if len(set(hashes.values())) != 1:
                    sys.exit("the three disagree")
                again, _ = run(plimsoll(data, zips), environment)
                print(f"the same archives once more: {again:.3f} s")
            else:
                times["plimsoll"].append(seconds)
                times["polars"].append(by_polars)
                times["duckdb"].append(by_duckdb)
                peak = max(peak, memory)
            shutil.rmtree(data)
            p.unlink()
            d.unlink()
        medians = {name: statistics.median(values) for name, values in times.items()}
        print("| | median s | min s | max s | MB/s of CSV |\n|---|---|---|---|---|")
        for name, values in times.items():
            print(
                f"| {name} | {medians[name]:.3f} | {min(values):.3f} | {max(values):.3f} "
                f"| {csv_bytes / 1e6 / medians[name]:.0f} |"
            )
        print(f"polars / plimsoll {medians['polars'] / medians['plimsoll']:.2f} (goal 1)")
        print(f"duckdb / plimsoll {medians['duckdb'] / medians['plimsoll']:.2f} (goal 2)")

        many = scratch / "many"
        multiply(many, archives, 10)
        _, peak_many = run(plimsoll(scratch / "data", many), environment)
        print(f"peak memory: 24 archives {peak / 1e6:.0f} MB, 240 archives {peak_many / 1e6:.0f} MB")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
