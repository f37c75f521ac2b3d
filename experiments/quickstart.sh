#!/usr/bin/env bash
# From a fresh machine to double descent: installs what is missing, builds, trains the sweep, draws the figures.
#   ./experiments/quickstart.sh             57 networks on MNIST-1D (about a minute and a half on 2 cores)
#   ./experiments/quickstart.sh --fashion   33 networks on Fashion-MNIST
# Files and figures go to the current directory, or to the one named by -o DIR. A sweep that is already complete is not
# trained again; one that was interrupted goes on.
set -euo pipefail
SPECTRAIN_TOP=$(cd "$(dirname "$0")/.." && pwd)
. "$SPECTRAIN_TOP/experiments/dependencies.sh"

name=double_descent_mnist1d
out=.
while [ $# -gt 0 ]; do
    case $1 in
    --fashion) name=double_descent_fashion ;;
    -o) out=${2:?"-o needs a folder"}; shift ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown option $1; allowed: --fashion, -o DIR, --help" >&2; exit 2 ;;
    esac
    shift
done

# shellcheck disable=SC2086
need_packages $SPECTRAIN_BUILD_PACKAGES $SPECTRAIN_PLOT_PACKAGES
[ "$name" = double_descent_mnist1d ] || need_packages dataset-fashion-mnist
find_python h5py matplotlib
build release spectrain

mkdir -p "$out"
say "training experiments/$name.yaml -> $out/$name.h5"
"$SPECTRAIN_TOP/build/spectrain" run "$SPECTRAIN_TOP/experiments/$name.yaml" -o "$out/$name.h5" --resume
say "drawing"
"$PYTHON" "$SPECTRAIN_TOP/experiments/figures.py" "$out/$name.h5" -o "$out"
