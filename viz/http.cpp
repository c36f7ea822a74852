#include "viz/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>

#include "tensor/check.h"

namespace sil {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxRequest = 16 << 10, kMaxConnections = 1024;
constexpr seconds kArrival{10}, kIdle{30}, kDelivery{60};

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

// Waits until the socket can be read or written; false if the time is over first.
bool ready(int socket, short what, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd one{socket, what, 0};
    const int n = poll(&one, 1, int(left));
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

bool send_all(int socket, std::string_view bytes, Clock::time_point until) {
  while (!bytes.empty()) {
    if (!ready(socket, POLLOUT, until)) return false;
    const ssize_t n = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(size_t(n));
  }
  return true;
}

// The first `size` bytes of a file; false if it is cut short meanwhile, too.
bool send_file(int socket, std::ifstream& file, uint64_t size, Clock::time_point until) {
  std::string piece;
  while (size > 0) {
    piece.resize(size_t(std::min<uint64_t>(size, 64 << 10)));
    if (!file.read(piece.data(), std::streamsize(piece.size())) || !send_all(socket, piece, until)) return false;
    size -= piece.size();
  }
  return true;
}

// A socket that is closed with bytes unread is reset, and its client may lose the answer: reads on for a moment.
void let_go(int socket) {
  shutdown(socket, SHUT_WR);
  const auto until = Clock::now() + milliseconds(500);
  char bytes[4096];
  for (int i = 0; i < 64 && ready(socket, POLLIN, until); ++i)
    if (recv(socket, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) return;
}

}  // namespace

Response answer(int status, std::string type, std::string body) {
  return {status, std::move(type), std::make_shared<const std::string>(std::move(body)), {}};
}
Response say(int status, std::string text) { return answer(status, "text/plain; charset=utf-8", std::move(text)); }

HttpServer::HttpServer(const std::string& host, int port, std::string headers, Handler handler)
    : headers_(std::move(headers)), handler_(std::move(handler)) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  check(error == 0, "--host {}: {}", host, gai_strerror(error));
  listener_ = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound = bind(listener_, found->ai_addr, found->ai_addrlen) == 0 && listen(listener_, 1024) == 0;
  const int cause = errno;
  freeaddrinfo(found);
  if (!bound) close(listener_);
  check(bound, "{}:{}: cannot listen there: {}", host, port, std::strerror(cause));
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                              : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  check(pipe2(wake_, O_CLOEXEC) == 0, "pipe: {}", std::strerror(errno));
}

HttpServer::~HttpServer() {
  close(listener_);
  {
    std::unique_lock lock(mutex_);
    for (const int c : connections_) shutdown(c, SHUT_RDWR);
    closed_.wait(lock, [&] { return connections_.empty(); });
  }
  close(wake_[0]);
  close(wake_[1]);
}

void HttpServer::stop() {
  const char byte = 0;
  [[maybe_unused]] const ssize_t n = write(wake_[1], &byte, 1);
}

void HttpServer::run() {
  for (;;) {
    pollfd waited[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (poll(waited, 2, -1) < 0 && errno != EINTR) fail("poll: {}", std::strerror(errno));
    if (waited[1].revents) return;
    if (waited[0].revents & POLLIN) accept_one();
  }
}

void HttpServer::accept_one() {
  const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) {
    if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(milliseconds(50));  // until one is closed
    return;
  }
  const int yes = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const std::lock_guard lock(mutex_);
  try {
    check(connections_.size() < kMaxConnections, "too many connections");
    connections_.insert(connection);
    std::thread([this, connection] {
      serve(connection);
      std::unique_lock done(mutex_);
      close(connection);
      connections_.erase(connection);
      std::notify_all_at_thread_exit(closed_, std::move(done));  // this object may be gone then
    }).detach();
  } catch (const std::exception&) {
    connections_.erase(connection);
    send_all(connection, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
             Clock::now() + milliseconds(10));
    close(connection);
  }
}

// False if the connection ends with that.
bool HttpServer::reply(int connection, const Response& r, bool head, bool close) {
  std::ifstream file;
  uint64_t size = r.body ? r.body->size() : 0;
  if (!r.file.empty()) {
    std::error_code error;
    size = std::filesystem::file_size(r.file, error);
    file.open(r.file, std::ios::binary);
    if (error || !file) return reply(connection, say(404, "it is gone"), head, close);
  }
  const std::string start =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}\r\n", r.status, reason(r.status),
                  r.type, size, headers_, close ? "Connection: close\r\n" : "");
  const auto until = Clock::now() + kDelivery;
  if (!send_all(connection, start, until)) return false;
  if (head || size == 0) return !close;
  const bool sent = r.body ? send_all(connection, *r.body, until) : send_file(connection, file, size, until);
  return sent && !close;
}

void HttpServer::serve(int connection) {
  const auto refuse = [&](int status) {
    reply(connection, say(status, reason(status)), false, true);
    let_go(connection);
  };

  std::string buffer;
  for (;;) {
    auto until = Clock::now() + (buffer.empty() ? kIdle : kArrival);
    size_t end;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (buffer.size() >= kMaxRequest) return refuse(431);
      if (!ready(connection, POLLIN, until)) return buffer.empty() ? void() : refuse(408);
      char bytes[4096];
      const ssize_t n = recv(connection, bytes, sizeof bytes, MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n <= 0) return;
      if (buffer.empty()) until = Clock::now() + kArrival;
      buffer.append(bytes, size_t(n));
    }
    Request request;
    if (const auto status = parse_request(std::string_view(buffer).substr(0, end), request)) return refuse(*status);
    buffer.erase(0, end + 4);
    Response response;
    try {
      response = handler_(request);
    } catch (const std::exception& e) {
      response = say(500, e.what());
    }
    if (!reply(connection, response, request.head, request.close)) return;
  }
}

}  // namespace sil
