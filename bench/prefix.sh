#!/usr/bin/env bash
# A folder with the libraries that spectrain is built on, out of Debian's packages, for a machine where nothing can be
# installed: HDF5, OpenBLAS, FFTW, libyaml, zlib, libcrypto, cmocka, and pkg-config. No root; nothing is installed here
# either. Needs apt-get with Debian's (or Ubuntu's) lists, dpkg-deb and readelf.
#
#   bench/prefix.sh DIR                     make DIR/{include,lib,lib/pkgconfig,bin}
#   tar -C DIR -cJf prefix.tar.xz .         to carry it there: about 20 MB
#   CMAKE_PREFIX_PATH=DIR bench/gpu_check.sh OUT
#
# DIR may be moved. The machine must have the C library of this one's release, or a newer one; libgcc, libstdc++ and
# libgomp are its own.
set -euo pipefail

PACKAGES="libhdf5-dev libopenblas-pthread-dev libfftw3-dev libyaml-dev zlib1g-dev libssl-dev libcmocka-dev pkgconf"
# What programs are linked with; what these need in turn is found in the packages.
LIBRARIES="hdf5 hdf5_hl openblas fftw3 fftw3f yaml z crypto cmocka"
# Belongs to the machine: the C library and the compiler's.
NOT_TAKEN='^(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+|libgomp|ld-linux.*)\.so'

[ $# -eq 1 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
if [ -e "$1" ] && [ -n "$(ls -A "$1")" ]; then
    echo "prefix.sh: $1: is there already and not empty" >&2
    exit 1
fi
for tool in apt-get dpkg-deb readelf; do
    command -v $tool >/dev/null || { echo "prefix.sh: $tool is not there" >&2; exit 1; }
done
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- the packages and all that they depend on, as if nothing were installed
mkdir -p "$work/archives/partial"
: >"$work/status"
# shellcheck disable=SC2086
apt-get -qq -y --no-install-recommends --download-only -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/archives" -o Debug::NoLocking=1 install $PACKAGES >"$work/log" 2>&1 ||
    { tail -5 "$work/log" >&2; echo "prefix.sh: the packages could not be fetched; try apt-get update first" >&2; exit 1; }
for package in "$work"/archives/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done

# ---- headers and libraries, side by side
multiarch=$(find "$work/root/usr/lib" -name pkgconfig -path '*-linux-*' -printf '%h\n' | awk '{print length, $0}' | sort -n |
    head -1 | cut -d' ' -f2-)
headers=$work/root/usr/include
mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/bin"
for folder in "$headers" "$headers/$(basename "$multiarch")" "$headers/hdf5/serial" \
    "$headers/$(basename "$multiarch")/openblas-pthread"; do
    for name in hdf5 H5 cblas openblas_config fftw3 yaml zlib zconf cmocka; do
        find "$folder" -maxdepth 1 -name "$name*.h" -exec cp -n {} "$prefix/include/" \;
    done
done
cp -r "$headers/openssl" "$prefix/include/"
cp -rn "$headers/$(basename "$multiarch")/openssl" "$prefix/include/"

find_library() { # the file that a name stands for; hdf5/serial and openblas-pthread are what alternatives choose
    find "$multiarch/hdf5/serial" "$multiarch/openblas-pthread" "$multiarch" "$work/root/lib" -maxdepth 2 \
        -name "$1" 2>/dev/null | head -1
}
take() { # copy a library and, once each, what it needs
    local file soname
    file=$(readlink -f "$(find_library "$1")")
    [ -f "$file" ] || { echo "prefix.sh: $1: in none of the packages" >&2; exit 1; }
    soname=$(readelf -d "$file" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
    [ ! -e "$prefix/lib/$soname" ] || return 0
    cp "$file" "$prefix/lib/$soname"
    for needed in $(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        [[ $needed =~ $NOT_TAKEN ]] || take "$needed"
    done
}
for name in $LIBRARIES; do
    take "lib$name.so"
    soname=$(readelf -d "$(readlink -f "$(find_library "lib$name.so")")" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
    ln -s "$soname" "$prefix/lib/lib$name.so"
done

# ---- pkg-config: files that know where they are, and the program
for name in openblas fftw3 fftw3f yaml-0.1 zlib libcrypto cmocka; do
    file=$(find_library "$name.pc")
    [ -n "$file" ] || file=$(find "$work/root/usr" -name "$name.pc" | head -1)
    {
        # shellcheck disable=SC2016
        printf 'prefix=${pcfiledir}/../..\nlibdir=${prefix}/lib\nincludedir=${prefix}/include\n'
        grep -E '^(Name|Description):' "$file"
        # A version may be told by a variable of the file.
        sed -n 's/^Version: *//p' "$file" | sed "s/^\${version}\$/$(sed -n 's/^version=//p' "$file")/; s/^/Version: /"
        # shellcheck disable=SC2016
        printf 'Cflags: -I${includedir}\nLibs: -L${libdir} -l%s\n' \
            "$(case $name in yaml-0.1) echo yaml ;; zlib) echo z ;; lib*) echo "${name#lib}" ;; *) echo "$name" ;; esac)"
    } >"$prefix/lib/pkgconfig/$name.pc"
done
take libpkgconf.so.3
cp "$work/root/usr/bin/pkgconf" "$prefix/bin/pkgconf.bin"
cat >"$prefix/bin/pkg-config" <<'SCRIPT'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$here/../lib exec "$here/pkgconf.bin" "$@"
SCRIPT
chmod +x "$prefix/bin/pkg-config"
echo "prefix.sh: $prefix: $(find "$prefix/lib" -name '*.so*' -type f | wc -l) libraries, $(du -sm "$prefix" | cut -f1) MB"
