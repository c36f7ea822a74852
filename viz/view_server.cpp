#include "viz/view_server.h"

#include "tensor/check.h"
#include "viz/numbered.h"
#include "viz/page_files.h"

namespace sil {
namespace {

constexpr size_t kCacheBytes = 64 << 20;

Response json(std::string text) { return answer(200, "application/json", std::move(text)); }
Response missing() { return say(404, "not found"); }

}  // namespace

std::string security_headers() {
  return "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src "
         "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
         "X-Content-Type-Options: nosniff\r\n"
         "Cross-Origin-Resource-Policy: same-origin\r\n"
         "Cross-Origin-Opener-Policy: same-origin\r\n"
         "Referrer-Policy: no-referrer\r\n"
         "Cache-Control: no-store\r\n";
}

ViewServer::ViewServer(const Gallery& gallery, const Findings& findings, const FilesRead& files,
                       std::span<Evaluated> results, const RunFolder* run, std::string host)
    : gallery_(&gallery),
      findings_(&findings),
      files_(&files),
      results_(results),
      run_(run),
      host_(std::move(host)),
      names_(json(gallery.names())),
      columns_(answer(200, "application/octet-stream", gallery.columns())) {}

Response ViewServer::respond(const Request& request) {
  if (!trusted_host(request.host, host_)) return say(403, "this server answers to its address and to localhost alone");
  try {
    return route(request.path);
  } catch (const Error& e) {  // a photo that is missing, unreadable, outside its folder
    return say(404, gallery_->without_folders(e.what()));
  } catch (const std::exception& e) {
    return say(500, gallery_->without_folders(e.what()));
  }
}

Response ViewServer::route(const std::string& path) {
  constexpr std::string_view data_prefix = "/data/";
  if (path.starts_with(data_prefix)) return data(path.substr(data_prefix.size()));
  if (const auto row = number_behind(path, "/thumbnail/", gallery_->size())) return thumbnail(*row);
  if (const auto row = number_behind(path, "/photo/", gallery_->size())) {
    const Decoding permit(*this);
    Gallery::Picture photo = gallery_->photo(*row);
    return photo.file.empty() ? answer(200, std::move(photo.type), std::move(photo.bytes))
                              : Response{200, std::move(photo.type), nullptr, std::move(photo.file)};
  }
  const PageFile* file = page_file(path == "/" ? "index.html" : std::string_view(path).substr(1));
  return file ? answer(200, std::string(file->type), std::string(file->bytes)) : missing();
}

Response ViewServer::data(const std::string& name) {
  if (name == "header") return json(gallery_->header(results_.size(), run_ != nullptr));
  if (name == "names") return names_;
  if (name == "columns") return columns_;
  if (name == "changes") return json(files_->changes());
  if (const auto text = findings_->get(name)) return json(std::move(*text));
  if (constexpr std::string_view prefix = "run/"; run_ && name.starts_with(prefix))
    if (const auto text = run_->get(name.substr(prefix.size()))) return json(std::move(*text));
  for (size_t i = 0; i < results_.size(); ++i)
    if (const std::string prefix = fmt::format("results/{}/", i); name.starts_with(prefix))
      if (const auto item = results_[i].get(name.substr(prefix.size())))
        return {200, item->binary ? "application/octet-stream" : "application/json", item->bytes, {}};
  if (const auto row = number_behind(name, "objects/", gallery_->size())) return json(gallery_->objects(*row));
  if (const auto row = number_behind(name, "outlines/", gallery_->size())) return json(gallery_->outlines(*row));
  return missing();
}

Response ViewServer::thumbnail(size_t row) {
  const std::optional<FileStamp> stamp = stamp_of(gallery_->photo_file(row));
  {
    const std::lock_guard lock(mutex_);
    const auto at = cached_.find(row);
    if (at != cached_.end() && at->second->stamp == stamp) {
      cache_.splice(cache_.begin(), cache_, at->second);
      return {200, "image/jpeg", cache_.front().bytes, {}};
    }
  }
  const auto made = [&] {
    const Decoding permit(*this);
    return std::make_shared<const std::string>(gallery_->thumbnail(row));
  }();
  const std::lock_guard lock(mutex_);
  if (const auto at = cached_.find(row); at != cached_.end()) {
    cached_bytes_ -= at->second->bytes->size();
    cache_.erase(at->second);
  }
  cache_.push_front({row, stamp, made});
  cached_[row] = cache_.begin();
  cached_bytes_ += made->size();
  while (cached_bytes_ > kCacheBytes && cache_.size() > 1) {
    cached_bytes_ -= cache_.back().bytes->size();
    cached_.erase(cache_.back().row);
    cache_.pop_back();
  }
  return {200, "image/jpeg", made, {}};
}

}  // namespace sil
