#include "nn/pth.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>

#include "nn/pickle.h"
#include "nn/zip.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"

static_assert(std::endian::native == std::endian::little, "the format is little-endian, as far as it is read here");

namespace sil {
namespace {

using Kind = PickleValue::Kind;
using Items = std::vector<const PickleValue*>;

struct StorageType {
  const char* global;
  DType dtype;
};
constexpr StorageType kTypes[] = {{"torch FloatStorage", DType::f32}, {"torch BFloat16Storage", DType::bf16},
                                  {"torch HalfStorage", DType::f16},  {"torch DoubleStorage", DType::f64},
                                  {"torch LongStorage", DType::i64},  {"torch IntStorage", DType::i32},
                                  {"torch ByteStorage", DType::u8}};
constexpr const char* kOrderedDict = "collections OrderedDict";
constexpr const char* kTensor = "torch._utils _rebuild_tensor_v2";
constexpr const char* kParameter = "torch._utils _rebuild_parameter";
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
// Tensors may share a storage.  All together may be this many times the file, so that a small file stays small.
constexpr uint64_t kSharing = 8;

const std::set<std::string>& allowed_globals() {
  static const std::set<std::string> all = [] {
    std::set<std::string> s{kOrderedDict, kTensor, kParameter};
    for (const StorageType& t : kTypes) s.insert(t.global);
    return s;
  }();
  return all;
}

std::string read_whole(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::error_code error;
  check(!std::filesystem::is_directory(path, error), "{}: a folder; a .pth file expected", file);
  check(std::filesystem::is_regular_file(path, error), "{}: no such file", file);
  std::string bytes(std::filesystem::file_size(path, error), '\0');
  std::ifstream in(path, std::ios::binary);
  check(bool(in), "{}: cannot be opened", file);
  check(bool(in.read(bytes.data(), std::streamsize(bytes.size()))), "{}: cannot be read", file);
  return bytes;
}

// A storage as the pickle names it: ("storage", type, key, location, elements), in streams also a view, None.
struct StorageId {
  DType dtype;
  std::string key;
  uint64_t elements;
  uint64_t bytes() const { return elements * size_of(dtype); }
};

// Element (i, j, ...) of a tensor is element offset + i * stride[0] + j * stride[1] + ... of its storage.
struct TensorId {
  StorageId storage;
  uint64_t offset;
  Shape shape;
  std::vector<int64_t> strides;
};

// Reads the pickled dict: which tensor lies where.
class Index {
 public:
  Index(const std::string& source, uint64_t file_bytes) : source_(source), file_bytes_(file_bytes) {}

  std::map<std::string, TensorId> tensors(const PickleValue& dict) const {
    check(dict.kind == Kind::dict || (dict.kind == Kind::call && dict.text == kOrderedDict),
          "{}: the file holds {}; a state dict expected (names and tensors)", source_, name(dict.kind));
    check(dict.kind == Kind::dict || dict.arguments->items.empty(), "{}: an OrderedDict with arguments", source_);
    std::map<std::string, TensorId> out;
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      check(dict.items[i]->kind == Kind::text, "{}: a key of the state dict is {}; a name expected", source_,
            name(dict.items[i]->kind));
      const std::string& key = dict.items[i]->text;
      check(key.find('\0') == std::string::npos, "{}: a tensor's name has a NUL in it", source_);
      check(out.emplace(key, tensor(key, *dict.items[i + 1])).second, "{}: {}: is there twice", source_, key);
    }
    return out;
  }

 private:
  // Arguments of a recorded call.
  const Items& arguments(const std::string& key, const PickleValue& call, size_t least, size_t most) const {
    const Items& a = call.arguments->items;
    check(a.size() >= least && a.size() <= most, "{}: {}: {} with {} arguments; {} expected", source_, key, call.text,
          a.size(), least);
    return a;
  }

  TensorId tensor(const std::string& key, const PickleValue& v) const {
    const PickleValue* t = &v;
    if (v.kind == Kind::call && v.text == kParameter) t = arguments(key, v, 3, 3)[0];
    check(t->kind == Kind::call && t->text == kTensor, "{}: {}: is {}; a tensor expected", source_, key,
          t->kind == Kind::call ? t->text : name(t->kind));
    const Items& a = arguments(key, *t, 6, 7);  // storage, offset, sizes, strides, requires_grad, hooks, metadata
    TensorId id{storage(key, *a[0]), count(key, "offset", *a[1]), {}, counts(key, "stride", *a[3])};
    const std::vector<int64_t> sizes = counts(key, "size", *a[2]);
    check(sizes.size() <= size_t(Shape::kMaxRank), "{}: {}: {} axes; at most {} expected", source_, key, sizes.size(),
          int(Shape::kMaxRank));
    check(id.strides.size() == sizes.size(), "{}: {}: {} strides for {} sizes", source_, key, id.strides.size(),
          sizes.size());
    check_extent(key, id, sizes);
    id.shape = Shape{std::span<const int64_t>(sizes)};
    return id;
  }

  StorageId storage(const std::string& key, const PickleValue& v) const {
    const Items* a = v.kind == Kind::persistent && v.arguments->kind == Kind::tuple ? &v.arguments->items : nullptr;
    check(a && (a->size() == 5 || (a->size() == 6 && (*a)[5]->kind == Kind::none)) && (*a)[0]->kind == Kind::text &&
              (*a)[0]->text == "storage" && (*a)[1]->kind == Kind::global && (*a)[2]->kind == Kind::text,
          "{}: {}: its storage is not (\"storage\", type, key, location, elements)", source_, key);
    const auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const StorageType& t) { return (*a)[1]->text == t.global; });
    check(type != std::end(kTypes), "{}: {}: {} is no type of storage", source_, key, (*a)[1]->text);
    const StorageId id{type->dtype, (*a)[2]->text, count(key, "storage", *(*a)[4])};
    check(id.elements <= file_bytes_ / size_of(id.dtype), "{}: {}: a storage of {} elements in a file of {} bytes",
          source_, key, id.elements, file_bytes_);
    return id;
  }

  uint64_t count(const std::string& key, const char* what, const PickleValue& v) const {
    check(v.kind == Kind::integer && v.integer >= 0 && (v.text.size() <= 8), "{}: {}: its {} is no count", source_, key,
          what);
    return uint64_t(v.integer);
  }

  std::vector<int64_t> counts(const std::string& key, const char* what, const PickleValue& v) const {
    check(v.kind == Kind::tuple, "{}: {}: its {}s are {}; a tuple expected", source_, key, what, name(v.kind));
    std::vector<int64_t> out;
    for (const PickleValue* item : v.items) out.push_back(int64_t(count(key, what, *item)));
    return out;
  }

  // The last element lies inside the storage, and the tensor is not larger than the file allows.
  void check_extent(const std::string& key, const TensorId& id, const std::vector<int64_t>& sizes) const {
    uint64_t elements = 1, last = id.offset;
    const uint64_t most = kSharing * file_bytes_;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const uint64_t size = std::max<uint64_t>(uint64_t(sizes[i]), 1), stride = uint64_t(id.strides[i]);
      check(size <= most / elements, "{}: {}: more elements than a file of {} bytes can have", source_, key,
            file_bytes_);
      elements *= size;
      check(size == 1 || stride <= most / (size - 1), "{}: {}: stride {} leads out of its storage", source_, key,
            stride);
      last += (size - 1) * (size == 1 ? 0 : stride);
    }
    const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
    check(empty || last < id.storage.elements, "{}: {}: its last element is {} of a storage of {}", source_, key, last,
          id.storage.elements);
  }

  const std::string& source_;
  uint64_t file_bytes_;
};

// Elements of a strided tensor, in order.
template <class T, class Store>
void gather(const TensorId& id, const char* storage, Store store) {
  std::array<int64_t, Shape::kMaxRank> at{};
  const int rank = id.shape.rank();
  uint64_t from = id.offset;
  for (int64_t i = 0, n = id.shape.numel(); i < n; ++i) {
    T value;
    std::memcpy(&value, storage + from * sizeof(T), sizeof(T));
    store(i, value);
    for (int axis = rank - 1; axis >= 0; --axis) {
      from += uint64_t(id.strides[size_t(axis)]);
      if (++at[size_t(axis)] < id.shape[axis]) break;
      from -= uint64_t(id.strides[size_t(axis)]) * uint64_t(id.shape[axis]);
      at[size_t(axis)] = 0;
    }
  }
}

bool is_dense(const TensorId& id) {
  int64_t expected = 1;
  for (int axis = id.shape.rank() - 1; axis >= 0; --axis) {
    if (id.shape[axis] != 1 && id.strides[size_t(axis)] != expected) return false;
    expected *= id.shape[axis];
  }
  return true;
}

template <class T>
Tensor gathered(const TensorId& id, const char* storage) {
  Tensor t(id.shape, id.storage.dtype);
  T* out = static_cast<T*>(t.raw());
  gather<T>(id, storage, [&](int64_t i, T value) { out[i] = value; });
  return t;
}

Tensor tensor_of(const TensorId& id, std::string_view storage) {
  const size_t element = size_of(id.storage.dtype);
  if (id.storage.dtype == DType::f16) {
    Tensor t(id.shape, DType::f32);
    gather<uint16_t>(id, storage.data(),
                     [&](int64_t i, uint16_t h) { t.data<float>()[i] = float(std::bit_cast<float16>(h)); });
    return t;
  }
  if (is_dense(id)) {
    Tensor t(id.shape, id.storage.dtype);
    if (t.bytes()) std::memcpy(t.raw(), storage.data() + id.offset * element, t.bytes());
    return t;
  }
  return element == 8   ? gathered<uint64_t>(id, storage.data())
         : element == 4 ? gathered<uint32_t>(id, storage.data())
         : element == 2 ? gathered<uint16_t>(id, storage.data())
                        : gathered<uint8_t>(id, storage.data());
}

using Storages = std::map<std::string, std::string_view>;

StateDict tensors_of(const std::map<std::string, TensorId>& index, const Storages& storages, uint64_t file_bytes,
                     const std::string& source) {
  uint64_t total = 0;
  for (const auto& [key, id] : index) {
    const auto found = storages.find(id.storage.key);
    check(found != storages.end(), "{}: {}: its storage {} is not in the file", source, key, id.storage.key);
    check(found->second.size() == id.storage.bytes(), "{}: {}: its storage {} has {} bytes; {} expected", source, key,
          id.storage.key, found->second.size(), id.storage.bytes());
    total += uint64_t(id.shape.numel()) * std::max<size_t>(size_of(id.storage.dtype), 4);
    check(total <= kSharing * file_bytes,
          "{}: {}: the tensors up to it have {} bytes, the file {}; at most {} times as many expected", source, key,
          total, file_bytes, kSharing);
  }
  StateDict out;
  for (const auto& [key, id] : index) out[key] = tensor_of(id, storages.at(id.storage.key));
  return out;
}

StateDict read_zipped(std::string_view bytes, const std::string& source) {
  const ZipEntries entries = read_zip(bytes, source);
  const auto dict =
      std::find_if(entries.begin(), entries.end(), [](const auto& e) { return e.first.ends_with("/data.pkl"); });
  check(dict != entries.end(), "{}: a zip without data.pkl; a file of torch.save expected", source);
  const std::string folder = dict->first.substr(0, dict->first.size() - std::string_view("data.pkl").size());
  const auto order = entries.find(folder + "byteorder");
  check(order == entries.end() || order->second == "little", "{}: its byte order is not little", source);
  Storages storages;
  for (const auto& [name, content] : entries)
    if (name.starts_with(folder + "data/")) storages[name.substr(folder.size() + 5)] = content;
  const Pickle pickle = read_pickle(dict->second, 0, allowed_globals(), source + ": data.pkl");
  check(pickle.end == dict->second.size(), "{}: data.pkl goes on behind its end", source);
  return tensors_of(Index(source, bytes.size()).tensors(*pickle.value), storages, bytes.size(), source);
}

// What must stand in the third pickle.
void check_system(const PickleValue& v, const std::string& source) {
  check(v.kind == Kind::dict, "{}: its third pickle is {}; a dict expected", source, name(v.kind));
  for (size_t i = 0; i + 1 < v.items.size(); i += 2)
    if (v.items[i]->text == "little_endian")
      check(v.items[i + 1]->integer == 1, "{}: its byte order is not little", source);
}

// The storages behind the pickles, of `keys`, in order.
Storages read_storages(std::string_view bytes, size_t at, const PickleValue& keys,
                       const std::map<std::string, TensorId>& index, const std::string& source) {
  std::map<std::string, const StorageId*> known;
  for (const auto& [key, id] : index) {
    const StorageId*& first = known[id.storage.key];
    if (!first) first = &id.storage;
    check(first->dtype == id.storage.dtype && first->elements == id.storage.elements,
          "{}: {}: its storage {} is of two kinds", source, key, id.storage.key);
  }
  check(keys.kind == Kind::list, "{}: its fifth pickle is {}; the list of storages expected", source, name(keys.kind));
  Storages out;
  for (const PickleValue* key : keys.items) {
    const auto found = known.find(key->text);
    check(key->kind == Kind::text && found != known.end(), "{}: storage {} is no tensor's", source, key->text);
    uint64_t elements = 0;
    check(bytes.size() - at >= 8, "{}: cut short before storage {}", source, key->text);
    std::memcpy(&elements, bytes.data() + at, 8);
    at += 8;
    check(elements == found->second->elements, "{}: storage {} has {} elements; {} expected", source, key->text,
          elements, found->second->elements);
    check(found->second->bytes() <= bytes.size() - at, "{}: cut short: storage {} needs {} bytes, {} are there", source,
          key->text, found->second->bytes(), bytes.size() - at);
    check(out.emplace(key->text, bytes.substr(at, found->second->bytes())).second, "{}: storage {} is there twice",
          source, key->text);
    at += found->second->bytes();
  }
  check(at == bytes.size(), "{}: {} bytes behind the last storage", source, bytes.size() - at);
  return out;
}

StateDict read_stream(std::string_view bytes, const std::string& source) {
  size_t at = 0;
  const auto next = [&](const std::set<std::string>& globals) {
    Pickle pickle = read_pickle(bytes, at, globals, source);
    at = pickle.end;
    return pickle;
  };
  check(next({}).value->text == kMagic, "{}: does not begin with torch.save's magic number", source);
  const Pickle protocol = next({});
  check(protocol.value->kind == Kind::integer && protocol.value->integer == 1001,
        "{}: torch.save's protocol is not 1001", source);
  check_system(*next({}).value, source);
  const Pickle dict = next(allowed_globals());
  const std::map<std::string, TensorId> index = Index(source, bytes.size()).tensors(*dict.value);
  const Pickle keys = next({});
  return tensors_of(index, read_storages(bytes, at, *keys.value, index, source), bytes.size(), source);
}

}  // namespace

StateDict read_pth(const std::filesystem::path& path) {
  const std::string bytes = read_whole(path), source = path.string();
  if (bytes.starts_with("PK")) return read_zipped(bytes, source);
  check(bytes.starts_with("\x80"), "{}: neither a zip nor a pickle; a file of torch.save expected", source);
  return read_stream(bytes, source);
}

namespace {

// Writes the pickle of an OrderedDict of tensors, storage i being the i-th tensor's.
class Pickler {
 public:
  std::string dict(const StateDict& tensors) {
    out_ = "\x80\x02";
    global(kOrderedDict), out_ += ")R(";
    int64_t i = 0;
    for (const auto& [name, t] : tensors) text(name), tensor(t, i++);
    return out_ + "u.";
  }

 private:
  void tensor(const Tensor& t, int64_t key) {
    const auto type =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](const StorageType& s) { return s.dtype == t.dtype(); });
    global(kTensor), out_ += "((";
    text("storage"), global(type->global), text(std::to_string(key)), text("cpu"), integer(t.numel());
    out_ += "tQ", integer(0);
    std::vector<int64_t> strides(size_t(t.rank()), 1);
    for (int axis = t.rank() - 2; axis >= 0; --axis)
      strides[size_t(axis)] = strides[size_t(axis) + 1] * t.dim(axis + 1);
    tuple(t.shape().dims()), tuple(strides);
    out_ += "\x89", global(kOrderedDict), out_ += ")RtR";
  }

  void tuple(std::span<const int64_t> numbers) {
    out_ += '(';
    for (int64_t n : numbers) integer(n);
    out_ += 't';
  }

  void integer(int64_t n) {  // LONG1 of eight bytes
    out_ += "\x8a\x08";
    out_.append(reinterpret_cast<const char*>(&n), 8);
  }

  void text(const std::string& s) {
    const uint32_t size = uint32_t(s.size());
    out_ += 'X';
    out_.append(reinterpret_cast<const char*>(&size), 4) += s;
  }

  void global(std::string name) {
    name[name.find(' ')] = '\n';
    out_ += 'c' + name + '\n';
  }

  std::string out_;
};

}  // namespace

void write_pth(const std::filesystem::path& path, const StateDict& tensors) {
  const std::string folder = path.stem().string() + "/";
  write_atomically(path, [&](std::ostream& out) {
    ZipWriter zip(out);
    zip.entry(folder + "data.pkl", Pickler().dict(tensors));
    zip.entry(folder + "byteorder", "little");
    int64_t i = 0;
    for (const auto& [name, tensor] : tensors) {
      const Tensor t = tensor.to(Device::cpu());
      zip.entry(fmt::format("{}data/{}", folder, i++), {static_cast<const char*>(t.raw()), t.bytes()});
    }
    zip.entry(folder + "version", "3\n");
    zip.finish();
  });
}

}  // namespace sil
