// An HTTP/1.1 server for pages on one's own machine: GET and HEAD, nothing that a client can grow.  A request is at
// most 16 kB and must arrive within 10 seconds, an answer must be taken within 60, a connection has a thread, and there
// are at most 1,024.  What clients leave unread takes no memory beyond what their answers share.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "viz/http_request.h"

namespace sil {

struct Response {
  int status = 200;
  std::string type;
  std::shared_ptr<const std::string> body;  // what many ask for is there once
  std::filesystem::path file;               // instead of a body: sent piece by piece, however large
};
Response answer(int status, std::string type, std::string body);
Response say(int status, std::string text);  // plain text

class HttpServer {
 public:
  // Called on many threads.  What it throws becomes a 500.
  using Handler = std::function<Response(const Request&)>;

  // Listens on `host`, an address or localhost; port 0 is any that is free.  `headers` ("Name: value\r\n"...) go with
  // every response.  Throws an Error.
  HttpServer(const std::string& host, int port, std::string headers, Handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;

  int port() const { return port_; }
  void run();   // until stop()
  void stop();  // from a signal handler too

 private:
  void accept_one();
  void serve(int connection);
  bool reply(int connection, const Response&, bool head, bool close);

  std::string headers_;
  Handler handler_;
  int listener_ = -1, wake_[2] = {-1, -1}, port_ = 0;
  std::mutex mutex_;
  std::condition_variable closed_;
  std::set<int> connections_;
};

}  // namespace sil
