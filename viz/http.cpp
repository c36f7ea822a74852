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
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
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

// A socket that is closed with bytes unread is reset, and its client may lose the answer: reads on for a moment.
void let_go(int socket) {
  shutdown(socket, SHUT_WR);
  const auto until = Clock::now() + milliseconds(500);
  char bytes[4096];
  for (int i = 0; i < 64 && ready(socket, POLLIN, until); ++i)
    if (recv(socket, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) return;
}

struct Message {
  Request request;
  bool head = false, close = false;
};

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

bool equal_names(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return std::tolower(uint8_t(x)) == std::tolower(uint8_t(y)); });
}

// A request line and headers, without the empty line behind.  A status if they are not what we serve.
std::optional<int> parse(std::string_view text, Message& out) {
  const auto line = [&] {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    return trimmed(whole);
  };
  const std::string_view first = line();
  const size_t a = first.find(' '), b = first.rfind(' ');
  if (a == std::string_view::npos || a == b || !first.substr(b).starts_with(" HTTP/1.")) return 400;
  const std::string_view method = first.substr(0, a), target = first.substr(a + 1, b - a - 1);
  if (target.empty() || target[0] != '/' || target.find(' ') != std::string_view::npos) return 400;
  out.request.path = target.substr(0, target.find('?'));
  out.close = first.ends_with("1.0");
  int hosts = 0;
  while (!text.empty()) {
    const std::string_view header = line();
    const size_t colon = header.find(':');
    if (colon == std::string_view::npos || colon == 0) return 400;
    const std::string_view name = header.substr(0, colon), value = trimmed(header.substr(colon + 1));
    if (equal_names(name, "host")) ++hosts, out.request.host = value;
    if (equal_names(name, "connection") && equal_names(value, "close")) out.close = true;
    // A body is never expected, and one that is not read would be taken for the next request.
    if (equal_names(name, "transfer-encoding") || (equal_names(name, "content-length") && value != "0")) return 400;
  }
  if (hosts != 1) return 400;
  if (method != "GET" && method != "HEAD") return 405;
  out.head = method == "HEAD";
  return {};
}

}  // namespace

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

void HttpServer::serve(int connection) {
  const auto reply = [&](const Response& r, bool head, bool close) {
    const std::string start =
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}\r\n", r.status, reason(r.status),
                    r.type, r.body.size(), headers_, close ? "Connection: close\r\n" : "");
    const auto until = Clock::now() + kDelivery;
    return send_all(connection, start, until) && (head || send_all(connection, r.body, until)) && !close;
  };
  const auto refuse = [&](int status) {
    reply({status, "text/plain; charset=utf-8", reason(status)}, false, true);
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
    Message message;
    if (const auto status = parse(std::string_view(buffer).substr(0, end), message)) return refuse(*status);
    buffer.erase(0, end + 4);
    Response response;
    try {
      response = handler_(message.request);
    } catch (const std::exception& e) {
      response = {500, "text/plain; charset=utf-8", e.what()};
    }
    if (!reply(response, message.head, message.close)) return;
  }
}

bool trusted_host(const std::string& header, const std::string& given) {
  std::string name = header;
  if (name.starts_with("[")) {  // [::1]:8080
    const size_t end = name.find(']');
    if (end == std::string::npos) return false;
    name = name.substr(1, end - 1);
  } else {
    name = name.substr(0, name.find(':'));
  }
  unsigned char address[sizeof(in6_addr)];
  return equal_names(name, "localhost") || equal_names(name, given) || inet_pton(AF_INET, name.c_str(), address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address) == 1;
}

}  // namespace sil
