"""The server behind the pages, spoken to without a browser: what it refuses, and that it goes on."""
import json
import os
import pathlib
import resource
import socket
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

from world import BIN, Folder, Pages, hostile_set


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.annotations, cls.images = hostile_set(cls.folder.path)
        cls.pages = Pages(cls.annotations, cls.images)
        cls.port = urllib.parse.urlparse(cls.pages.url).port

    @classmethod
    def tearDownClass(cls):
        cls.pages.close()
        cls.folder.__exit__()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, request):
        with self.connect() as s:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while more := s.recv(1 << 16):
                answer += more
        return answer

    def get(self, path, host="127.0.0.1"):
        answer = self.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        return int(answer.split()[1]), answer

    def works(self):
        self.assertEqual(self.get("/data/header")[0], 200)

    def test_nothing_else_is_served(self):
        for path in ("/../annotations.json", "/photo/../../annotations.json", "/%2e%2e/annotations.json", "/photo/%2e%2e%2f",
                     "//etc/passwd", "/etc/passwd", "/photo/-1", "/photo/5", "/photo/0x0", "/photo/0/", "/photo/ 0", "/photo/",
                     "/photo/99999999999999999999", "/data/objects/5", "/data/objects/", "/data/", "/data/../index.html",
                     "/index.html/", "/.", "/main.js%00", "/photo/3", "/photo/4", "/thumbnail/3", "/thumbnail/4"):
            status, answer = self.get(path)
            self.assertIn(status, (400, 404), path)
            self.assertNotIn(b"root:", answer)

    def test_hosts(self):
        for host in ("127.0.0.1", f"localhost:{self.port}", "[::1]", "LOCALHOST", "192.168.1.7:80"):
            self.assertEqual(self.get("/data/names", host)[0], 200, host)
        for host in ("evil.example", f"evil.example:{self.port}", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "", "a@127.0.0.1"):
            self.assertEqual(self.get("/data/names", host)[0], 403, host)

    def test_headers_that_browsers_heed(self):
        for path in ("/", "/main.js", "/data/header", "/photo/0", "/nothing"):
            head = self.get(path)[1].split(b"\r\n\r\n")[0].decode()
            self.assertIn("Content-Security-Policy: default-src 'none'; script-src 'self'", head)
            for line in ("X-Content-Type-Options: nosniff", "Cross-Origin-Resource-Policy: same-origin"):
                self.assertIn(line, head)
            self.assertNotIn("Access-Control", head)

    def test_malformed_requests(self):
        start = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        for request, status in ((b"\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\0.evil.example\r\n\r\n", 400), (b"GET / HTTP/9\r\nHost: a\r\n\r\n", 400),
                                (b"GET /  HTTP/1.1 x\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
                                (b"GET / HTTP/1.1\r\n\r\n", 400), (start + b"Host: b\r\n\r\n", 400), (start + b"nonsense\r\n\r\n", 400),
                                (start + b"Content-Length: 5\r\n\r\nabcde", 400), (start + b"Transfer-Encoding: chunked\r\n\r\n", 400),
                                (b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405), (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
                                (start + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431), (b"G" * 20000, 431), (start + b"X: y\r\n" * 4000, 431)):
            answer = self.raw(request)
            self.assertEqual(answer.split()[1], str(status).encode(), request[:60])
        self.assertEqual(self.raw(b"\x00\xff\xfe"), b"")
        self.works()

    def test_head_and_pipelined_requests(self):
        both = self.raw(b"HEAD /data/names HTTP/1.1\r\nHost: localhost\r\n\r\nGET /data/names HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertEqual(both.count(b"HTTP/1.1 200"), 2)
        self.assertEqual(both.count(b"sound.png"), 1)

    def test_a_thousand_idle_connections_and_slow_ones(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        idle = [self.connect() for _ in range(1000)]
        for s in idle[::2]:
            s.sendall(b"GET / HT")
        start = time.monotonic()
        self.works()
        self.assertLess(time.monotonic() - start, 5)
        idle += [self.connect() for _ in range(200)]  # beyond the limit: turned away, not waited for
        for s in idle:
            s.close()
        time.sleep(.2)
        self.works()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_clients_that_do_not_read_hold_up_nobody_and_take_no_memory(self):
        """A hundred ask for 40 MB each and leave it unread; others are answered, and the server stays as small as it was."""
        large = self.images / "sound.png"
        sound = large.read_bytes()
        status = pathlib.Path(f"/proc/{self.pages.process.pid}/status")
        resident = lambda: int(status.read_text().split("VmRSS:")[1].split()[0])
        before = resident()
        try:
            large.write_bytes(sound[:8] + bytes(40 << 20))
            deaf = [self.connect() for _ in range(100)]
            for s in deaf:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.sendall(b"GET /photo/0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for s in deaf:
                self.assertTrue(s.recv(15).startswith(b"HTTP/1.1 200"))
            start = time.monotonic()
            self.works()
            self.assertLess(time.monotonic() - start, 5)
            self.assertLess(resident() - before, 100 << 10)  # kB: a thread's stack and a piece of the file each
            for s in deaf:
                s.close()
        finally:
            large.write_bytes(sound)
        self.works()

    def test_files_that_change_while_served(self):
        photo = self.images / "sound.png"
        sound = photo.read_bytes()
        before = self.get("/thumbnail/0")
        self.assertEqual(before[0], 200)
        try:
            photo.write_bytes(sound[:50])
            self.assertEqual(self.get("/thumbnail/0")[0], 404)
            photo.unlink()
            status, answer = self.get("/photo/0")
            self.assertEqual(status, 404)
            self.assertIn(b"No such file", answer)
        finally:
            photo.write_bytes(sound)
        self.assertEqual(self.get("/thumbnail/0"), before)
        text = self.annotations.read_text()
        self.annotations.unlink()  # read once: what is shown is what was read
        self.assertEqual(json.loads(self.get("/data/header")[1].split(b"\r\n\r\n")[1])["photos"], 5)
        self.annotations.write_text(text)

    def test_a_photo_that_does_not_fit_into_memory(self):
        with Folder() as folder:
            annotations, images = hostile_set(folder)
            with open(images / "sound.png", "r+b") as photo:
                photo.truncate(1 << 30)  # the most that a photo may have
            with Pages(annotations, images, memory=1000 << 20) as pages:
                row = pages.data("names").index("sound.png")
                while pages.data("findings")["done"] < 2:  # the checks that read photos
                    time.sleep(.1)
                self.assertIn("does not fit into memory", [text for _, _, text in pages.data(f"findings/photo/{row}")])

    def test_a_run_folder_with_pipes_in_it(self):
        with Folder() as folder:
            os.mkfifo(folder / "log.jsonl")
            os.mkfifo(folder / "config.json")
            with Pages(self.annotations, self.images, "--run", folder) as pages:
                for path in ("state", "log/0"):
                    self.assertEqual(urllib.request.urlopen(f"{pages.url}data/run/{path}", timeout=20).status, 200)

    def test_another_host_is_told(self):
        for host, warned in (("127.0.0.1", False), ("0.0.0.0", True)):
            process = subprocess.Popen([BIN / "view", "--annotations", self.annotations, "--images", self.images, "--port", "0", "--host", host],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertTrue(process.stdout.readline().startswith(f"http://{host}:"))
            process.terminate()
            said = process.communicate(timeout=10)[1]
            self.assertEqual(said, f"warning: --host {host}: whoever reaches this machine there sees the photos\n" if warned else "")

    def test_arguments_that_cannot_be_used(self):
        results = self.folder.path / "results.json"
        results.write_text('[{"image_id": 77, "category_id": 1, "score": 0.5, "bbox": [1, 1, 2, 2]}]')
        good = ["--annotations", self.annotations, "--images", self.images]
        for arguments, said in ((good, "--port, to serve, or --export"), (good + ["--port", "0", "--export", "x"], "one of them"),
                                (good + ["--port", "0", "--limit", "3"], "--limit is for --export"), (good + ["--port", str(self.port)], "cannot listen there"),
                                (good + ["--port", "70000"], "--port"), (good[:2] + ["--images", "/no/such", "--port", "0"], "no such folder"),
                                (["--annotations", "/no/such.json"] + good[2:] + ["--port", "0"], "/no/such.json"),
                                (good + ["--port", "0", "--results", results], "77"), (good + ["--port", "0", "--run", "/no/run"], "no such folder of a training run")):
            ran = subprocess.run([BIN / "view", *arguments], capture_output=True, text=True, timeout=60)
            self.assertEqual(ran.returncode, 2, arguments)
            self.assertTrue(ran.stderr.startswith("error: ") and ran.stderr.count("\n") == 1, ran.stderr)
            self.assertIn(said, ran.stderr)


if __name__ == "__main__":
    unittest.main()
