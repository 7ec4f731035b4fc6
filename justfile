# `just --list` shows these with their comments.

# Format, lints and types, as the continuous integration sees them
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Every test
test:
    cargo test --workspace --locked

# Accept the output of today as the expected one; review the difference before committing it
bless:
    INSTA_UPDATE=always cargo test --workspace --locked

# Two simulated years from archives to the report
demo:
    cargo run --release --locked -- demo

# Run a strategy file: just study strategies/breakout.toml
study FILE *ARGS:
    cargo run --release --locked -- study {{FILE}} {{ARGS}}

# Every benchmark; each prints a hash of its result beside its time
bench:
    cargo bench --workspace --locked

# A GARCH fit beside the Python package arch (pip install arch), in one run
bench-arch:
    python3 crates/risk/benches/against_arch.py

# Show where the report of a strategy file lies, and open it where a desktop is at hand
report FILE:
    #!/usr/bin/env bash
    set -euo pipefail
    name=$(sed -n 's/^name *= *"\(.*\)".*/\1/p' "{{FILE}}" | head -n 1)
    page="reports/$name/report.html"
    [ -f "$page" ] || { echo "no $page yet: run just study {{FILE}}" >&2; exit 1; }
    echo "$page"
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
        xdg-open "$page"
    elif command -v open >/dev/null && [ "$(uname)" = Darwin ]; then
        open "$page"
    fi

# What the continuous integration runs
ci:
    .ci/run
