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
# A part that fails or takes too long does not keep the next from running, and the report is written anew after each: what
# stops the script loses nothing that came before. What matters most comes first. Without a device, parts that need one
# are skipped. Exit 0 when no part failed.
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
    device=$(timeout 20 nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>/dev/null | head -1)
fi
case $device in *,*) ;; *) device="" ;; esac # an error message is no device
# With a device that nvidia-smi names, a test that finds none fails.
[ -z "$device" ] || export SPECTRAIN_GPU_REQUIRED=1
# What the device is held against in tests is computed by kernels of OpenBLAS that are long tried: those for AVX-512 were
# wrong in some releases, and the processor may be newer than the library. What is timed takes those that it chooses.
tested_blas=${OPENBLAS_CORETYPE:-$(! grep -qw avx2 /proc/cpuinfo || echo Haswell)}
capability=${device##*, }
archs=${SPECTRAIN_CUDA_ARCHS:-$([ -n "$device" ] && echo "${capability/./}" || echo native)}
export PATH=$PATH:/usr/local/cuda/bin
# A warning of a compiler that is new to us is no reason to measure nothing.
configure=(-S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release "-DSPECTRAIN_CUDA_ARCHS=$archs"
    -DSPECTRAIN_WERROR=OFF)
keep_going=(-k)
if ! command -v make >/dev/null && command -v ninja >/dev/null; then configure+=(-G Ninja) && keep_going=(-k 0); fi
# cuBLAS and cuFFT are beside nvcc, where the loader might not look by itself; or else in the packages that PyTorch
# brings, which have no names for the linker: those are made.
link=""
for folder in "$(dirname "$(readlink -f "$(command -v nvcc)")" 2>/dev/null)/../lib64" /usr/local/cuda/lib64; do
    if [ -e "$folder/libcublas.so" ]; then link=-Wl,-rpath,$(cd "$folder" && pwd) && break; fi
done
if [ -z "$link" ]; then
    packages=$("$python" -c 'import os, nvidia; print(*(os.path.join(p, d) for p in nvidia.__path__ for d in os.listdir(p)))' 2>/dev/null)
    mkdir -p "$build/cuda_packages"
    for folder in $packages; do
        [ ! -d "$folder/include" ] || export CPATH=$folder/include${CPATH:+:$CPATH}
        [ ! -e "$folder/include/curand_kernel.h" ] || configure+=("-DSPECTRAIN_CURAND_KERNEL=$folder/include")
        for library in "$folder"/lib/lib*.so.*; do
            [ -e "$library" ] || continue
            name=$(basename "$library")
            ln -sf "$library" "$build/cuda_packages/$name"
            ln -sf "$name" "$build/cuda_packages/${name%%.so.*}.so"
        done
    done
    if [ -e "$build/cuda_packages/libcublas.so" ]; then
        link=-Wl,-rpath,$build/cuda_packages
        configure+=("-DCMAKE_LIBRARY_PATH=$build/cuda_packages")
    fi
fi
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

# OUT/report.md and OUT/results.json, of the parts up to now.
report() { "$python" -B "$top/bench/gpu_report.py" "$work" "$out" "$device" "$commit"; }

# part NAME LIMIT COMMAND...: at most LIMIT seconds. 77 is "skipped"; its reason is the last line that says SKIPPED. One that
# passed may have a remark, its last line that says NOTE.
part() {
    local name=$1 limit=$2 left=$((budget - (SECONDS - started))) begin=$SECONDS before code reason=""
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
    before=$(stat -c %s "$out/log.txt")
    export limit
    # shellcheck disable=SC2086
    timeout -k 5 "$limit" bash -c "$(declare -f $FUNCTIONS); $(declare -p top out work python build processors device configure keep_going tested_blas SANITIZED); $(printf '%q ' "$@")" \
        >>"$out/log.txt" 2>&1 </dev/null
    code=$?
    tail -c +$((before + 1)) "$out/log.txt" >"$work/said"
    case $code in
    0) code=passed reason=$(sed -n 's/^NOTE: *//p' "$work/said" | tail -1) ;;
    77) code=skipped reason=$(grep SKIPPED "$work/said" | tail -1 | sed 's/.*SKIPPED: *//') ;;
    124 | 137) code=failed reason="not done after $limit s" ;;
    *) reason=$(grep -v '^ *$' "$work/said" | tail -1 | tr '\t' ' ' | cut -c1-300) code=failed ;;
    esac
    note "$name" "$code" $((SECONDS - begin)) "$reason"
    report >/dev/null 2>&1
    say "$name: $code${reason:+: $reason} ($((SECONDS - begin)) s)"
    [ "$code" = passed ]
}

need_device() {
    [ -n "$device" ] || { echo "SKIPPED: no CUDA device (nvidia-smi names none)"; exit 77; }
}
keep() { # FILE COMMAND...: what it prints into FILE; that is shown, and then what it has said on stderr
    local file=$1 code
    shift
    "$@" >"$file" 2>"$work/words"
    code=$?
    cat "$file" "$work/words"
    return $code
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
import importlib.metadata
for name in ("numpy", "h5py", "torch", "jax", "cupy-cuda13x"):
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print(name, "-")
PYTHON
    return 0
}

part_build() {
    local without
    cmake "${configure[@]}" 2>&1 | tee "$work/configured"
    [ "${PIPESTATUS[0]}" -eq 0 ] || return 1
    # The tests too, so that no processor waits for the longest file; whether they compile is the next part's matter.
    cmake --build "$build" -j "$processors" --target spectrain --target gpu_tests -- "${keep_going[@]}"
    cmake --build "$build" -j "$processors" --target spectrain || return 1
    "$build/spectrain" devices
    without=$(sed -n 's/^-- spectrain: \(.*\): building the CPU backend only/\1/p' "$work/configured")
    [ -z "$without" ] || { echo "built without the CUDA backend: $without"; return 1; }
}

part_build_tests() {
    need_file "$build/CMakeCache.txt"
    cmake --build "$build" -j "$processors" --target gpu_tests
}

run_tests() { # HOW MANY AT A TIME, which
    local count=$1 stop code
    shift
    need_file "$build/tests/gpu_train_shapes"
    need_device
    [ -z "$tested_blas" ] || export OPENBLAS_CORETYPE=$tested_blas
    stop=$(date -d "+$((limit - 5)) seconds" +%H:%M:%S) # one that hangs must not take the others' results along
    ctest --test-dir "$build" -L '^gpu$' "$@" -j "$count" --stop-time "$stop" --output-on-failure --no-tests=error |
        tee "$work/ctest"
    code=${PIPESTATUS[0]}
    [ "$code" -eq 0 ] ||
        grep -oE '[a-z_]+ \((Failed|Timeout|Not Run|SEGFAULT|Subprocess aborted)\)' "$work/ctest" | sort -u | tr '\n' ' '
    return "$code"
}
# What tests hold against the device is computed by one processor each.
part_tests() { run_tests $((processors > 8 ? 4 : 1)) -E '^gpu_runs$'; }
part_runs() { run_tests 1 -R '^gpu_runs$'; }

# The smallest programs of the tests under one tool, several at a time, as far as the part's time goes. A report names
# kernels: those of cuBLAS and cuFFT are not ours.
SANITIZED="dense train_shapes train_evaluate probe_forward probe_transforms segments adversarial perturbed spectral_norm
    train_batch perturb record train_bits"
sanitize() {
    local tool=$1 program left code kernels begin=$SECONDS said=$work/$1 late="" bad="" ended=0
    need_device
    need_file "$build/tests/gpu_train_shapes"
    command -v compute-sanitizer >/dev/null || { echo "SKIPPED: compute-sanitizer is not there"; exit 77; }
    [ -z "$tested_blas" ] || export OPENBLAS_CORETYPE=$tested_blas
    mkdir -p "$said"
    for program in $SANITIZED; do
        while [ "$(jobs -rp | wc -l)" -ge $((processors > 8 ? 5 : 1)) ]; do sleep 0.2; done
        left=$((limit - 6 - (SECONDS - begin)))
        [ $left -ge 5 ] || break
        {
            timeout -k 2 $left compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 \
                "$build/tests/gpu_$program" >"$said/$program" 2>&1
            echo $? >"$said/$program.code"
        } &
    done
    wait
    for program in $SANITIZED; do
        code=$(cat "$said/$program.code" 2>/dev/null || echo 124)
        [ ! -e "$said/$program" ] || { echo "---- $tool: $program: exit $code" && cat "$said/$program"; }
        case $code in
        0) ended=$((ended + 1)) ;;
        124 | 137) late="$late $program" ;;
        *) bad="$bad $program (exit $code; $(grep 'ERROR SUMMARY' "$said/$program" | tail -1 | tr -d '='))" ;;
        esac
    done
    if grep -qiE 'device not supported|not supported on this' "$said"/*; then
        echo "SKIPPED: compute-sanitizer does not support this device or system"
        exit 77
    fi
    [ -z "$bad" ] || {
        kernels=$(grep -hoE '^=+ +at .*\+0x' "$said"/* | sed -E 's/^=+ +at //; s/\+0x$//; s/\([^(]*$//' | sort | uniq -c |
            sort -rn | awk 'NR <= 8 {$1 = $1 " x"; printf "%s%s", (NR > 1 ? ", " : ""), $0}')
        echo "$bad${kernels:+; in $kernels}${late:+; out of time:$late}" | cut -c2-
        return 1
    }
    [ $ended -gt 0 ] || { echo "SKIPPED: no program came to its end in time"; exit 77; }
    [ -z "$late" ] || echo "NOTE: out of time:$late"
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
    keep "$work/main_job.md" "$python" -B "$top/bench/main_job.py" "$work/main.h5" --json "$work/main_job.json" "${against[@]}"
}

bench() { # NAME WHAT ARGUMENTS...
    local name=$1
    shift
    need_file "$build/spectrain"
    keep "$work/$name.txt" "$build/spectrain" bench "$@" --json "$work/$name.json"
}
part_operations() { need_device && bench operations operations --backend cuda --seconds 0.04; }
part_layers() { need_device && bench layers layers --backend cuda --seconds 0.02; }
part_sweep() { need_device && bench sweep sweep "$top/experiments/double_descent_mnist1d.yaml" --set train.epochs=20; }
part_cpu() { bench operations_cpu operations --backend cpu --seconds 0.02; }

compare() { # NAME MODULE OPTIONS...
    local name=compare_$1 module=$2
    shift 2
    need_file "$build/spectrain"
    need_device
    need_python "$module"
    keep "$work/$name.md" "$python" -B "$top/bench/compare_$module.py" "$build" --device cuda --seconds 0.06 \
        --json "$work/$name.json" "$@"
}

FUNCTIONS=$(declare -F | awk '{print $3}' | grep -vE '^(part|say|wanted|note)$' | tr '\n' ' ')
commit=${COMMIT:-$(git -C "$top" rev-parse HEAD 2>/dev/null || cat "$top/COMMIT" 2>/dev/null || echo unknown)}
if [ -n "$(git -C "$top" status --porcelain -uno 2>/dev/null)" ]; then commit="$commit, with changes"; fi
say "device: ${device:-none}; building for $archs into $build"
part environment 20 part_environment
part build 200 part_build
part build_tests 60 part_build_tests
part tests 75 part_tests
part runs 60 part_runs
part main_job 60 part_main_job
part memcheck 45 sanitize memcheck
part racecheck 45 sanitize racecheck
part initcheck 40 sanitize initcheck
part operations 45 part_operations
part compare_torch 60 compare torch torch --ways eager,graph
part compare_jax 60 compare jax jax
part layers 45 part_layers
part sweep 45 part_sweep
part compare_compiled 60 compare compiled torch --ways compile
part cpu 45 part_cpu

# ---- the report

report || {
    say "no report could be made; the parts:"
    cat "$work/parts.tsv" >&2
    exit 1
}
cat "$out/report.md"
! grep -q "$(printf '\tfailed\t')" "$work/parts.tsv"
