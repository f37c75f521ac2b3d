# Sourced by quickstart.sh, reproduce.sh and tests/run.sh: install what is missing, find a Python that can read the files.
# Nothing is done twice; what is done is said.

say() { printf '== %s\n' "$*"; }

SPECTRAIN_BUILD_PACKAGES="gcc g++ make cmake pkg-config libhdf5-dev libopenblas-dev libfftw3-dev libyaml-dev zlib1g-dev libssl-dev"
SPECTRAIN_PLOT_PACKAGES="python3 python3-numpy python3-h5py python3-matplotlib"
SPECTRAIN_PAGE_PACKAGES="python3-yaml python3-jinja2"

# The command line that becomes root: nothing, sudo, or none at all (status 1).
spectrain_root() {
    if [ "$(id -u)" -eq 0 ]; then
        echo ""
    elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        echo "sudo"
    else
        return 1
    fi
}

# need_packages NAME...: install those that are missing, or print the exact command and stop.
need_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
        say "not a Debian or Ubuntu machine: taking for granted that the counterparts of these are here: $*"
        return 0
    fi
    local missing="" name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing="$missing $name"
    done
    [ -n "$missing" ] || return 0
    local root
    if ! root=$(spectrain_root); then
        echo "These packages are missing and only root can install them. Run this, then start again:" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
    say "installing:$missing"
    # shellcheck disable=SC2086
    $root apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# find_python MODULE...: set PYTHON to an interpreter that has the modules. The first python3 on PATH may not be the one
# that Debian's packages belong to.
find_python() {
    local candidate modules="import $(echo "$*" | sed 's/ /, /g')"
    for candidate in "${PYTHON:-}" python3 /usr/bin/python3 "$SPECTRAIN_TOP/.venv/bin/python"; do
        [ -n "$candidate" ] && "$candidate" -c "$modules" >/dev/null 2>&1 && { PYTHON=$candidate; export PYTHON; return 0; }
    done
    say "no python3 here has $*: making .venv"
    python3 -m venv "$SPECTRAIN_TOP/.venv" && "$SPECTRAIN_TOP/.venv/bin/pip" install --quiet "${@/#yaml/pyyaml}" || { # its name there
        echo "Could not make a Python with $*. Install them for any python3, and name it: PYTHON=/path/to/python3 $0" >&2
        exit 1
    }
    PYTHON="$SPECTRAIN_TOP/.venv/bin/python"
    export PYTHON
}

gpu_here() { nvidia-smi -L 2>/dev/null | grep -q '^GPU '; }
nvcc_here() { command -v nvcc || { [ -x /usr/local/cuda/bin/nvcc ] && echo /usr/local/cuda/bin/nvcc; }; }

# build PRESET [TARGET...]: configure once, build what changed. The CUDA backend takes minutes to compile: where it could
# not run, a new release build goes without.
build() {
    local preset=$1 without=""
    shift
    if [ "$preset" = release ] && [ ! -e "$SPECTRAIN_TOP/build/CMakeCache.txt" ] && ! gpu_here && nvcc_here >/dev/null; then
        say "no GPU is seen here: building without the CUDA backend (cmake --preset release -D SPECTRAIN_CUDA=ON has it)"
        without="-DSPECTRAIN_CUDA=OFF"
    fi
    say "building ($preset)"
    (cd "$SPECTRAIN_TOP" && cmake --preset "$preset" $without >"build-$preset.log" 2>&1 || { cat "build-$preset.log"; exit 1; }
     sed -n 's/^-- spectrain: /== /p' "build-$preset.log"
     cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"} >>"build-$preset.log" 2>&1 ||
         { tail -60 "build-$preset.log"; exit 1; })
}
