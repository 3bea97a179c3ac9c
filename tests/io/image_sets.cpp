// Sets of images from folders, IDX and CIFAR files.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <zlib.h>

#include "../../include/vitrail/io/cifar.hpp"
#include "../../include/vitrail/io/idx.hpp"
#include "../../include/vitrail/io/image_folder.hpp"
#include "../../include/vitrail/io/open_images.hpp"
#include "../support/data.hpp"
#include "make_files.hpp"

using namespace vitrail;
using namespace testing;

namespace {

const Bytes photo = make_jpeg(slopes(24, 16, 3));
const Bytes drawing = encode_png(slopes(12, 20, 1));

Bytes make_idx(const std::vector<unsigned>& extents, const Bytes& values, std::uint8_t type = 8) {
  Bytes file = {0, 0, type, static_cast<std::uint8_t>(extents.size())};
  for (const unsigned extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<std::uint8_t>(extent >> shift));
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

std::filesystem::path put_gzipped(const TempFolder& temp, const std::string& name, const Bytes& bytes) {
  const auto path = temp.path / name;
  gzFile file = gzopen(path.string().c_str(), "wb");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
  return path;
}

Bytes counting(std::size_t count) {
  Bytes values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::uint8_t>(i % 251);
  return values;
}

}  // namespace

TEST_CASE("sub-folders that hold images are classes, in sorted order at any depth") {
  const TempFolder temp;
  for (const char* file : {"dog/2.jpg", "dog/10.JPG", "cat/deep/er/1.Jpeg", "cat/z.png", "Bird/only.PNG"})
    temp.put(file, file[5] == 'o' || file[4] == 'z' ? drawing : photo);
  temp.put("notes/readme.txt", {1});
  temp.put("cat/._z.png", {0});
  temp.put(".git/hidden.png", drawing);
  const ImageFolder images(temp.path);
  CHECK(images.classes() == std::vector<std::string>{"Bird", "cat", "dog"});
  REQUIRE(images.size() == 5);
  const char* order[] = {"Bird/only.PNG", "cat/deep/er/1.Jpeg", "cat/z.png", "dog/10.JPG", "dog/2.jpg"};
  const int labels[] = {0, 1, 1, 2, 2};
  for (int i = 0; i < 5; ++i) {
    CHECK(images.name(i) == (temp.path / order[i]).string());
    CHECK(images.label(i) == labels[i]);
  }
  CHECK(images.image(0).channels == 1);
  CHECK(images.image(3).width == 24);
  CHECK(images.image(3, 8).height == 8);
  CHECK_THROWS_AS(images.image(5), ShapeError);
  CHECK_THROWS_AS(images.label(-1), ShapeError);
}

TEST_CASE("images directly in a folder are an unlabelled set") {
  const TempFolder temp;
  temp.put("b.jpg", photo), temp.put("a.png", drawing), temp.put("c.txt", {1});
  const ImageFolder images(temp.path);
  CHECK(images.size() == 2);
  CHECK(images.classes().empty());
  CHECK(images.label(0) == -1);
  CHECK(images.name(0) == (temp.path / "a.png").string());
  temp.put("dog/1.jpg", photo);
  CHECK(has(refusal([&] { ImageFolder again(temp.path); }), "holds images beside the class folder 'dog'"));
}

TEST_CASE("a folder without images, a missing one and a file are refused in words") {
  const TempFolder temp;
  CHECK(has(refusal([&] { ImageFolder images(temp.path); }), "holds no image"));
  temp.put("class/notes.txt", {1});
  CHECK(has(refusal([&] { ImageFolder images(temp.path); }), "holds no image"));
  CHECK(has(refusal([&] { ImageFolder images(temp.path / "none"); }), "none is not a folder"));
  CHECK(has(refusal([&] { ImageFolder images(temp.path / "class" / "notes.txt"); }), "notes.txt is not a folder"));
  CHECK(has(refusal([&] { open_images(temp.path / "none"); }), "none is not a folder"));
}

TEST_CASE("pictures of other formats are left out, and named") {
  const TempFolder temp;
  temp.put("b.webp", {1}), temp.put("a/x.GIF", {1}), temp.put("a/notes.txt", {1}), temp.put("a/.y.heic", {1});
  CHECK(has(refusal([&] { ImageFolder images(temp.path); }), "convert its other pictures, such as " + (temp.path / "a/x.GIF").string()));
  temp.put("b.jfif", photo);
  const ImageSource source = open_images(temp.path);
  CHECK(source.train->size() == 1);
  CHECK(source.other_formats == std::vector<std::filesystem::path>{temp.path / "a/x.GIF", temp.path / "b.webp"});
  std::filesystem::remove(temp.path / "b.jfif"), std::filesystem::remove(temp.path / "b.webp");
  temp.put("train/k/1.jpg", photo), temp.put("train/k/2.tiff", {1}), temp.put("test/k/1.png", drawing), temp.put("test/k/2.bmp", {1});
  CHECK(open_images(temp.path).other_formats == std::vector<std::filesystem::path>{temp.path / "train/k/2.tiff", temp.path / "test/k/2.bmp"});
}

TEST_CASE("an unreadable image in a folder is refused with its path, the others are read") {
  const TempFolder temp;
  temp.put("a.jpg", photo), temp.put("c.jpg", photo);
  const auto broken = temp.put("b.jpg", Bytes(photo.begin(), photo.begin() + 200));
  const ImageFolder images(temp.path);
  CHECK(has(refusal([&] { images.image(1); }), broken.string()));
  CHECK(images.image(2).width == 24);
  std::filesystem::remove(temp.path / "c.jpg");
  CHECK(has(refusal([&] { images.image(2); }), "c.jpg"));
}

TEST_CASE("splits are found, and validation keeps the labels of training") {
  const TempFolder temp;
  for (const char* file : {"train/ant/1.jpg", "train/bee/1.jpg", "train/cow/1.jpg", "val/cow/1.jpg", "val/bee/1.jpg"})
    temp.put(file, photo);
  const Splits splits = find_splits(temp.path);
  CHECK(splits.train == temp.path / "train");
  REQUIRE(splits.validation.has_value());
  CHECK(*splits.validation == temp.path / "val");
  const ImageSource source = open_images(temp.path);
  CHECK(source.train->size() == 3);
  CHECK(source.validation->classes() == source.train->classes());
  CHECK(source.validation->label(0) == 1);  // bee, though validation has no ant
  CHECK(source.validation->label(1) == 2);
  temp.put("val/eel/1.jpg", photo);
  CHECK(has(refusal([&] { open_images(temp.path); }), "a class 'eel' that is not among the 3 classes of training: rename"));
}

TEST_CASE("a class called train stays a class, and train alone is a split") {
  const TempFolder temp;
  temp.put("train/1.jpg", photo);
  CHECK(find_splits(temp.path).train == temp.path / "train");
  CHECK_FALSE(find_splits(temp.path).validation.has_value());
  temp.put("bus/1.jpg", photo);
  CHECK(find_splits(temp.path).train == temp.path);
  CHECK(ImageFolder(temp.path).classes() == std::vector<std::string>{"bus", "train"});
  CHECK(has(refusal([&] { find_splits(temp.path / "none"); }), "is not a folder"));
}

TEST_CASE("the photos of clothing10 are found and read") {
  const auto data = shared_data();
  if (!data) {
    MESSAGE("the shared data is absent");
    return;
  }
  const ImageSource source = open_images(*data / "clothing10");
  REQUIRE(source.train->size() == 700);
  CHECK(source.validation->size() == 341);
  CHECK(source.train->classes().size() == 10);
  CHECK(source.train->classes() == source.validation->classes());
  int per_class[10] = {};
  for (int i = 0; i < 700; ++i) ++per_class[source.train->label(i)];
  CHECK(std::all_of(per_class, per_class + 10, [](int count) { return count == 70; }));
  for (int i = 0; i < 700; i += 7) {
    const Image image = source.train->image(i, 64);
    REQUIRE(image.channels == 3);
    REQUIRE(std::min(image.width, image.height) >= 64);
  }
}

TEST_CASE("idx files are read plain and gzipped, under each of their names") {
  const Bytes pixels = counting(3 * 4 * 5), labels = {2, 0, 1};
  for (const char* joint : {"-", "."}) {
    for (const bool zipped : {false, true}) {
      const TempFolder temp;
      const auto put = [&](const std::string& part, const char* kind, const Bytes& bytes) {
        const std::string name = part + joint + kind;
        return zipped ? put_gzipped(temp, name + ".gz", bytes) : temp.put(name, bytes);
      };
      put("train-images", "idx3-ubyte", make_idx({3, 4, 5}, pixels));
      put("train-labels", "idx1-ubyte", make_idx({3}, labels));
      put("t10k-images", "idx3-ubyte", make_idx({1, 4, 5}, counting(20)));
      put("t10k-labels", "idx1-ubyte", make_idx({1}, {1}));
      const ImageSource source = open_images(temp.path);
      REQUIRE(source.train->size() == 3);
      const Image last = source.train->image(2);
      CHECK(last.width == 5);
      CHECK(last.height == 4);
      CHECK(last.channels == 1);
      CHECK(last.pixels == Bytes(pixels.begin() + 40, pixels.end()));
      CHECK(source.train->label(0) == 2);
      CHECK(source.train->classes() == std::vector<std::string>{"0", "1", "2"});
      CHECK(source.validation->classes().size() == 3);  // as in training, though its only label is 1
      CHECK_THROWS_AS(source.train->image(3), ShapeError);
    }
  }
  const TempFolder empty;
  CHECK_FALSE(find_idx(empty.path).has_value());
}

TEST_CASE("idx files that lie are refused in words") {
  const TempFolder temp;
  const auto refused = [&](const Bytes& bytes, const char* words) {
    const auto file = temp.put("lying", bytes);
    const std::string message = refusal([&] { read_idx(file); });
    CHECK_MESSAGE(has(message, words), message);
    CHECK(has(message, file.string()));
  };
  refused(make_idx({2, 3, 3}, counting(17)), "should hold 18 values by its header, found 17");
  refused(make_idx({2, 3, 3}, counting(19)), "found more");
  refused(make_idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, counting(9)), "more than 1073741824 bytes");
  refused(make_idx({60000, 28, 28}, counting(9)), "should hold 47040000 values");
  refused(make_idx({0, 28, 28}, {}), "says that it is empty");
  refused(make_idx({2, 2}, counting(16), 0x0D), "32-bit floats, expected unsigned bytes");
  refused(make_idx({2, 2}, counting(16), 0x77), "an unknown type, expected unsigned bytes");
  refused({0, 0, 8, 3, 0, 0}, "ends within its header");
  refused({0, 0}, "shorter than an IDX header");
  refused(photo, "does not begin like an IDX file");
  CHECK(has(refusal([&] { read_idx(temp.path / "none"); }), "cannot open"));
  CHECK(has(refusal([&] { read_idx(temp.path); }), "is a folder"));

  const auto images = temp.put("images", make_idx({2, 3, 3}, counting(18)));
  const auto refused_with = [&](const Bytes& labels, const char* words) {
    const auto file = temp.put("labels", labels);
    CHECK(has(refusal([&] { IdxImages set(images, file, {"a", "b"}); }), words));
  };
  refused_with(make_idx({3}, {0, 1, 0}), "one label for each of the 2 images");
  refused_with(make_idx({2}, {0, 2}), "the label 2, there are 2 classes");
  CHECK(has(refusal([&] { IdxImages set(temp.put("labels", make_idx({2}, {0, 1}))); }), "1 axes, expected 3"));
  CHECK(IdxImages(images).label(1) == -1);
}

TEST_CASE("a gzipped idx file cut anywhere is refused") {
  const TempFolder temp;
  const Bytes whole = read_bytes(put_gzipped(temp, "whole.gz", make_idx({2, 8, 8}, counting(128))));
  REQUIRE(read_idx(temp.path / "whole.gz").values == counting(128));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = temp.put("cut.gz", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    REQUIRE_MESSAGE(has(refusal([&] { read_idx(cut); }), "cut.gz"), "at " << length);
  }
  Bytes changed = whole;
  changed[whole.size() - 6] ^= 1;  // the checksum
  const auto file = temp.put("changed.gz", changed);
  CHECK(has(refusal([&] { read_idx(file); }), "is damaged"));
}

TEST_CASE("Fashion-MNIST has its counts and its labels") {
  const auto data = shared_data();
  if (!data) {
    MESSAGE("the shared data is absent");
    return;
  }
  const ImageSource source = open_images(*data / "fashion_mnist");
  CHECK(source.train->size() == 60000);
  CHECK(source.validation->size() == 10000);
  CHECK(source.train->label(0) == 9);
  CHECK(source.train->classes().size() == 10);
  CHECK(source.train->image(59999).width == 28);
  int per_class[10] = {};
  for (int i = 0; i < 60000; ++i) ++per_class[source.train->label(i)];
  CHECK(std::all_of(per_class, per_class + 10, [](int count) { return count == 6000; }));
}

TEST_CASE("cifar files of both kinds are read: planes to pixels, fine labels") {
  const TempFolder temp;
  const auto record = [](const Bytes& labels, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    Bytes bytes = labels;
    for (const std::uint8_t colour : {red, green, blue}) bytes.insert(bytes.end(), 1024, colour);
    bytes[labels.size() + 33] = 77;  // red of the pixel at (1, 1)
    return bytes;
  };
  Bytes two = record({7}, 1, 2, 3);
  const Bytes second = record({9}, 4, 5, 6);
  two.insert(two.end(), second.begin(), second.end());
  temp.put("ten/data_batch_1.bin", two), temp.put("ten/data_batch_2.bin", record({0}, 7, 8, 9));
  temp.put("ten/test_batch.bin", record({1}, 0, 0, 0));
  const std::string names = "a\nb\nc\nd\ne\nf\ng\nh\ni\r\nj\n\n";
  temp.put("ten/batches.meta.txt", Bytes(names.begin(), names.end()));
  const ImageSource ten = open_images(temp.path / "ten");
  REQUIRE(ten.train->size() == 3);
  CHECK(ten.validation->size() == 1);
  CHECK(ten.train->label(1) == 9);
  CHECK(ten.train->classes()[8] == "i");
  CHECK(has(ten.train->name(2), "data_batch_2.bin #0"));
  const Image image = ten.train->image(1);
  CHECK(Bytes(image.at(0, 0), image.at(0, 0) + 3) == Bytes{4, 5, 6});
  CHECK(Bytes(image.at(1, 1), image.at(1, 1) + 3) == Bytes{77, 5, 6});
  CHECK_THROWS_AS(ten.train->image(3), ShapeError);

  temp.put("hundred/train.bin", record({19, 99}, 1, 2, 3)), temp.put("hundred/test.bin", record({0, 4}, 1, 2, 3));
  const ImageSource hundred = open_images(temp.path / "hundred");
  CHECK(hundred.train->label(0) == 99);
  CHECK(hundred.train->classes().size() == 100);
  CHECK(hundred.train->image(0).at(1, 1)[0] == 77);

  const auto refused = [&](const Bytes& bytes, CifarKind kind, const char* words) {
    const auto file = temp.put("lying.bin", bytes);
    CHECK(has(refusal([&] { CifarImages set({file}, kind); }), words));
  };
  refused(Bytes(two.begin(), two.end() - 1), CifarKind::ten, "expected a multiple of 3073");
  refused(two, CifarKind::hundred, "expected a multiple of 3074");
  refused({}, CifarKind::ten, "has 0 bytes");
  refused(record({10}, 0, 0, 0), CifarKind::ten, "the label 10, there are 10 classes");
  CHECK(has(refusal([&] { CifarImages set({}, CifarKind::ten); }), "no file was given"));
}
