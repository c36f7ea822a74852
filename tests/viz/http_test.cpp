// What tests/pages/test_server.py cannot reach: the server's own life.
#include "viz/http.h"

#include <doctest/doctest.h>

#include <thread>

#include "tests/folder.h"

using namespace sil;

TEST_CASE("http: only an address, localhost and the given name are trusted as Host") {
  for (const char* good :
       {"127.0.0.1", "127.0.0.1:80", "[::1]:8000", "localhost", "LocalHost:1", "10.0.0.7", "box.lan:80"})
    CHECK_MESSAGE(trusted_host(good, "box.lan"), good);
  for (const char* bad : {"", "evil.example", "127.0.0.1.evil.example", "[::1", "[evil.example]", "127.1", "0x7f.1"})
    CHECK_FALSE_MESSAGE(trusted_host(bad, "box.lan"), bad);
}

TEST_CASE("http: stop() ends run(), and what cannot be listened on is an error that names it") {
  HttpServer server("127.0.0.1", 0, "", [](const Request&) { return Response{}; });
  std::thread running([&] { server.run(); });
  const std::string taken = test::error_of([&] { HttpServer("127.0.0.1", server.port(), "", {}); });
  CHECK(test::contains(taken, fmt::format("127.0.0.1:{}: cannot listen there", server.port())));
  CHECK(test::contains(test::error_of([] { HttpServer("no.such.host.invalid", 0, "", {}); }),
                       "--host no.such.host.invalid"));
  server.stop();
  running.join();
}
