#!/usr/bin/env bash
# All that a machine with a GPU is wanted for, in one command of under 8 minutes: builds for its device, runs the tests
# there (label gpu) and under compute-sanitizer, trains the main job, measures, and compares with PyTorch and JAX.
#
#   bench/gpu_check.sh OUT
#
# OUT/report.md    device, driver, date, commit; each part passed, failed or skipped; the tables
# OUT/results.json every number
# OUT/log.txt      what each part said
#
# A part that fails or takes too long does not keep the next from running. Without a device, those that need one are
# skipped. Exit 0 when no part failed.
#
# Works from a plain copy of the tree, without git, network or root. Needs cmake, a C compiler, nvcc 12.4 or newer and
# python3; and the libraries of README.md. Where these are not installed, make a folder of them on a Debian or Ubuntu
# machine (bench/prefix.sh, which unpacks packages with dpkg-deb -x), carry it there, and name it:
#
#   here:   bench/prefix.sh prefix && tar -C prefix -cJf prefix.tar.xz .
#   there:  mkdir prefix && tar -C prefix -xf prefix.tar.xz && CMAKE_PREFIX_PATH=$PWD/prefix bench/gpu_check.sh OUT
#
# By hand the same is: dpkg-deb -x each package into a folder, and set CMAKE_PREFIX_PATH, PKG_CONFIG_PATH, HDF5_ROOT.
#
# Environment (default):
#   BUDGET (470)             seconds for everything; parts are cut to what is left of it, and may take more of a larger
#   BUILD (build-gpu of the tree, else a temporary folder)   kept, so that the next time is quicker
#   SPECTRAIN_CUDA_ARCHS (the device's, else native)
#   PYTHON (python3)         one with h5py for the main job's table, torch and jax for the comparisons
#   COMMIT (git's, else the file COMMIT of the tree, else unknown)
#   ONLY ()                  names of parts to run, e.g. "build tests"; otherwise all
set -uo pipefail
export LC_ALL=C

top=$(cd "$(dirname "$0")/.." && pwd)
[ $# -eq 1 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
BUDGET_USUAL=470
budget=${BUDGET:-$BUDGET_USUAL}
started=$SECONDS
build=${BUILD:-$top/build-gpu}
mkdir -p "$build" 2>/dev/null || { build=$work/build && mkdir -p "$build"; }
processors=$(nproc 2>/dev/null || echo 2)
: >"$out/log.txt"
: >"$work/parts.tsv"

# ---- the device, and the libraries where CMAKE_PREFIX_PATH points

device=""
if command -v nvidia-smi >/dev/null 2>&1; then
    device=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>/dev/null | head -1)
fi
case $device in *,*) ;; *) device="" ;; esac # an error message is no device
capability=${device##*, }
archs=${SPECTRAIN_CUDA_ARCHS:-$([ -n "$device" ] && echo "${capability/./}" || echo native)}
export PATH=$PATH:/usr/local/cuda/bin
# A warning of a compiler that is new to us is no reason to measure nothing.
configure=(-S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release "-DSPECTRAIN_CUDA_ARCHS=$archs"
    -DSPECTRAIN_WERROR=OFF)
link=""
for folder in "$(dirname "$(readlink -f "$(command -v nvcc)")" 2>/dev/null)/../lib64" /usr/local/cuda/lib64; do
    # where the loader might not look by itself
    if [ -e "$folder/libcublas.so" ]; then link=-Wl,-rpath,$(cd "$folder" && pwd) && break; fi
done
prefixes=${CMAKE_PREFIX_PATH:-}
for folder in ${prefixes//[;:]/ }; do
    folder=$(cd "$folder" 2>/dev/null && pwd) || continue
    [ ! -f "$folder/include/hdf5.h" ] || configure+=("-DHDF5_ROOT=$folder")
    [ ! -x "$folder/bin/pkg-config" ] || export PATH=$PATH:$folder/bin
    [ ! -d "$folder/lib/pkgconfig" ] || export PKG_CONFIG_PATH=$folder/lib/pkgconfig:${PKG_CONFIG_PATH:-}
done
# DT_RPATH and not DT_RUNPATH: what the prefix's libraries need in turn is found there, too, and nowhere else changes.
[ -z "$prefixes" ] || link="$link -Wl,--disable-new-dtags"
configure+=("-DCMAKE_EXE_LINKER_FLAGS=$link")

# ---- parts

say() { echo "gpu_check: $*" | tee -a "$out/log.txt" >&2; }

wanted() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }

note() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$work/parts.tsv"; }

# part NAME LIMIT COMMAND...: at most LIMIT seconds. 77 is "skipped"; its reason is the last line that says SKIPPED.
part() {
    local name=$1 limit=$2 left=$((budget - (SECONDS - started))) begin=$SECONDS code reason=""
    shift 2
    wanted "$name" || return 0
    if [ $left -lt 5 ]; then
        note "$name" skipped 0 "the $budget s of BUDGET are used up"
        say "$name: skipped: out of time"
        return 1
    fi
    limit=$((budget > BUDGET_USUAL ? limit * budget / BUDGET_USUAL : limit))
    [ $left -ge "$limit" ] || limit=$left
    printf '\n======== %s\n' "$name" >>"$out/log.txt"
    export limit
    # shellcheck disable=SC2086
    timeout -k 5 "$limit" bash -c "$(declare -f $FUNCTIONS); $(declare -p top out work python build processors device configure capability); $(printf '%q ' "$@")" \
        >"$work/said" 2>&1 </dev/null
    code=$?
    cat "$work/said" >>"$out/log.txt"
    case $code in
    0) code=passed ;;
    77) code=skipped reason=$(grep SKIPPED "$work/said" | tail -1 | sed 's/.*SKIPPED: *//') ;;
    124 | 137) code=failed reason="not done after $limit s" ;;
    *) reason=$(grep -v '^ *$' "$work/said" | tail -1 | tr '\t' ' ' | cut -c1-300) code=failed ;;
    esac
    note "$name" "$code" $((SECONDS - begin)) "$reason"
    say "$name: $code${reason:+: $reason} ($((SECONDS - begin)) s)"
    [ "$code" = passed ]
}

need_device() {
    [ -n "$device" ] || { echo "SKIPPED: no CUDA device (nvidia-smi names none)"; exit 77; }
}
need_file() { # what an earlier part makes
    [ -e "$1" ] || { echo "SKIPPED: $1 is not there: the part that makes it failed or was left out"; exit 77; }
}
need_python() {
    "$python" -c "import $1" 2>/dev/null || { echo "SKIPPED: $python has no $1"; exit 77; }
}

part_environment() {
    uname -a
    command -v nvidia-smi >/dev/null && nvidia-smi
    nvcc --version
    cmake --version | head -1
    "$python" - <<'PYTHON'
import importlib
for name in ("numpy", "h5py", "torch", "jax", "cupy"):
    try:
        print(name, importlib.import_module(name).__version__)
    except Exception as error:
        print(name, "-", error)
PYTHON
    return 0
}

part_build() {
    cmake "${configure[@]}" >"$work/configured" 2>&1
    local code=$? without
    cat "$work/configured"
    [ $code -eq 0 ] && cmake --build "$build" -j "$processors" --target spectrain || return 1
    "$build/spectrain" devices
    without=$(sed -n 's/^-- spectrain: \(.*\): building the CPU backend only/\1/p' "$work/configured")
    [ -z "$without" ] || { echo "built without the CUDA backend: $without"; return 1; }
}

part_build_tests() {
    need_file "$build/CMakeCache.txt"
    cmake --build "$build" -j "$processors" --target gpu_tests
}

part_tests() {
    need_file "$build/tests/gpu_runs"
    need_device
    # With a device that nvidia-smi names, a test that finds none has failed.
    SPECTRAIN_GPU_REQUIRED=1 ctest --test-dir "$build" -L '^gpu$' --output-on-failure --no-tests=error | tee "$work/ctest"
    local code=${PIPESTATUS[0]}
    [ "$code" -eq 0 ] || echo "failed: $(grep -oE '[a-z_]+ \((Failed|Timeout|Not Run|SEGFAULT|Subprocess aborted)\)' "$work/ctest" | sort -u | tr '\n' ' ')"
    return "$code"
}

# The smallest programs of the tests, under one tool, until the part's time is over.
sanitize() {
    local tool=$1 program log=$work/sanitizer.log begin=$SECONDS
    need_device
    need_file "$build/tests/gpu_train_shapes"
    command -v compute-sanitizer >/dev/null || { echo "SKIPPED: compute-sanitizer is not there"; exit 77; }
    for program in train_evaluate probe_forward probe_transforms segments adversarial perturbed train_shapes spectral_norm \
        train_batch perturb record; do
        if [ $((SECONDS - begin)) -gt $((limit * 2 / 3)) ]; then
            echo "time is up: $program and what follows were left out"
            break
        fi
        echo "---- $tool: $program"
        compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 "$build/tests/gpu_$program" >"$log" 2>&1
        local code=$?
        cat "$log"
        if grep -qiE 'device not supported|not supported on this' "$log"; then
            echo "SKIPPED: compute-sanitizer does not support this device or system"
            exit 77
        fi
        [ $code -eq 0 ] || { echo "$tool: $program: exit $code; $(grep 'ERROR SUMMARY' "$log" | tail -1)"; return 1; }
    done
}

part_main_job() {
    need_file "$build/spectrain"
    need_device
    rm -rf "$work/main.h5" "$work/main.h5.part"
    "$build/spectrain" run "$top/experiments/double_descent_mnist1d.yaml" -o "$work/main.h5" --backend cuda || return 1
    "$build/spectrain" info "$work/main.h5" --verify || return 1
    need_python h5py
    local against=()
    [ ! -f "$top/bench/results/main_job_cpu.json" ] || against=(--against "$top/bench/results/main_job_cpu.json")
    "$python" -B "$top/bench/main_job.py" "$work/main.h5" --json "$work/main_job.json" "${against[@]}" >"$work/main_job.md"
    local code=$?
    cat "$work/main_job.md"
    return $code
}

bench() { # WHAT ARGUMENTS...
    need_file "$build/spectrain"
    "$build/spectrain" bench "$@" --json "$work/$1.json" >"$work/$1.txt"
    local code=$?
    cat "$work/$1.txt"
    return $code
}
part_operations() { need_device && bench operations --backend cuda --seconds 0.04; }
part_layers() { need_device && bench layers --backend cuda --seconds 0.02; }
part_sweep() { need_device && bench sweep "$top/experiments/double_descent_mnist1d.yaml" --set train.epochs=20; }
part_cpu() { bench operations --backend cpu --seconds 0.02 && mv "$work/operations.json" "$work/operations_cpu.json" &&
    mv "$work/operations.txt" "$work/operations_cpu.txt"; }

compare() { # MODULE
    need_file "$build/spectrain"
    need_device
    need_python "$1"
    "$python" -B "$top/bench/compare_$1.py" "$build" --device cuda --seconds 0.1 --json "$work/compare_$1.json" \
        >"$work/compare_$1.md"
    local code=$?
    cat "$work/compare_$1.md"
    return $code
}

FUNCTIONS=$(declare -F | awk '{print $3}' | grep -vE '^(part|say|wanted|note)$' | tr '\n' ' ')
say "device: ${device:-none}; building for $archs into $build"
part environment 30 part_environment
part build 240 part_build
part build_tests 150 part_build_tests
part tests 120 part_tests
part main_job 90 part_main_job
part operations 60 part_operations
part sweep 60 part_sweep
part layers 45 part_layers
part memcheck 45 sanitize memcheck
part racecheck 45 sanitize racecheck
part initcheck 45 sanitize initcheck
part compare_torch 60 compare torch
part compare_jax 60 compare jax
part cpu 45 part_cpu

# ---- the report

commit=${COMMIT:-$(git -C "$top" rev-parse HEAD 2>/dev/null || cat "$top/COMMIT" 2>/dev/null || echo unknown)}
if [ -n "$(git -C "$top" status --porcelain -uno 2>/dev/null)" ]; then commit="$commit, with changes"; fi
"$python" -B "$top/bench/gpu_report.py" "$work" "$out" "$device" "$commit" || {
    say "no report could be made; the parts:"
    cat "$work/parts.tsv" >&2
    exit 1
}
cat "$out/report.md"
! grep -q "$(printf '\tfailed\t')" "$work/parts.tsv"
