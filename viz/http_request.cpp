#include "viz/http_request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace sil {
namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

bool equal_names(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return std::tolower(uint8_t(x)) == std::tolower(uint8_t(y)); });
}

}  // namespace

std::optional<int> parse_request(std::string_view text, Request& out) {
  if (text.find('\0') != std::string_view::npos) return 400;  // what reads C strings would see less than we do
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
  out.path = target.substr(0, target.find('?'));
  out.close = first.ends_with("1.0");
  int hosts = 0;
  while (!text.empty()) {
    const std::string_view header = line();
    const size_t colon = header.find(':');
    if (colon == std::string_view::npos || colon == 0) return 400;
    const std::string_view name = header.substr(0, colon), value = trimmed(header.substr(colon + 1));
    if (equal_names(name, "host")) ++hosts, out.host = value;
    if (equal_names(name, "connection") && equal_names(value, "close")) out.close = true;
    // A body is never expected, and one that is not read would be taken for the next request.
    if (equal_names(name, "transfer-encoding") || (equal_names(name, "content-length") && value != "0")) return 400;
  }
  if (hosts != 1) return 400;
  if (method != "GET" && method != "HEAD") return 405;
  out.head = method == "HEAD";
  return {};
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
