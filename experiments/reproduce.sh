#!/usr/bin/env bash
# Runs experiments and draws one page of them: installs what is missing, builds, trains, judges.
#   ./experiments/reproduce.sh                       all, at full size: about 3 hours on 2 cores, by the times in their heads
#   ./experiments/reproduce.sh --small               all, each in under a minute: what the figures are like
#   ./experiments/reproduce.sh NAME... [--small]     some: NAME.yaml beside this script; see its head for how long it takes
# Files and page (experiments.html; with --small, small.html) go to experiments/out, or to the folder named by -o DIR.
# What is complete there is not trained again; what was interrupted goes on. Exit codes are those of spectrain run.
set -euo pipefail
SPECTRAIN_TOP=$(cd "$(dirname "$0")/.." && pwd)
experiments=$SPECTRAIN_TOP/experiments
. "$experiments/dependencies.sh"

names=()
small=0
out=$experiments/out
while [ $# -gt 0 ]; do
    case $1 in
    --small) small=1 ;;
    -o) out=${2:?"-o needs a folder"}; shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "reproduce.sh: unknown option $1; allowed: --small, -o DIR, --help" >&2; exit 2 ;;
    *) names+=("$1") ;;
    esac
    shift
done
all=()
for yaml in "$experiments"/*.yaml; do all+=("$(basename "$yaml" .yaml)"); done
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")
for name in "${names[@]}"; do
    [ -f "$experiments/$name.yaml" ] ||
        { echo "reproduce.sh: no experiment $name; there are: ${all[*]}" >&2; exit 2; }
done

program=${SPECTRAIN:-$SPECTRAIN_TOP/build/spectrain} # SPECTRAIN: a program that is built already
if [ -z "${SPECTRAIN:-}" ]; then
    # shellcheck disable=SC2086
    need_packages $SPECTRAIN_BUILD_PACKAGES $SPECTRAIN_PLOT_PACKAGES $SPECTRAIN_PAGE_PACKAGES
    (cd "$experiments" && grep -q fashion_mnist "${names[@]/%/.yaml}") && need_packages dataset-fashion-mnist
    build release spectrain
fi
find_python h5py matplotlib yaml jinja2

mkdir -p "$out"
page=$out/experiments.html
[ $small -eq 0 ] || page=$out/small.html
files=()
failed=0
for name in "${names[@]}"; do
    yaml=$experiments/$name.yaml
    file=$out/$name.h5
    settings=()
    if [ $small -eq 1 ]; then
        file=$out/${name}_small.h5
        # xargs takes the quotes off as a shell would
        while IFS= read -r word; do settings+=("$word"); done < <(sed -n 's/^# small: //p' "$yaml" | xargs -n 1 printf '%s\n')
    fi
    say "training experiments/$name.yaml -> $file"
    code=0
    "$program" run "$yaml" -o "$file" --resume "${settings[@]}" || code=$?
    [ $code -ne 75 ] || { echo "reproduce.sh: interrupted; the same command goes on" >&2; exit 75; }
    if [ $code -eq 0 ]; then files+=("$file"); else failed=$code; fi
done
[ ${#files[@]} -gt 0 ] || exit $failed
say "judging and drawing"
"$PYTHON" "$experiments/page.py" "${files[@]}" -o "$page"
exit $failed
