// The pages of a data set over HTTP.  Paths name a row of the data set or a file of viz/pages/, never a file on disk:
//
//   /                      the page          /<name>.js, /<name>.css   its parts
//   /data/<name>           what Gallery, Findings and FilesRead list
//   /data/results/<i>/<name>   what Evaluated lists
//   /data/run/<name>           what RunFolder lists
//   /photo/<row>  /thumbnail/<row>
#pragma once
#include <algorithm>
#include <list>
#include <mutex>
#include <semaphore>
#include <span>
#include <thread>
#include <unordered_map>

#include "viz/evaluated.h"
#include "viz/files_read.h"
#include "viz/findings.h"
#include "viz/gallery.h"
#include "viz/http.h"
#include "viz/run_folder.h"

namespace sil {

// Goes with every response: nothing is loaded from elsewhere, no other site reads or frames it.
std::string security_headers();

class ViewServer {
 public:
  // All must outlive this; `run` may be null.  `host`: what --host says, for trusted_host.
  ViewServer(const Gallery&, const Findings&, const FilesRead&, std::span<Evaluated> results, const RunFolder* run,
             std::string host);

  Response respond(const Request&);

 private:
  // JPEG of a row as the file was at `stamp`; the least recently used go beyond 64 MB.
  struct Cached {
    size_t row;
    std::optional<FileStamp> stamp;
    std::shared_ptr<const std::string> bytes;
  };
  // As many photos are decoded at once as there are processors, however many are asked for.
  struct Decoding {
    explicit Decoding(ViewServer& s) : permits(s.permits_) { permits.acquire(); }
    ~Decoding() { permits.release(); }
    std::counting_semaphore<>& permits;
  };
  Response route(const std::string& path);
  Response data(const std::string& name);
  Response thumbnail(size_t row);

  const Gallery* gallery_;
  const Findings* findings_;
  const FilesRead* files_;
  std::span<Evaluated> results_;
  const RunFolder* run_;
  std::string host_;
  Response names_, columns_;
  std::counting_semaphore<> permits_{std::max(1, int(std::thread::hardware_concurrency()))};
  std::mutex mutex_;
  std::list<Cached> cache_;  // the last used first
  std::unordered_map<size_t, std::list<Cached>::iterator> cached_;
  size_t cached_bytes_ = 0;
};

}  // namespace sil
