#!/bin/sh
# What takes longer than CI may: every cut, the large floods, a million flows, thousands of calls, and the fuzz targets.
#
#   tests/long/run.sh [SECONDS A TARGET]      default 600; 0 leaves the fuzz targets out
#
# The fuzz targets need cargo-fuzz and a nightly toolchain, and are left out aloud without them. With
# `FUZZ_SANITIZER=address` they run with that one; the default is none. Figures go to RESULTS.md by hand:
# date, machine, commit.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-600}

# Fast, but with every check of a debug build.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true
CLEARLINE_LONG=1 cargo test --release --target-dir target/long --test behaviour -- \
    hostile:: unsignalled:: joins:: flood_of_invites:: --nocapture --test-threads=2

[ "$seconds" -gt 0 ] || exit 0
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "SKIPPED: the fuzz targets (no cargo-fuzz, or no nightly toolchain)" >&2
    exit 0
fi
cd tests/fuzz
failed=
for target in $(cargo +nightly fuzz list --fuzz-dir .); do
    echo "== fuzz $target, $seconds s"
    mkdir -p "corpus/$target" "seeds/$target"
    cargo +nightly fuzz run --fuzz-dir . -s "${FUZZ_SANITIZER:-none}" "$target" \
        "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        || failed="$failed $target"
done
[ -z "$failed" ] || { echo "FAILED:$failed" >&2; exit 1; }
