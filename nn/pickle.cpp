#include "nn/pickle.h"

#include <bit>
#include <cstring>
#include <unordered_map>

#include "tensor/check.h"

namespace sil {
namespace {

using Kind = PickleValue::Kind;

constexpr int64_t kMaxOpcodes = 1'000'000;  // a detector's state dict has some 30,000

class Machine {
 public:
  Machine(std::string_view text, size_t begin, const std::set<std::string>& globals, const std::string& source)
      : text_(text), at_(begin), globals_(globals), source_(source) {}

  Pickle run() {
    for (int64_t i = 0; i < kMaxOpcodes; ++i) {
      opcode_at_ = at_;
      const uint8_t opcode = byte();
      if (opcode == '.') {
        out_.value = pop();
        out_.end = at_;
        return std::move(out_);
      }
      if (!literal(opcode) && !container(opcode) && !memory(opcode) && !recorded(opcode))
        fail("{}: opcode {} at byte {} is nothing that a state dict needs; it was not executed", source_, shown(opcode),
             opcode_at_);
    }
    fail("{}: a pickle of more than {} opcodes; a state dict expected", source_, kMaxOpcodes);
  }

 private:
  // Values that stand in the text.
  bool literal(uint8_t opcode) {
    switch (opcode) {
      case 0x80:
        return protocol();
      case 'N':
        return push(Kind::none);
      case 0x88:
        return push_integer(Kind::boolean, 1);
      case 0x89:
        return push_integer(Kind::boolean, 0);
      case 'K':
        return push_integer(Kind::integer, byte());
      case 'M':
        return push_integer(Kind::integer, number<uint16_t>());
      case 'J':
        return push_integer(Kind::integer, number<int32_t>());
      case 0x8a:
        return long_integer();
      case 'G':
        return real();
      case 'X':
        return push_text(Kind::text, take(number<uint32_t>()));
      case 'U':
        return push_text(Kind::text, take(byte()));
      default:
        return false;
    }
  }

  bool container(uint8_t opcode) {
    switch (opcode) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
        return push(Kind::tuple);
      case ']':
        return push(Kind::list);
      case '}':
        return push(Kind::dict);
      case 't':
        return tuple(marked());
      case 0x85:
        return tuple(popped(1));
      case 0x86:
        return tuple(popped(2));
      case 0x87:
        return tuple(popped(3));
      case 'a':
        return append(popped(1));
      case 'e':
        return append(marked());
      case 's':
        return set_items(popped(2));
      case 'u':
        return set_items(marked());
      default:
        return false;
    }
  }

  bool memory(uint8_t opcode) {
    switch (opcode) {
      case 'q':
        return remember(byte());
      case 'r':
        return remember(number<uint32_t>());
      case 'h':
        return recall(byte());
      case 'j':
        return recall(number<uint32_t>());
      default:
        return false;
    }
  }

  // What Python would act on.
  bool recorded(uint8_t opcode) {
    switch (opcode) {
      case 'c':
        return global();
      case 'R':
        return call();
      case 'Q':
        return persistent();
      case 'b':
        return build();
      default:
        return false;
    }
  }

  bool protocol() {
    const uint8_t version = byte();
    check(version == 2, "{}: a pickle of protocol {} at byte {}; 2 expected, as torch.save writes it", source_, version,
          opcode_at_);
    return true;
  }

  bool long_integer() {
    const std::string_view digits = take(byte());
    check(digits.size() <= 16, "{}: an integer of {} bytes at byte {}; at most 16 expected", source_, digits.size(),
          opcode_at_);
    PickleValue& v = make(Kind::integer);
    v.text = digits;  // little-endian, two's complement: torch's magic number has ten bytes
    if (digits.size() > 8) return true;
    for (size_t i = 0; i < digits.size(); ++i) v.integer |= int64_t(uint64_t(uint8_t(digits[i])) << (8 * i));
    if (!digits.empty() && digits.size() < 8 && (digits.back() & 0x80))
      v.integer |= int64_t(~uint64_t(0) << (8 * digits.size()));
    return true;
  }

  bool real() {
    uint64_t bits = 0;  // big-endian
    for (char c : take(8)) bits = bits << 8 | uint8_t(c);
    make(Kind::real).real = std::bit_cast<double>(bits);
    return true;
  }

  bool tuple(std::vector<const PickleValue*> items) {
    make(Kind::tuple).items = std::move(items);
    return true;
  }

  bool append(std::vector<const PickleValue*> items) {
    PickleValue& list = top(Kind::list, Kind::list);
    list.items.insert(list.items.end(), items.begin(), items.end());
    return true;
  }

  bool set_items(std::vector<const PickleValue*> items) {
    check(items.size() % 2 == 0, "{}: opcode {} at byte {} sets a key without a value", source_, text_[opcode_at_],
          opcode_at_);
    PickleValue& dict = top(Kind::dict, Kind::call);
    dict.items.insert(dict.items.end(), items.begin(), items.end());
    return true;
  }

  bool remember(uint32_t index) {
    memo_[index] = peek();
    return true;
  }

  bool recall(uint32_t index) {
    const auto found = memo_.find(index);
    check(found != memo_.end(), "{}: memo {} at byte {} was never stored", source_, index, opcode_at_);
    stack_.push_back(found->second);
    return true;
  }

  bool global() {
    const std::string module(line()), attribute(line());
    const std::string both = module + " " + attribute;
    check(globals_.contains(both),
          "{}: global {}.{} at byte {} is nothing that a state dict needs; it was not executed", source_, module,
          attribute, opcode_at_);
    return push_text(Kind::global, both);
  }

  bool call() {
    const PickleValue *arguments = pop(), *callee = pop();
    check(callee->kind == Kind::global && arguments->kind == Kind::tuple,
          "{}: opcode R at byte {} calls {} with {}; a global and a tuple expected", source_, opcode_at_,
          name(callee->kind), name(arguments->kind));
    PickleValue& v = make(Kind::call);
    v.text = callee->text, v.arguments = arguments;
    return true;
  }

  bool persistent() {
    const PickleValue* id = pop();
    make(Kind::persistent).arguments = id;
    return true;
  }

  // An object's attributes: `_metadata` of a state dict, which says nothing that its names do not.
  bool build() {
    pop();
    check(peek()->kind == Kind::call, "{}: opcode b at byte {} sets attributes of {}; a call's result expected",
          source_, opcode_at_, name(peek()->kind));
    return true;
  }

  uint8_t byte() { return uint8_t(take(1)[0]); }

  template <class T>
  T number() {
    T n;
    std::memcpy(&n, take(sizeof n).data(), sizeof n);
    return n;
  }

  std::string_view take(size_t bytes) {
    check(bytes <= text_.size() - at_, "{}: cut short: {} more bytes expected at byte {}, {} are there", source_, bytes,
          at_, text_.size() - at_);
    at_ += bytes;
    return text_.substr(at_ - bytes, bytes);
  }

  std::string_view line() {
    const size_t end = text_.substr(at_, 256).find('\n');
    check(end != std::string_view::npos, "{}: a global's name at byte {} does not end", source_, at_);
    return take(end + 1).substr(0, end);
  }

  PickleValue& make(Kind kind) {
    out_.values.emplace_back().kind = kind;
    stack_.push_back(&out_.values.back());
    return out_.values.back();
  }

  bool push(Kind kind) { return make(kind), true; }
  bool push_integer(Kind kind, int64_t value) { return make(kind).integer = value, true; }
  bool push_text(Kind kind, std::string_view text) { return make(kind).text = text, true; }

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  PickleValue* peek() {
    check(stack_.size() > floor(), "{}: opcode {} at byte {} takes from an empty stack", source_,
          shown(uint8_t(text_[opcode_at_])), opcode_at_);
    return stack_.back();
  }

  PickleValue* pop() {
    PickleValue* v = peek();
    stack_.pop_back();
    return v;
  }

  PickleValue& top(Kind one, Kind other) {
    PickleValue* v = peek();
    check(v->kind == one || v->kind == other, "{}: opcode {} at byte {} adds to {}; {} expected", source_,
          text_[opcode_at_], opcode_at_, name(v->kind), name(one));
    return *v;
  }

  std::vector<const PickleValue*> popped(size_t count) {
    std::vector<const PickleValue*> values(count);
    for (size_t i = count; i-- > 0;) values[i] = pop();
    return values;
  }

  // What lies above the last mark.
  std::vector<const PickleValue*> marked() {
    check(!marks_.empty(), "{}: opcode {} at byte {} has no mark", source_, text_[opcode_at_], opcode_at_);
    const std::vector<const PickleValue*> values(stack_.begin() + std::ptrdiff_t(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return values;
  }

  static std::string shown(uint8_t opcode) {
    return opcode > ' ' && opcode < 0x7F ? std::string(1, char(opcode)) : fmt::format("0x{:02x}", opcode);
  }

  std::string_view text_;
  size_t at_, opcode_at_ = 0;
  const std::set<std::string>& globals_;
  const std::string& source_;
  Pickle out_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, PickleValue*> memo_;
};

}  // namespace

const char* name(PickleValue::Kind kind) {
  constexpr const char* kNames[] = {"None",   "a boolean", "an integer", "a real", "a text",         "a tuple",
                                    "a list", "a dict",    "a global",   "a call", "a persistent id"};
  return kNames[size_t(kind)];
}

Pickle read_pickle(std::string_view text, size_t begin, const std::set<std::string>& globals,
                   const std::string& source) {
  return Machine(text, begin, globals, source).run();
}

}  // namespace sil
