#!/usr/bin/env python3
"""scripts/gpu_check.sh with programs that only say what the real ones would: its phases, results, report and errors.

    python3 tests/scripts/test_gpu_check.py
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHASES = ["kernels", "parity", "train", "sanitize", "bench"]
PASSED = 'echo "[doctest] test cases: 5 | 5 passed | 0 failed"'
OUT = 'while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; [ "$1" = --json ] && json=$2; shift; done\n'

PROGRAMS = {
    "test_gpu": 'echo "libraries: cuDNN 91900, cuBLASLt 130201"\n' + PASSED,
    "shapes": OUT + 'mkdir -p "$out/images"; echo "{}" >"$out/annotations.json"',
    "train": OUT + 'mkdir -p "$out"; echo w >"$out/last.safetensors"; echo w >"$out/best.safetensors"\n'
             """echo '{"step":900,"loss":0.5,"images_per_second":321.5}' >"$out/log.jsonl" """,
    "inspect": 'if [ "$1" = --diff ]; then echo "12 tensors, all within 1e-4"; exit 0; fi\n' + OUT + 'echo t >"$out"',
    "evaluate": OUT + """echo '{"bbox": {"AP50": 0.9}, "segm": {"AP": 0.7, "AP50": 0.875}}' >"$json" """,
    "mask_rcnn_bench": """echo table; echo '{"what": "train", "median_s": 0.032, "per_image_s": 0.004, "peak_bytes": 9}'""",
    "kernel_ladders": 'echo "copy   2700 GB/s"',
}
TOOLS = {
    "nvidia-smi": 'echo "NVIDIA H200, 570.1, 143771 MiB"',
    "compute-sanitizer": 'echo "========= ERROR SUMMARY: 0 errors"',
    "python3": 'echo "torchvision on a GPU: 40.0 images/s"',
}


def write_program(path, text):
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)


class Checkout:
    """A copy of the script, an archive of programs, and the tools of a machine."""

    def __init__(self, programs=None, tools=None, commit="abc1234", limits=None):
        self.temporary = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temporary.name)
        (self.root / "scripts").mkdir(), (self.root / "tools").mkdir()
        text = (ROOT / "scripts/gpu_check.sh").read_text()
        for phase, seconds in (limits or {}).items():
            begin = text.index(f"[{phase}]=") + len(f"[{phase}]=")
            text = text[:begin] + str(seconds) + text[begin + 3:]
        (self.root / "scripts/gpu_check.sh").write_text(text)
        for name, body in {**TOOLS, **(tools or {})}.items():
            write_program(self.root / "tools" / name, body)
        self.pack({**PROGRAMS, **(programs or {})}, commit)

    def pack(self, programs, commit):
        packed = self.root / "packed"
        shutil.rmtree(packed, ignore_errors=True)
        (packed / "bundle/bin").mkdir(parents=True), (packed / "bundle/lib").mkdir()
        for name, body in programs.items():
            write_program(packed / "bundle/bin" / name, f'echo "{name} $*" >>"{self.root}/calls"\n' + body)
        (packed / "bundle/commit").write_text(commit + "\n")
        (self.root / "build-gpu").mkdir(exist_ok=True)
        subprocess.run(["tar", "-C", packed, "-czf", self.root / "build-gpu/bundle.tar.gz", "bundle"], check=True)

    def run(self, *arguments):
        (self.root / "calls").write_text("")
        environment = {**os.environ, "PATH": f"{self.root}/tools:{os.environ['PATH']}"}
        return subprocess.run(["bash", self.root / "scripts/gpu_check.sh", *arguments], env=environment, capture_output=True,
                              text=True, timeout=120)

    def calls(self):
        return [line for line in (self.root / "calls").read_text().splitlines() if line != "test_gpu --test-case=none"]

    def results(self):
        report = json.loads((self.root / "docs/gpu/report.json").read_text())
        return {phase["phase"]: phase for phase in report["phases"]}

    def report(self):
        return (self.root / "docs/gpu/report.md").read_text()


class GpuCheck(unittest.TestCase):
    def checkout(self, *arguments, **named):
        made = Checkout(*arguments, **named)
        self.addCleanup(made.temporary.cleanup)
        return made

    def test_all_phases_pass_and_stand_in_one_report(self):
        checkout = self.checkout()
        done = checkout.run()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        results = checkout.results()
        self.assertEqual(list(results), PHASES)
        for phase, result in results.items():
            self.assertEqual(result["result"], "passed", result)
            self.assertEqual((result["commit"], result["gpu"]), ("abc1234", "NVIDIA H200, 570.1, 143771 MiB"))
            self.assertEqual(result["libraries"], "cuDNN 91900, cuBLASLt 130201")
            self.assertTrue((checkout.root / f"docs/gpu/{phase}.log").exists())
            self.assertIn(f"| {phase} | passed |", checkout.report())
            self.assertLess(result["seconds"], 60)
        self.assertIn("mask AP50 on 200 test pictures: 0.875; 0.80 or more expected", results["train"]["findings"])
        self.assertIn("1 steps; the last: loss:0.5 images_per_second:321.5 ", results["train"]["findings"])
        bench = results["bench"]["findings"]
        self.assertEqual(sum("training, 800 x 1344, bf16" in line and "250.0 images/s" in line for line in bench), 2)
        self.assertGreaterEqual(sum("torchvision on a GPU: 40.0 images/s" in line for line in bench), 4)
        self.assertIn("- copy 2700 GB/s\n", checkout.report())
        for column in checkout.report().splitlines()[4:11]:
            self.assertEqual(column.count("|"), 8, column)

    def test_what_has_passed_is_not_run_again_but_for_another_commit(self):
        checkout = self.checkout({"kernel_ladders": "exit 3"})
        self.assertEqual(checkout.run().returncode, 1)
        self.assertEqual(checkout.results()["bench"]["result"], "failed")
        checkout.run()
        self.assertFalse([call for call in checkout.calls() if call.startswith(("test_gpu", "inspect", "evaluate"))])
        self.assertTrue([call for call in checkout.calls() if call.startswith("kernel_ladders")])
        checkout.pack(PROGRAMS, "def5678")  # a newer archive is unpacked
        self.assertEqual(checkout.run().returncode, 0)
        self.assertTrue([call for call in checkout.calls() if call.startswith("evaluate")])
        self.assertEqual({result["commit"] for result in checkout.results().values()}, {"def5678"})
        self.assertEqual(checkout.run().returncode, 0)
        self.assertEqual(checkout.calls(), [])

    def test_phases_are_chosen_and_merged_with_those_before(self):
        checkout = self.checkout()
        self.assertEqual(checkout.run("--phase", "train").returncode, 0)
        self.assertEqual(list(checkout.results()), ["train"])
        self.assertIn("| kernels | not run | | | | | |", checkout.report())
        self.assertEqual(checkout.run("--phase", "kernels,bench").returncode, 0)
        self.assertEqual(list(checkout.results()), ["kernels", "train", "bench"])
        self.assertEqual(checkout.run("--phase", "train", "--out", "elsewhere").returncode, 0)
        self.assertTrue((checkout.root / "elsewhere/report.md").exists())

    def test_a_failure_is_found_whatever_it_says(self):
        checkout = self.checkout({"test_gpu": r"""[ "$1" = --test-case=none ] && exit 0
printf 'x.cpp:7: ERROR: CHECK( a == "b\\c" ) \001\ttab\n'
echo "[doctest] test cases: 5 | 4 passed | 1 failed"
exit 1"""})
        done = checkout.run("--phase", "kernels,train")
        self.assertEqual(done.returncode, 1)
        results = checkout.results()
        self.assertEqual((results["kernels"]["result"], results["train"]["result"]), ("failed", "passed"))
        self.assertTrue([line for line in results["kernels"]["findings"] if 'CHECK( a == "b\\c" )' in line], results["kernels"])
        self.assertIn('CHECK( a == "b\\c" )', checkout.report())

    def test_no_case_or_a_crash_is_no_pass(self):
        for end in ["exit 0", PASSED + "; exit 139", 'echo "[doctest] test cases: 0 | 0 passed"']:
            checkout = self.checkout({"test_gpu": f'[ "$1" = --test-case=none ] && exit 0\n{end}'})
            self.assertEqual(checkout.run("--phase", "kernels").returncode, 1, end)
            self.assertEqual(checkout.results()["kernels"]["result"], "failed", end)

    def test_a_phase_ends_in_its_time_and_says_so(self):
        checkout = self.checkout({"test_gpu": '[ "$1" = --test-case=none ] && exit 0\nexec sleep 100'}, limits={"kernels": 2})
        self.assertEqual(checkout.run("--phase", "kernels").returncode, 1)
        result = checkout.results()["kernels"]
        self.assertEqual(result["result"], "failed")
        self.assertLess(result["seconds"], 20)
        self.assertTrue([line for line in result["findings"] if "not finished in its time" in line], result)

    def test_the_first_three_phases_take_20_minutes_at_most_and_each_9(self):
        line = re.search(r"^declare -A seconds_of=\((.*?)\)", (ROOT / "scripts/gpu_check.sh").read_text(), re.MULTILINE)[1]
        seconds = {phase: int(number) for phase, number in re.findall(r"\[(\w+)\]=(\d+)", line)}
        self.assertEqual(list(seconds), PHASES)
        self.assertLessEqual(sum(seconds[phase] for phase in PHASES[:3]), 20 * 60)
        self.assertLess(max(seconds.values()), 9 * 60)

    def test_a_result_beyond_the_goal_fails(self):
        checkout = self.checkout({"evaluate": OUT + """echo '{"segm": {"AP50": 0.7999}}' >"$json" """})
        self.assertEqual(checkout.run("--phase", "train").returncode, 1)
        self.assertIn("mask AP50 on 200 test pictures: 0.7999; 0.80 or more expected", checkout.results()["train"]["findings"])
        checkout = self.checkout({"inspect": 'if [ "$1" = --diff ]; then echo "p2 BEYOND 0.3"; echo "1 beyond"; exit 1; fi\n' + OUT + 'echo t >"$out"'})
        self.assertEqual(checkout.run("--phase", "parity").returncode, 1)
        self.assertIn("20 steps: p2 BEYOND 0.3", checkout.results()["parity"]["findings"])
        checkout = self.checkout({"mask_rcnn_bench": 'echo "error: out of memory" >&2; exit 1'})
        self.assertEqual(checkout.run("--phase", "bench").returncode, 1)
        self.assertTrue([line for line in checkout.results()["bench"]["findings"] if line.endswith("exit code 1; error: out of memory")])

    def test_what_is_missing_there_is_said(self):
        checkout = self.checkout(tools={"compute-sanitizer": 'echo "========= Error: Device not supported"; exit 1',
                                   "python3": "echo \"error: No module named 'torch'; torch and torchvision expected\" >&2; exit 2"})
        self.assertEqual(checkout.run("--phase", "sanitize,bench").returncode, 1)
        results = checkout.results()
        self.assertEqual((results["sanitize"]["result"], results["bench"]["result"]), ("unavailable", "passed"))
        self.assertTrue([line for line in results["sanitize"]["findings"] if "racecheck cannot run here" in line])
        self.assertIn("error: No module named 'torch'; torch and torchvision expected", results["bench"]["findings"])

    def test_a_sanitizers_finding_fails(self):
        checkout = self.checkout(tools={"compute-sanitizer": '''echo "========= Invalid __global__ read of size 4 bytes"
echo "========= ERROR SUMMARY: 1 error"; exit 9'''})
        self.assertEqual(checkout.run("--phase", "sanitize").returncode, 1)
        findings = checkout.results()["sanitize"]["findings"]
        self.assertTrue([line for line in findings if "memcheck: 1 Invalid __global__ read of size 4 bytes" in line], findings)

    def test_what_cannot_run_is_one_line_and_exit_2(self):
        for programs, arguments, said in [
            ({"test_gpu": 'echo "skipped: device cuda:0: no NVIDIA GPU"; exit 77'}, [], "error: device cuda:0: no NVIDIA GPU\n"),
            ({"test_gpu": 'echo "libx.so: cannot open" >&2; exit 127'}, [],
             "error: build-gpu/bundle/bin/test_gpu does not start: libx.so: cannot open\n"),
            ({}, ["--phase", "kernel"], "error: --phase kernel; some of kernels parity train sanitize bench expected\n"),
            ({}, ["--phase", ","], "error: --phase ','; some of kernels parity train sanitize bench expected\n"),
            ({}, ["--phase"], "error: --phase needs a list of phases\n"),
            ({}, ["--out"], "error: --out needs a folder\n"),
            ({}, ["--fast"], "error: --fast; --bundle, --phase LIST or --out DIR expected\n"),
        ]:
            done = self.checkout(programs).run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (2, said), arguments)
        checkout = self.checkout()
        (checkout.root / "build-gpu/bundle.tar.gz").unlink()
        done = checkout.run()
        self.assertEqual((done.returncode, done.stderr),
                         (2, "error: build-gpu/bundle.tar.gz is missing; scripts/gpu_check.sh --bundle makes it\n"))


if __name__ == "__main__":
    unittest.main()
