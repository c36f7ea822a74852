#!/usr/bin/env bash
# Installs what Silhouette builds and tests with, from the system's packages alone (Debian 12, Ubuntu 22.04 and newer).
# May be run again: where everything is installed it does nothing.  CUDA is not installed here.
set -euo pipefail

packages=(
  build-essential cmake ninja-build python3                             # the build; python for mutants and pages' tests
  libdnnl-dev ocl-icd-opencl-dev                                        # tensors on the CPU; its CMake file asks for OpenCL
  rapidjson-dev libfmt-dev libcli11-dev                                 # JSON, text, flags
  libstb-dev libturbojpeg0-dev libjpeg-dev fonts-dejavu-core            # photos, and letters on them
  libboost-context-dev libbenchmark-dev doctest-dev                     # fibers, benchmarks, tests
  clang clang-format                                                    # fuzzing, the format check
)
# The pages' tests look at them in Chromium.  Ubuntu has it as a snap alone: there Chrome on the PATH serves, too.
grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null || packages+=(chromium)

# The fuzzers' runtime bears the version of the system's clang in its name, which apt knows where clang is installed or
# the lists of packages are there.
find_missing() {
  local package status version
  version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1) || true
  missing=()
  for package in "${packages[@]}" ${version:+"libclang-rt-$version-dev"}; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
  done
}

find_missing
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "setup: everything is installed"
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "setup: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 2; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
find_missing
echo "setup: installing ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
