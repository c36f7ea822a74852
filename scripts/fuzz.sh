#!/bin/sh
# Throws random bytes at everything that parses, SECONDS each (60 by default), under AddressSanitizer and UBSan.
#   scripts/fuzz.sh [SECONDS] [TARGET]...       all targets by default
# What it finds lies in build-fuzz/findings; run a target on such a file to see the report again.
set -eu
cd "$(dirname "$0")/.."
all="coco results evaluation labels rle polygon image records pth safetensors part http"
seconds=${1:-60}
[ $# -gt 0 ] && shift
case $seconds in
  '' | *[!0-9]*) echo "error: fuzz.sh: $seconds; seconds, then targets expected" >&2; exit 2 ;;
esac
for name in "$@"; do
  case " $all " in
    *" $name "*) ;;
    *) echo "error: fuzz.sh: there is no target $name; some of $all expected" >&2; exit 2 ;;
  esac
done
[ $# -gt 0 ] || set -- $all

launcher=$(command -v ccache >/dev/null && echo -DCMAKE_CXX_COMPILER_LAUNCHER=ccache || true)
CXX=clang++ cmake -S . -B build-fuzz -G Ninja -DSIL_FUZZ=ON -DSIL_SANITIZE=address,undefined $launcher >/dev/null
targets=$(for name in "$@"; do echo "fuzz_$name"; done)
ninja -C build-fuzz $targets

mkdir -p build-fuzz/findings
throw_at() {
  mkdir -p "build-fuzz/corpus/$1"
  OMP_NUM_THREADS=1 build-fuzz/fuzz/fuzz_$1 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="build-fuzz/findings/$1-" "build-fuzz/corpus/$1" "fuzz/corpus/$1" \
    >"build-fuzz/$1.log" 2>&1 || true
}

judge() {
  echo "== $1, $seconds s"
  grep -E "stat::number_of_executed_units|ERROR|SUMMARY|Test unit written|runtime error" "build-fuzz/$1.log" || true
  if ls "build-fuzz/findings/$1-"* >/dev/null 2>&1; then
    echo "fuzz.sh: $1 has findings in build-fuzz/findings" >&2
    exit 1
  fi
  if ! grep -q "stat::number_of_executed_units: *[1-9]" "build-fuzz/$1.log"; then
    tail -n 3 "build-fuzz/$1.log" >&2
    echo "fuzz.sh: $1 did not run" >&2
    exit 1
  fi
}

# As many at a time as there are cores.
while [ $# -gt 0 ]; do
  running="" free=$(nproc)
  while [ $# -gt 0 ] && [ "$free" -gt 0 ]; do
    throw_at "$1" &
    running="$running $1" free=$((free - 1))
    shift
  done
  wait
  for name in $running; do judge "$name"; done
done
