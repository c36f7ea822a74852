// What a browser asks for, taken apart.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sil {

struct Request {
  std::string path;    // as sent, without what follows a ?; starts with a /
  std::string host;    // the header, as sent
  bool head = false;   // HEAD: without the body
  bool close = false;  // the connection afterwards
};

// A request line and headers, without the empty line behind.  A status (400, 405) if they are not what we serve: GET
// and HEAD of a path, with one Host and no body.
std::optional<int> parse_request(std::string_view text, Request& out);

// Whether a Host header names this server by an address, as localhost or as `given`.  A page of another site that
// had its name resolved to 127.0.0.1 (DNS rebinding) sends its own name.
bool trusted_host(const std::string& header, const std::string& given);

}  // namespace sil
