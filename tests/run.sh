#!/usr/bin/env bash
# All tests, from a fresh machine: installs what is missing, builds, runs.
#   ./tests/run.sh            everything
#   ./tests/run.sh --quick    without the CUDA and sanitizer builds and the fuzzers
# FUZZ_SECONDS (60): how long each fuzzer runs; as many at once as there are processors.
# FUZZ_SEED (1): where they start, so that what is found can be found again; others look elsewhere.
set -euo pipefail
SPECTRAIN_TOP=$(cd "$(dirname "$0")/.." && pwd)
. "$SPECTRAIN_TOP/experiments/dependencies.sh"
quick=0
case ${1:-} in
"") ;;
--quick) quick=1 ;;
*) echo "run.sh: unknown option $1; allowed: --quick" >&2; exit 2 ;;
esac

# shellcheck disable=SC2086
need_packages $SPECTRAIN_BUILD_PACKAGES $SPECTRAIN_PLOT_PACKAGES $SPECTRAIN_PAGE_PACKAGES libcmocka-dev hdf5-tools \
    dataset-fashion-mnist chromium python3-scipy python3-xarray python3-h5netcdf clang clang-format libomp-dev slurm-wlm munge
runtime="libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" # libFuzzer and the sanitizers of clang; older: part of clang
if command -v apt-cache >/dev/null 2>&1 && [ -n "$(apt-cache search --names-only "^$runtime\$" 2>/dev/null)" ]; then
    need_packages "$runtime"
fi
find_python h5py matplotlib scipy xarray h5netcdf yaml jinja2

say "layout of the sources (clang-format)"
(cd "$SPECTRAIN_TOP" && git ls-files '*.c' '*.h' '*.cu' '*.cuh' | xargs -r clang-format --dry-run -Werror)

build release
say "tests"
ctest --test-dir "$SPECTRAIN_TOP/build" --output-on-failure --no-tests=error --parallel "$(nproc)"
[ $quick -eq 0 ] || exit 0

if nvcc_here >/dev/null; then
    say "the CUDA backend, compiled and linked by $(nvcc_here) for sm_80, sm_90 and sm_100"
    build cuda spectrain
    ctest --test-dir "$SPECTRAIN_TOP/build-cuda" --output-on-failure --no-tests=error -L ptxas
else
    say "the CUDA backend is NOT compiled here for sm_80, sm_90 and sm_100: no nvcc on PATH or in /usr/local/cuda/bin"
fi

build sanitize
say "tests under AddressSanitizer and UndefinedBehaviorSanitizer"
# Debian's OpenBLAS and HDF5 keep memory until exit; leaks of ours are found all the same.
LSAN_OPTIONS=suppressions="$SPECTRAIN_TOP/tests/leaks.txt":print_suppressions=0 UBSAN_OPTIONS=print_stacktrace=1 \
    ctest --test-dir "$SPECTRAIN_TOP/build-sanitize" --output-on-failure --no-tests=error --parallel "$(nproc)" \
    -L 'unit|parity'

build fuzz fuzzers
# One fuzzer over its corpus; what it found goes with its folder, unless it failed.
fuzz() {
    local name=$1 found
    found=$(mktemp -d)
    (cd "$found" && LSAN_OPTIONS=suppressions="$SPECTRAIN_TOP/tests/leaks.txt":print_suppressions=0 \
        "$SPECTRAIN_TOP/build-fuzz/$name" -seed="${FUZZ_SEED:-1}" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 "$found" "$SPECTRAIN_TOP/tests/fuzz/corpus_${name#fuzz_}" >log 2>&1) ||
        { tail -50 "$found/log"; echo "run.sh: $name failed" >&2; return 1; }
    echo "$name: $(grep -E 'stat::number_of_executed_units' "$found/log" || true)"
    rm -rf "$found"
}
export -f fuzz
export SPECTRAIN_TOP
fuzzers=$(basename -s .c "$SPECTRAIN_TOP"/tests/fuzz/fuzz_*.c)
say "${FUZZ_SECONDS:-60} s each over its corpus:" $fuzzers
xargs -P "$(nproc)" -I{} bash -c 'set -euo pipefail; fuzz {}' <<<"$fuzzers"
say "all tests passed"
