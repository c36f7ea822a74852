// Python's pickles as data.  A pickle is a program for a stack machine; this reader runs what builds values and turns
// what would call something into a record of the call.  Nothing is looked up, imported or executed.  The opcodes are
// those of protocol 2, as far as torch.save writes them (Python's pickletools.py describes each).
#pragma once
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sil {

struct PickleValue {
  enum class Kind {
    none,
    boolean,     // integer is 0 or 1
    integer,     // integer
    real,        // real
    text,        // text
    tuple,       // items
    list,        // items
    dict,        // items: key, value, key, value, ...
    global,      // text: "module name"
    call,        // of the global in text; arguments, and what was set on the result, as a dict's, in items
    persistent,  // what the program outside is to find: arguments
  };
  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  const PickleValue* arguments = nullptr;
  std::vector<const PickleValue*> items;
};

const char* name(PickleValue::Kind);

// Owns its values, which may refer to each other in circles: follow them with care.
struct Pickle {
  const PickleValue* value = nullptr;
  size_t end = 0;  // of the pickle, in the text
  std::deque<PickleValue> values;
};

// Reads the pickle at `begin`.  Throws an Error that names `source`, the opcode and its offset in `text` for any opcode
// that a state dict has no need of, any global that is not among `globals`, and whatever is cut short or inconsistent.
// What it needs is in proportion to the pickle.
Pickle read_pickle(std::string_view text, size_t begin, const std::set<std::string>& globals,
                   const std::string& source);

}  // namespace sil
