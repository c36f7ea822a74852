// A JSON value as Python's json.loads sees it, and what Python and numpy make of it where pycocotools uses it.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "data/json_reader.h"

namespace sil {

struct PythonMember;

struct PythonValue {
  enum class Kind { null, boolean, integer, real, string, list, dict };
  Kind kind = Kind::null;
  double number = 0;  // of a boolean, an integer (infinity: it is too large for a float) or a real
  std::string text;   // a string's bytes, or an integer's digits
  std::vector<PythonValue> items;
  std::vector<PythonMember> members;  // each key once: the last

  bool is_list() const { return kind == Kind::list; }
  bool is_dict() const { return kind == Kind::dict; }
  const PythonValue* find(std::string_view key) const;  // null: not a dict, or no such key
};

struct PythonMember {
  std::string key;
  PythonValue value;
};

// The value that comes next in `text`, which the reader reads.  What is nested deeper than 100 is an empty dict:
// nothing that is looked at goes so deep.
PythonValue read_python_value(JsonReader&, std::string_view text);

// bool(x)
bool truth(const PythonValue&);
// float(x) as numpy.array(..., dtype=float64) takes an element: None is NaN, a string is parsed.
double to_float(const PythonValue&, std::string_view what);
// int(x), within [least, most].  Throw an Error that names `what` where Python raises.
int64_t to_int(const PythonValue&, std::string_view what, int64_t least, int64_t most);

// A list of ids as numpy makes an array of it.
class NumpyIds {
 public:
  explicit NumpyIds(const std::vector<PythonValue>&);
  explicit NumpyIds(const std::vector<int64_t>&);

  // As numpy compares: with a float on either side as floats, so that 2^53 + 1 is 2^53.
  bool contains(const PythonValue&) const;

 private:
  bool floats_ = false, objects_ = false;
  std::unordered_set<std::string> keys_;
  std::unordered_set<double> doubles_;
};

// Ids of any type, as int64: the value itself if all known ones are 64-bit integers, else their rank in Python's order.
// Equal for Python (1, 1.0 and true) is equal here.  Ids of other values get codes of their own.
class IdCodes {
 public:
  // Throws an Error where sorted() raises, as for strings beside numbers, or an id cannot be a key.  asked: numbers
  // that will be asked for, known or not.
  IdCodes(std::vector<PythonValue> known, std::span<const int64_t> asked, const std::string& what);

  int64_t operator()(const PythonValue&);
  int64_t operator()(int64_t);
  // The known ones as numpy.unique gives them back, as codes: in an array of floats an integer past 2^53 is another.
  const std::vector<int64_t>& unique() const { return unique_; }
  bool plain() const { return plain_; }  // the codes are the ids
  // JSON of the ids that are no 64-bit integers, by code; all of them unless plain().
  const std::map<int64_t, std::string>& texts() const { return texts_; }

 private:
  int64_t add(const std::string& key, const PythonValue&);

  std::string what_;
  bool plain_ = true;
  int64_t next_ = 0;
  std::map<std::string, int64_t> codes_;
  std::vector<int64_t> unique_;
  std::map<int64_t, std::string> texts_;
};

}  // namespace sil
