// What COCO files, results files and label files have in common: lists of records, boxes, outlines.  Inside data/ only.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/json_reader.h"

namespace sil {

// Throws the fault, or lists it if there is a list.
void report(std::vector<Fault>* faults, Fault);

// Reads an array of objects, `read` each.  A record for which it throws WrongValue is reported as
// "<source>: <noun> <id or [index]>: <what is wrong>" and skipped.
void read_records(JsonReader&, const std::string& source, const std::string& list, const std::string& noun,
                  std::vector<Fault>* faults, const std::function<void()>& read);

// Lists that together hold an array's records in their order.
struct RecordLists {
  std::function<void(size_t count)> resize;
  std::function<void(size_t list, size_t bytes)> start;  // empty, for the records in so many bytes of text
  std::function<void(JsonReader&, size_t list)> read;    // one record, to the list's end
};
// As read_records, over threads: each reads a stretch of the text into a list of its own.  A stretch begins where a
// record seems to; the one before shows whether one does, by ending there, and else the stretch is read again in order.
void read_records(JsonReader&, const std::string& source, const std::string& list, const std::string& noun,
                  std::vector<Fault>* faults, const RecordLists&);
template <class List>
std::vector<List> read_record_lists(JsonReader& reader, const std::string& source, const std::string& list,
                                    const std::string& noun, std::vector<Fault>* faults,
                                    void (*read)(JsonReader&, List&)) {
  std::vector<List> lists;
  read_records(reader, source, list, noun, faults,
               {[&](size_t count) { lists.resize(count); },
                [&](size_t i, size_t bytes) {
                  lists[i] = List();
                  if constexpr (requires { lists[i].bytes; }) lists[i].bytes = bytes;
                },
                [&](JsonReader& r, size_t i) { read(r, lists[i]); }});
  return lists;
}

// Throws WrongValue("key <name> is missing").
void require(bool seen, const char* key);

std::vector<double> read_numbers(JsonReader&, const std::string& what);
// Of a file or a class: a NUL, at which C's strings end, throws WrongValue.
std::string read_name(JsonReader&, const std::string& key);
// Four numbers; false for null and for [], as pycocotools takes it.
bool read_box(JsonReader&, std::array<double, 4>& box);
// Polygons in parts, both kinds of RLE, or null.
Segmentation read_segmentation(JsonReader&);

std::string box_text(const std::array<double, 4>&);
std::string segmentation_text(const Segmentation&, RleKind);

}  // namespace sil
