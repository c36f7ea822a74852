// A data set as the pages read it: everything is a text or bytes under a name, so that a server can send it and an
// export can write it.
//
//   header           JSON: how many photos and objects, the categories with their colours
//   names            JSON: the photos' file names, in their order
//   columns          bytes, see columns()
//   objects/<row>    JSON: all that is told of one photo's objects, with exact outlines
//   outlines/<row>   JSON: colour, coarse outline and box of each, for its thumbnail
#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/image.h"

namespace sil {

// The first photos alone, with what belongs to them.
Annotations first_photos(Annotations, size_t count);

class Gallery {
 public:
  // `images`: the folder that file names are relative to.  `all_photos`: of the data set that these are the first of.
  // Throws an Error if there is no such folder.
  Gallery(Annotations, size_t all_photos, std::filesystem::path images, Exif);

  size_t size() const { return annotations_.photos.size(); }
  const Annotations& annotations() const { return annotations_; }
  const std::filesystem::path& images() const { return images_; }
  Exif exif() const { return exif_; }

  // So many results files lie beside it, and a training run or none.
  std::string header(size_t results, bool run) const;
  std::string names() const;
  // Little-endian, for P photos and N objects, which lie photo by photo: uint32 first object of each photo and N
  // [P + 1], uint32 width and height [P], uint32 rank by name [P]; float32 area in pixels, float32 width / height of
  // the box [N]; uint16 category (place in the header, 65535 unknown) [N]; uint8 [N]: 1 for a
  // crowd, 2 for an id of 0.
  std::string columns() const;
  std::string objects(size_t row) const;
  std::string outlines(size_t row) const;

  // The photo's file.  Throws an Error if it leaves the folder, by .. or a link, or is no file.
  std::filesystem::path photo_file(size_t row) const;
  // What a browser shows: the file as it is if it reads that format, else a PNG of it.
  struct Picture {
    std::string type;
    std::filesystem::path file;
    std::string bytes;  // instead of the file
  };
  Picture photo(size_t row) const;
  // JPEG of at most 320 pixels a side.
  std::string thumbnail(size_t row) const;

  // A message as others may read it: files by their name inside the folders of photos and annotations, not by where
  // these lie, nor by the folders of photos that the annotations name from the root.
  std::string without_folders(std::string message) const;
  // A photo under the name that others may read.
  Photo shown(size_t row) const;

 private:
  std::vector<int> classes_of(size_t row) const;
  int class_of(const Annotation&) const;  // -1: unknown

  Annotations annotations_;
  size_t all_photos_;
  std::filesystem::path images_;
  Exif exif_;
  std::vector<std::pair<std::string, std::string>> folders_;  // as messages may name them, and what stands for it
  std::set<std::string, std::less<>> elsewhere_;  // where photos lie by their names; as many as photos, perhaps
};

}  // namespace sil
