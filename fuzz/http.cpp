// A request to the pages' server.
#include "fuzz/fuzz.h"
#include "viz/http_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  sil::Request request;
  const auto status = sil::parse_request(text, request);
  sil::trusted_host(request.host, "localhost");
  if (status && *status != 400 && *status != 405) fuzz::finding();
  if (!status && (!request.path.starts_with('/') || request.path.find_first_of(" ?\n") != std::string::npos))
    fuzz::finding();
  return 0;
}
