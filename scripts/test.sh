#!/usr/bin/env bash
# Everything CI checks: set-up, a build with warnings as errors, every suite, sanitizers on what parses and indexes,
# fuzzing of the readers, mutations of gradients, the format of the source.  The last line counts suites:
# "N passed, N failed"; before it, what was skipped and why (a suite that ends with 77: no GPU).  Exit 0 if none failed.
# Logs: build/logs/.
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=${SIL_JOBS:-$(nproc)}
logs=build/logs
passed=0 failed=0 skipped=0

# The log of the suite NAME.
log_of() { echo "$logs/${1//[^A-Za-z0-9_]/_}.log"; }

# run NAME COMMAND...: its exit code and seconds are kept beside its log, for report.
run() {
  local log start=$SECONDS
  log=$(log_of "$1")
  shift
  rm -f "$log.ended"
  "$@" >"$log" 2>&1
  echo "$? $((SECONDS - start))" >"$log.ended"
}

# report NAME: counts it; if it failed, shows the first errors of its log and the log's end.
report() {
  local name=$1 log code=1 seconds=0
  log=$(log_of "$name")
  [[ -f $log.ended ]] && read -r code seconds <"$log.ended"
  if [[ $code -eq 0 ]]; then
    passed=$((passed + 1))
    echo "ok      $name ($seconds s)"
  elif [[ $code -eq 77 ]]; then
    skipped=$((skipped + 1))
    echo "skipped $name, $(tail -n 1 "$log" | sed "s/^skipped: //")"
  else
    failed=$((failed + 1))
    echo "FAILED  $name ($seconds s), from $log:"
    grep -m 10 -A 3 -E "ERROR:|Error:" "$log"
    echo "..."
    tail -n 30 "$log"
  fi
}

suite() { run "$@"; report "$1"; }

# cases PROGRAM...: runs doctest; a program that runs no case has tested nothing.
cases() {
  "$@" | awk '{ print } /^\[doctest\] test cases: *[1-9]/ { ran = 1 } END { exit !ran }'
  local codes=("${PIPESTATUS[@]}")
  [[ ${codes[0]} -ne 0 ]] && return "${codes[0]}"
  return "${codes[1]}"
}

configure_and_build() {  # folder, cmake arguments, --, targets
  local folder=$1 arguments=() launcher=()
  shift
  while [[ $# -gt 0 && $1 != -- ]]; do arguments+=("$1"); shift; done
  shift
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
  cmake -S . -B "$folder" -G Ninja "${launcher[@]}" "${arguments[@]}" && cmake --build "$folder" -j "$jobs" "$@"
}

formatted() { git ls-files -z '*.h' '*.cpp' '*.cu' | xargs -0 -r clang-format --dry-run --Werror; }

mkdir -p "$logs"
suite setup scripts/setup.sh
suite build configure_and_build build --
for program in build/tests/test_*; do
  [[ -x $program && -f $program && $program != *_tsan && $program != *_model ]] && suite "${program##*/}" cases "$program"
done
suite "test_cpu without AVX" cases env ONEDNN_MAX_CPU_ISA=SSE41 build/tests/test_cpu

# Minutes of fibers, all on one thread: beside the pages, which wait more than they compute.  Ctrl-C ends both.
trap 'kill 0' INT
run test_cuda_model cases env SIL_THREADS=1 OMP_NUM_THREADS=1 build/tests/test_cuda_model &
suite "gpu_check.sh" python3 tests/scripts/test_gpu_check.py
suite "pages: server" python3 tests/pages/test_server.py
suite "pages: Dataset" python3 tests/pages/test_dataset.py
suite "pages: Evaluation" python3 tests/pages/test_evaluation.py
suite "pages: matcher" python3 tests/pages/test_matcher.py
suite "pages: Training" python3 tests/pages/test_training.py
suite "pages: changes" python3 tests/pages/test_changes.py
suite "pages: parts" python3 tests/pages/test_parts.py
suite "pages: access" python3 tests/pages/test_access.py
wait
report test_cuda_model

# What indexes and what parses.
sanitized=(test_tensor test_cpu test_cuda test_nn test_data test_eval)
suite "build with sanitizers" configure_and_build build-asan -DSIL_SANITIZE=address,undefined -- --target "${sanitized[@]}"
for name in "${sanitized[@]}"; do
  # A test asks for more memory than there is and expects what it gets without sanitizers: none.
  suite "$name with sanitizers" cases env UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=allocator_may_return_null=1 \
    "build-asan/tests/$name"
done

# The kernels' threads, announced to ThreadSanitizer.
suite "build of the kernels with ThreadSanitizer" configure_and_build build -- --target test_cuda_tsan
suite "test_cuda_tsan" cases env SIL_THREADS=1 TSAN_OPTIONS=atexit_sleep_ms=0 build/tests/test_cuda_tsan

suite "fuzzing, 20 s each" scripts/fuzz.sh 20

if [[ -f scripts/mutate_gradients.py ]]; then
  suite "gradient mutations (a sample)" python3 scripts/mutate_gradients.py --sample 6 --work build-mutants
fi
suite format formatted

[[ $skipped -gt 0 ]] && echo "$skipped skipped"
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
