#!/usr/bin/env python3
"""scripts/gpu_check.sh with programs that only say what the real ones would: its phases, results, report and errors.

    python3 tests/scripts/test_gpu_check.py
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHASES = ["kernels", "parity", "train", "sanitize", "bench"]
QUIET = '[ "$1" = --test-case=none ] && exit 0'
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
    "compute-sanitizer": PASSED + '; echo "========= ERROR SUMMARY: 0 errors"',
    "python3": 'echo "torchvision on a GPU: 40.0 images/s"',
}


def write_program(path, text):
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


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

    def start(self, *arguments, folder="."):
        (self.root / "calls").write_text("")
        environment = {**os.environ, "PATH": f"{self.root}/tools:{os.environ['PATH']}"}
        script = os.path.relpath(self.root / "scripts/gpu_check.sh", self.root / folder)
        return subprocess.Popen(["bash", script, *arguments], env=environment, cwd=self.root / folder, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, folder="."):
        started = self.start(*arguments, folder=folder)
        stdout, stderr = started.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, started.returncode, stdout, stderr)

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
        self.assertEqual(checkout.run("--phase", "train,train", "--out", "elsewhere", folder="docs").returncode, 0)
        self.assertTrue((checkout.root / "docs/elsewhere/report.md").exists())  # where the caller is
        self.assertEqual(len([call for call in checkout.calls() if call.startswith("evaluate")]), 1)

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
        grace = 10  # what hangs gets this long to end before it is killed
        self.assertLessEqual(sum(seconds[phase] + grace for phase in PHASES[:3]), 20 * 60)
        self.assertLessEqual(max(seconds.values()) + grace, 9 * 60)

    def test_a_result_beyond_the_goal_fails(self):
        checkout = self.checkout({"evaluate": OUT + """echo '{"segm": {"AP50": 0.7999}}' >"$json" """})
        self.assertEqual(checkout.run("--phase", "train").returncode, 1)
        self.assertIn("mask AP50 on 200 test pictures: 0.7999; 0.80 or more expected", checkout.results()["train"]["findings"])
        differs = 'if [ "$1" = --diff ]; then echo "p2 BEYOND 0.3"; echo "1 beyond"; exit 1; fi\n'
        checkout = self.checkout({"inspect": differs + OUT + 'echo t >"$out"'})
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
            ({"test_gpu": "exit 77"}, [], "error: build-gpu/bundle/bin/test_gpu: no GPU, and no word why (exit code 77)\n"),
            ({"test_gpu": "exit 139"}, [], "error: build-gpu/bundle/bin/test_gpu does not start: exit code 139\n"),
            ({"test_gpu": 'echo "libx.so: cannot open" >&2; exit 127'}, [],
             "error: build-gpu/bundle/bin/test_gpu does not start: libx.so: cannot open\n"),
            ({}, ["--phase", "kernel"], "error: --phase kernel; some of kernels parity train sanitize bench expected\n"),
            ({}, ["--phase", "*"], "error: --phase *; some of kernels parity train sanitize bench expected\n"),
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


    def result(self, checkout, phase, expected):
        """Of a phase that runs alone."""
        done = checkout.run("--phase", phase)
        found = checkout.results()[phase]
        self.assertEqual((done.returncode, found["result"]), (0 if expected == "passed" else 1, expected), found)
        self.assertEqual(done.stderr, "")
        return found["findings"]

    def replace(self, checkout, name, body):
        """In the folder that the archive was unpacked to, if it was."""
        bin_folder = checkout.root / "build-gpu/bundle/bin"
        if not bin_folder.exists():
            self.assertEqual(checkout.run("--phase", "kernels").returncode, 0)
        write_program(bin_folder / name, body)

    def log(self, checkout, phase):
        return (checkout.root / f"docs/gpu/{phase}.log").read_text()

    def test_a_signal_ends_the_script_and_all_that_runs(self):
        hangs = f'{QUIET}\nsleep 300 & echo $! >>pids; echo $$ >>pids; trap "" TERM INT HUP; wait; wait; sleep 300'
        for number, name in [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")]:
            checkout = self.checkout()
            self.assertEqual(checkout.run("--phase", "kernels").returncode, 0)
            write_program(checkout.root / "build-gpu/bundle/bin/test_gpu", hangs)
            started = checkout.start("--phase", "kernels,train")
            pids = checkout.root / "pids"
            while not pids.exists() or pids.read_text().count("\n") < 2:
                time.sleep(0.01)
            started.send_signal(number)
            stderr = started.communicate(timeout=5)[1]
            self.assertEqual(started.returncode, 128 + number)
            self.assertEqual(stderr, f"error: stopped by a signal ({name}) in phase kernels, which counts as not run\n")
            time.sleep(0.1)
            for pid in pids.read_text().split():
                self.assertFalse(is_running(pid), name)
            self.assertFalse((checkout.root / "docs/gpu/kernels.json").exists())  # it had passed
            self.assertIn("| kernels | not run |", checkout.report())

    def test_what_cannot_be_written_is_one_line_and_exit_2(self):
        checkout = self.checkout()
        done = checkout.run("--out", "/proc")
        self.assertEqual((done.returncode, done.stderr), (2, "error: /proc/report.md: cannot be written\n"))
        self.assertEqual(checkout.calls(), [])  # before any phase
        (checkout.root / "file").touch()
        done = checkout.run("--out", "file")
        self.assertEqual((done.returncode, done.stderr),
                         (2, f"error: --out {checkout.root}/file: cannot be made; a folder expected\n"))
        shutil.rmtree(checkout.root / "build-gpu/work")
        (checkout.root / "build-gpu/work").touch()
        done = checkout.run()
        self.assertEqual((done.returncode, done.stderr), (2, "error: build-gpu/work: cannot be written\n"))
        checkout = self.checkout({"test_gpu": f"{QUIET}\nrm -rf docs/gpu; touch docs/gpu\n" + PASSED})
        done = checkout.run("--phase", "kernels,train")
        self.assertEqual((done.returncode, done.stderr), (2, "error: docs/gpu/kernels.json: cannot be written\n"))
        self.assertNotIn("passed\n", done.stdout.replace("test_gpu: ", ""))

    def test_a_report_that_was_deleted_comes_back(self):
        checkout = self.checkout()
        checkout.run()
        text = checkout.report()
        (checkout.root / "docs/gpu/report.md").unlink(), (checkout.root / "docs/gpu/report.json").unlink()
        self.assertEqual(checkout.run().returncode, 0)
        self.assertEqual((checkout.calls(), checkout.report(), len(checkout.results())), ([], text, 5))

    def test_training_that_fails_fails_whatever_was_there_before(self):
        checkout = self.checkout()
        self.result(checkout, "train", "passed")
        self.replace(checkout, "evaluate", "exit 0")  # metrics.json of before must not count
        self.assertIn("evaluate has left no metrics.json", self.result(checkout, "train", "failed"))
        self.replace(checkout, "evaluate", PROGRAMS["evaluate"])
        self.replace(checkout, "train", PROGRAMS["train"] + '\necho said; echo "error: no memory" >&2; exit 3')
        findings = self.result(checkout, "train", "failed")
        self.assertIn("train: exit code 3; error: no memory", findings)
        self.assertIn("mask AP50 on 200 test pictures: 0.875; 0.80 or more expected", findings)
        self.assertIn("said\nerror: no memory\n", self.log(checkout, "train"))
        self.replace(checkout, "train", "exit 0")
        self.assertIn("train has left no log.jsonl", self.result(checkout, "train", "failed"))
        for score in ["1.5", "nan", "-0.9", '"0.9"']:
            self.replace(checkout, "train", PROGRAMS["train"])
            self.replace(checkout, "evaluate", OUT + f"""echo '{{"segm": {{"AP50": {score}}}}}' >"$json" """)
            self.result(checkout, "train", "failed")

    def test_a_step_that_could_not_be_recorded_fails(self):
        checkout = self.checkout({"train": PROGRAMS["train"] + '\necho "898 steps replayed, 2 the first of their shape"'})
        self.assertIn("train: 898 steps replayed, 2 the first of their shape", self.result(checkout, "train", "passed"))
        self.replace(checkout, "train", PROGRAMS["train"] +
                     '\necho "0 steps replayed, 2 the first of their shape, 898 that could not be recorded (no)" >&2; seq 50000 >&2')
        self.assertIn("train: 0 steps replayed, 2 the first of their shape, 898 that could not be recorded (no)",
                      self.result(checkout, "train", "failed"))

    def test_an_archive_that_is_damaged_is_refused_and_the_programs_of_before_stay(self):
        checkout = self.checkout()
        self.assertEqual(checkout.run("--phase", "kernels").returncode, 0)
        archive = checkout.root / "build-gpu/bundle.tar.gz"
        whole = archive.read_bytes()
        for damaged in [whole[:len(whole) // 2], b"garbage", b""]:
            archive.write_bytes(damaged)
            done = checkout.run("--phase", "kernels")
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"^error: build-gpu/bundle.tar.gz is damaged: .+; scripts/gpu_check.sh --bundle makes it anew\n$")
            self.assertTrue((checkout.root / "build-gpu/bundle/bin/test_gpu").exists())
        with_no_commit = {name: body for name, body in PROGRAMS.items() if name != "test_gpu"}
        checkout.pack(with_no_commit, "abc")
        done = checkout.run("--phase", "kernels")
        self.assertIn("is damaged: bundle/bin/test_gpu and bundle/commit expected in it;", done.stderr)
        (checkout.root / "build-gpu/work/of before").mkdir()
        checkout.pack(PROGRAMS, "abc1234 0123")
        self.assertEqual(checkout.run("--phase", "kernels").returncode, 0)
        self.assertFalse((checkout.root / "build-gpu/work/of before").exists())

    def test_an_archive_is_all_or_nothing_and_says_what_is_in_it(self):
        tools = {"cmake": "exit 0", "strip": 'cp "$3" "$2"', "objdump": "echo GLIBC_2.34", "ccache": "exit 0",
                 "ldd": f'echo "  libx.so => $PWD/libx.so (0x1)"', "git": """case $1 in
describe) echo abc1234-dirty ;; ls-files) printf 'scripts/gpu_check.sh\\0' ;; esac"""}
        checkout = self.checkout(tools=tools)
        (checkout.root / "build-gpu/bin").mkdir(), (checkout.root / "build-gpu/tests").mkdir()
        for name, body in PROGRAMS.items():
            write_program(checkout.root / f"build-gpu/bin/{name}", body)
        archive, commits = checkout.root / "build-gpu/bundle.tar.gz", []
        for library in ["one", "two"]:
            (checkout.root / "libx.so").write_text(library)
            done = checkout.run("--bundle")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertEqual(checkout.run("--phase", "kernels").returncode, 0)
            commits.append(checkout.results()["kernels"]["commit"])
            self.assertRegex(commits[-1], r"^abc1234-dirty [0-9a-f]{12}$")
        self.assertNotEqual(*commits)
        write_program(checkout.root / "tools/tar", "echo part; exit 1")
        done = checkout.run("--bundle")
        self.assertEqual((done.returncode, done.stderr), (2, "error: build-gpu/bundle.tar.gz: cannot be written\n"))
        (checkout.root / "tools/tar").unlink(), (checkout.root / "libx.so").unlink()
        done = checkout.run("--bundle")
        self.assertEqual(done.returncode, 2)
        self.assertIn("\nerror: build-gpu/bundle/lib: the programs' libraries cannot be copied there\n", done.stderr)
        self.assertEqual(list((checkout.root / "build-gpu").glob("bundle.tar*")), [])
        done = checkout.run("--bundle", "--fast")
        self.assertEqual((done.returncode, done.stderr), (2, "error: --bundle --fast; nothing behind --bundle expected\n"))

    def test_silence_is_no_pass(self):
        checkout = self.checkout()
        for tool in ['echo "========= ERROR SUMMARY: 0 errors"', 'echo "[doctest] test cases: 0 | 0 passed"']:
            write_program(checkout.root / "tools/compute-sanitizer", tool)
            self.assertTrue(self.result(checkout, "sanitize", "failed")[0].startswith("memcheck: exit code 0; no test cases"))
        for seconds, expected in [("4e-3", "passed"), ("0.000000", "failed"), ("nan", "failed"), ("-0.1", "failed")]:
            self.replace(checkout, "mask_rcnn_bench", f"""echo '{{"what": "train", "per_image_s": {seconds}, "threads": 1}}'""")
            findings = self.result(checkout, "bench", expected)
            self.assertIn("250.0 images/s" if expected == "passed" else "no images/s", findings[0])
        self.replace(checkout, "mask_rcnn_bench", "exit 0")
        self.result(checkout, "bench", "failed")
        self.replace(checkout, "mask_rcnn_bench", PROGRAMS["mask_rcnn_bench"])
        self.replace(checkout, "kernel_ladders", "exit 0")
        self.assertIn("kernel_ladders says nothing; exit code 0", self.result(checkout, "bench", "failed"))
        self.replace(checkout, "inspect", 'if [ "$1" = --diff ]; then exit 0; fi\n' + OUT + 'echo t >"$out"')
        self.assertIn("20 steps: inspect --diff says nothing; exit code 0", self.result(checkout, "parity", "failed"))

    def test_a_bench_whose_steps_are_not_recorded_fails(self):
        line = '{"what": "train", "per_image_s": 0.004, "recorded": {"replayed": 20, "first": 1, "not_recorded": %s}}'
        checkout = self.checkout({"mask_rcnn_bench": f"echo '{line % 0}'"})
        self.assertIn("recorded: replayed: 20, first: 1, not_recorded: 0", self.result(checkout, "bench", "passed")[0])
        self.replace(checkout, "mask_rcnn_bench", f"echo '{line % 12}'")
        self.result(checkout, "bench", "failed")


    def test_whatever_a_program_prints_the_report_is_json_and_its_table_whole(self):
        checkout = self.checkout({"test_gpu": r"""[ "$1" = --test-case=none ] && { echo 'libraries: cuDNN "9" | \z'; exit 0; }
printf 'ERROR: \377\303\244\001\033 \\ ", "\n'; head -c 3000 /dev/zero | tr '\000' x | sed 's/^/ERROR: /'; echo; printf 'a\0ERROR: b\n'
""" + PASSED + "; exit 1", "kernel_ladders": "seq 100000 | sed 's/$/   us/'"},
                                 tools={"nvidia-smi": r"""printf 'NVIDIA "H200" | \\ \303\244\n'""",
                                        "lscpu": r"""printf 'Model name:   "X" \\ \n'"""})
        findings = self.result(checkout, "kernels", "failed")
        self.assertIn('1 ERROR: ???   \\ ", "', findings)
        self.assertIn('- 1 ERROR: ???   \\ ", "\n', checkout.report())
        self.assertEqual([len(line) for line in findings if "xxx" in line], [500])
        self.assertIn("1 aERROR: b", findings)  # a line of it held a NUL
        findings = self.result(checkout, "bench", "passed")
        self.assertEqual([line for line in findings if line.endswith(" us")], [f"{i} us" for i in range(1, 61)])
        result = checkout.results()["bench"]
        self.assertEqual((result["gpu"], result["libraries"]), ("NVIDIA 'H200' / / ??", "cuDNN '9' / /z"))
        for column in checkout.report().splitlines()[4:11]:
            self.assertEqual(column.count("|"), 8, column)

    def test_a_result_that_is_damaged_counts_as_not_run(self):
        checkout = self.checkout()
        self.assertEqual(checkout.run().returncode, 0)
        path = checkout.root / "docs/gpu/kernels.json"
        whole = path.read_bytes()
        cuts = [whole[:size] for size in (0, len(whole) // 2, len(whole) - 5)]
        for damaged in cuts + [bytes(range(256)), whole + b"\0", whole.replace(b'",', b'"",'), None]:
            path.unlink()
            path.mkdir() if damaged is None else path.write_bytes(damaged)
            done = checkout.run("--phase", "sanitize")
            self.assertEqual((done.returncode, done.stderr), (0, ""), damaged)
            self.assertEqual(list(checkout.results()), PHASES[1:], damaged)
            self.assertIn("| kernels | not run |", checkout.report())
            if damaged is not None and len(damaged) != len(whole) // 2:
                continue
            done = checkout.run()
            self.assertEqual((done.returncode, done.stderr), (0, ""), damaged)
            self.assertEqual(len(checkout.calls()), 1)
            self.assertEqual(checkout.results()["kernels"]["result"], "passed")

    def test_what_fails_says_its_last_words_and_the_log_has_all(self):
        says = 'echo out; echo "err %s" >&2; exit 5'
        checkout = self.checkout({"mask_rcnn_bench": says % "bench"})
        self.assertIn("R50-FPN, training, 800 x 1344, f32, batch 8: exit code 5; err bench", self.result(checkout, "bench", "failed"))
        self.assertIn("out\nerr bench\n", self.log(checkout, "bench"))
        self.replace(checkout, "mask_rcnn_bench", "echo only; echo; exit 5")
        self.assertIn("R50-FPN, training, 800 x 1344, f32, batch 8: exit code 5; only", self.result(checkout, "bench", "failed"))
        self.replace(checkout, "inspect", says % "inspect")
        self.assertIn("20 steps: on the CPU: exit code 5; err inspect", self.result(checkout, "parity", "failed"))
        self.assertIn("out\nerr inspect\n", self.log(checkout, "parity"))
        self.replace(checkout, "inspect", 'case "$*" in *cuda*) echo out; echo "error: gpu" >&2; exit 5 ;; esac\n' + PROGRAMS["inspect"])
        self.assertIn("20 steps: exit code 5; error: gpu", self.result(checkout, "parity", "failed"))
        self.assertIn("out\nerror: gpu\n", self.log(checkout, "parity"))

    def test_what_there_was_no_time_for_is_said(self):
        checkout = self.checkout({"mask_rcnn_bench": "exec sleep 100"}, limits={"bench": 1})
        findings = self.result(checkout, "bench", "failed")
        self.assertIn("R50-FPN, training, 800 x 1344, bf16, batch 8: not finished in its time", findings)
        self.assertTrue([line for line in findings if line.startswith("no time left for: build-gpu/bundle/bin/kernel_ladders")], findings)

    def test_the_bench_begins_with_what_matters_and_repeats_it_last(self):
        checkout = self.checkout(tools={"timeout": 'echo "timeout $*" >>calls; shift 3; exec "$@"'})
        self.result(checkout, "bench", "passed")
        calls = [call for call in checkout.calls() if call.startswith("timeout")]
        kinds = []
        for call in calls:
            if "python3" in call:
                self.assertTrue(call.startswith("timeout -k 10 60 "), call)
            kinds.append(next(kind for kind in ["shapes", "torch_kernels", "torchvision_model", "kernel_ladders", "--batch 8 --repeat 20",
                                                "--batch 16", "--batch 8 --repeat 5", "--repeat 15"] if kind in call))
        round_ = ["--batch 8 --repeat 20", "torchvision_model", "--batch 16", "torchvision_model"]
        between = ["--batch 8 --repeat 5", "--repeat 15", "--repeat 15", "kernel_ladders", "torch_kernels"]
        self.assertEqual(kinds, ["shapes"] + round_ + between + round_)

    def test_nothing_runs_beside_another_run(self):
        checkout = self.checkout({"test_gpu": f"{QUIET}\ntouch begun; sleep 1; " + PASSED})
        first = checkout.start("--phase", "kernels")
        while not (checkout.root / "begun").exists():
            time.sleep(0.01)
        for arguments in [[], ["--bundle"]]:
            second = checkout.run(*arguments)
            self.assertEqual((second.returncode, second.stderr),
                             (2, "error: scripts/gpu_check.sh is at work here already; one at a time expected\n"))
        first.communicate(timeout=20)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(checkout.run("--phase", "kernels").returncode, 0)

    def test_help_is_the_same_in_any_folder(self):
        checkout = self.checkout()
        for folder in [".", "scripts", "tools"]:
            done = checkout.run("--help", folder=folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith("Checks what only a GPU can show.\n"), done.stdout)
            self.assertTrue(done.stdout.endswith("stopped by a signal.\n"), done.stdout)

    def test_only_what_is_compared_is_kept_from_tf32(self):
        def says(name):
            return f'echo "{name} ${{NVIDIA_TF32_OVERRIDE-unset}}" >>tf32\n' + PROGRAMS[name]
        checkout = self.checkout({name: says(name) for name in ["inspect", "evaluate", "mask_rcnn_bench"]} |
                                 {"test_gpu": f"{QUIET}\n" + says("test_gpu")})
        self.assertEqual(checkout.run("--phase", "kernels,parity,train,bench").returncode, 0)
        self.assertEqual(set((checkout.root / "tf32").read_text().splitlines()),
                         {"test_gpu 0", "inspect 0", "evaluate unset", "mask_rcnn_bench unset"})


if __name__ == "__main__":
    unittest.main()
