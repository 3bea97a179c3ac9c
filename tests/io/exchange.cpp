// What other programs write is read, and refused in words where it is wrong: NumPy's .npz, and timm's checkpoints.
#include <algorithm>
#include <fstream>

#include <doctest/doctest.h>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/core/random.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/npz.hpp>
#include <vitrail/vit/vit.hpp>

#include "make_files.hpp"
#include "support/models.hpp"

using namespace vitrail;

namespace {

const std::filesystem::path fixtures = VITRAIL_FIXTURES;

bool same(const NpzArrays& a, const NpzArrays& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.shape == y.second.shape && x.second.dtype == y.second.dtype && x.second.bytes == y.second.bytes;
  });
}

// timm.models.VisionTransformer(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2, num_classes=5)
constexpr ViTConfig tiny{.image = 16, .patch = 4, .dim = 16, .depth = 2, .heads = 2};
const std::filesystem::path timm = fixtures / "timm" / "f32.safetensors";

struct Wrapped {  // an objective, as far as names go
  ViT<tiny> encoder{};
  constexpr void visit(auto&& f) { f("encoder", encoder); }
};

}  // namespace

TEST_SUITE("io exchange") {
  TEST_CASE("NumPy's .npz, stored and deflated, of every version") {
    for (const char* name : {"stored.npz", "deflated.npz"}) {
      const NpzArrays arrays = read_npz(fixtures / "npz" / name);
      CHECK(arrays.size() == 8);
      CHECK(arrays.at("real").as<double>() == std::vector<double>{0, 0.25, 0.5, 0.75, 1, 1.25});
      CHECK(arrays.at("real").shape == std::vector<std::int64_t>{2, 3});
      CHECK(arrays.at("narrow").as<float>()[1] == -2);
      CHECK(arrays.at("whole").as<std::int64_t>() == std::vector<std::int64_t>{-1, std::int64_t{1} << 40});
      CHECK(arrays.at("small").shape.empty());
      CHECK(arrays.at("small").as<int>() == std::vector<int>{-7});
      CHECK(arrays.at("bytes").as<int>()[255] == 255);
      CHECK(arrays.at("flags").as<int>() == std::vector<int>{1, 0});
      CHECK(arrays.at("empty").shape == std::vector<std::int64_t>{0, 4});
      CHECK(arrays.at("constant").as<float>() == std::vector<float>(1000, 0.5f));
    }
    for (const auto& [name, array] : read_npz(fixtures / "npz" / "versions.npz")) CHECK(array.as<double>()[5] == 1.25);
    CHECK(has(refusal<FileError>([] { read_npz(fixtures / "npz" / "fortran.npz"); }), "fortran.npz/x.npy is in Fortran order"));
  }

  TEST_CASE("what is written to .npz is read back, and the same arrays give the same bytes") {
    const testing::TempFolder folder;
    NpzArrays arrays = read_npz(fixtures / "npz" / "stored.npz");
    arrays["more"] = npy_array({2, 1}, std::vector<float>{1, 2});
    for (const bool deflate : {false, true}) {
      write_npz(folder.path / "a.npz", arrays, {.deflate = deflate});
      CHECK(same(read_npz(folder.path / "a.npz"), arrays));
      write_npz(folder.path / "b.npz", arrays, {.deflate = deflate});
      CHECK(read_file(folder.path / "a.npz") == read_file(folder.path / "b.npz"));
    }
    CHECK(std::filesystem::file_size(folder.path / "a.npz") < 4000);
    write_npz(folder.path / "none.npz", {});
    CHECK(read_npz(folder.path / "none.npz").empty());
  }

  TEST_CASE("damaged, hostile and foreign .npz files are refused, whatever the damage") {
    const testing::TempFolder folder;
    const std::filesystem::path path = folder.path / "a.npz";
    NpzArrays arrays{{"a", npy_array({3}, std::vector<float>{1, 2, 3})}, {"b", npy_array({50}, std::vector<double>(50, 7))}};
    write_npz(path, arrays, {.deflate = true});
    const std::string deflated = read_text(path);
    write_npz(path, arrays);
    const std::string stored = read_text(path);
    const auto read = [&](const std::string& bytes) {
      std::ofstream(path, std::ios::binary) << bytes;
      return refusal<FileError>([&] { read_npz(path); });
    };
    // Changes the bytes at `at` behind the n-th signature.
    const auto changed = [&](std::string bytes, const char* signature, int n, std::size_t at, const std::string& to) {
      std::size_t place = bytes.find(signature);
      for (; n > 0; --n) place = bytes.find(signature, place + 1);
      return bytes.replace(place + at, to.size(), to);
    };
    const char *const local = "PK\3\4", *const central = "PK\1\2", *const end = "PK\5\6";
    CHECK(read(stored) == "");
    CHECK(has(read("not a zip"), "no zip directory"));
    CHECK(has(read(stored.substr(0, stored.size() - 30)), "no zip directory"));
    CHECK(has(read(stored.substr(40)), "it is damaged"));
    CHECK(has(read(changed(stored, end, 0, 12, "\xff\xff\xff\x7f")), "directory lies outside"));
    CHECK(has(read(changed(stored, central, 0, 20, std::string("\xff\xff\xff\x7f\xff\xff\xff\x7f", 8))), "`a.npy` is truncated"));
    CHECK(has(read(changed(stored, central, 0, 24, "\1")), "`a.npy` has two sizes"));
    CHECK(has(read(changed(deflated, central, 1, 24, "\xff\xff\xff\x7f")), "claims more than its bytes can unpack to"));
    CHECK(has(read(changed(deflated, central, 1, 24, "\1")), "`b.npy` does not unpack"));
    CHECK(has(read(changed(stored, central, 0, 10, "\x0c")), "packed by method 12"));
    CHECK(has(read(changed(stored, central, 0, 8, "\1")), "is encrypted"));
    CHECK(has(read(changed(stored, central, 0, 16, "zzzz")), "does not match its checksum"));
    CHECK(has(read(changed(stored, central, 0, 46, "b")), "`b.npy` has two names"));
    CHECK(has(read(changed(changed(stored, local, 1, 30, "a"), central, 1, 46, "a")), "two arrays are named `a`"));
    const std::string first = changed(changed(stored, central, 1, 42, std::string(4, '\0')), central, 1, 46, "a");  // b is a
    CHECK(has(read(changed(first, central, 1, 20, std::string("\x01\0\0\0\x01\0\0\0", 8))), "two members share bytes"));
    Random random(5);
    for (int i = 0; i < 1500; ++i) {  // never a crash or an endless loop
      std::string text = i % 2 != 0 ? stored : deflated;
      for (int k = 0; k < 1 + i % 3; ++k) text[static_cast<std::size_t>(random.below(static_cast<int>(text.size())))] = static_cast<char>(random.below(256));
      if (i % 5 == 0) text.resize(static_cast<std::size_t>(random.below(static_cast<int>(text.size()))));
      read(text);
    }
  }

  TEST_CASE("timm's checkpoint gives timm's features, from float, half and bfloat16, and is saved back under its names") {
    const NpzArrays expected = read_npz(fixtures / "timm" / "expected.npz");
    for (const char* kind : {"f32", "f16", "bf16"}) {
      CAPTURE(kind);
      Cpu device(1);
      Model<ViT<tiny>, Cpu> model{device, Random{1}};
      const auto report = load(fixtures / "timm" / (std::string(kind) + ".safetensors"), *model, {.ignore = {"head."}});
      CHECK(report.loaded == 4 + 2 * 12 + 2);
      CHECK(report.unexpected.empty());
      Arena<Cpu> arena{device};
      const auto images = make_tensor<Shape<dyn, 3, 16, 16>, float>(arena, Shape<dyn, 3, 16, 16>(2));
      const std::vector<float> pixels = expected.at("images").as<float>();
      std::copy(pixels.begin(), pixels.end(), images.at);
      const auto features = (*model)(images);  // (2, 17, 16)
      const std::vector<double> wanted = expected.at(kind).as<double>();
      REQUIRE(wanted.size() == static_cast<std::size_t>(features.shape.size()));
      double worst = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::abs(wanted[i] - static_cast<double>(features.at[i])));
      CHECK(worst < 2e-5);  // of numbers about 1
    }
    const testing::TempFolder folder;
    Cpu device(1);
    Model<ViT<tiny>, Cpu> model{device, Random{1}};
    load(timm, *model, {.ignore = {"head."}});
    save(folder.path / "back.safetensors", *model);
    const SafetensorsFile theirs = SafetensorsFile::read(timm), ours = SafetensorsFile::read(folder.path / "back.safetensors");
    CHECK(ours.entries().size() + 2 == theirs.entries().size());
    for (const TensorEntry& entry : ours.entries()) {
      REQUIRE(theirs.find(entry.name) != nullptr);
      CHECK(theirs.find(entry.name)->shape == entry.shape);
      CHECK(values_of<float>(*theirs.find(entry.name)) == values_of<float>(entry));
    }
  }

  TEST_CASE("a checkpoint that does not fit is refused with every name and a remedy, and changes nothing") {
    const testing::TempFolder folder;
    Cpu device(1);
    Model<ViT<tiny>, Cpu> model{device, Random{1}};
    Model<Wrapped, Cpu> whole{device, Random{1}};
    const std::vector<float> before(model.values(), model.values() + model.size());
    CHECK(has(refusal<FileError>([&] { load(timm, *model); }),
              "f32.safetensors does not fit the model\n  unexpected: 2: `head.bias`, `head.weight`\n  if they are to be left, say so: .ignore = {\"head.\"}"));
    CHECK(has(refusal<FileError>([&] { load(timm, *whole); }), "it seems to hold a part: load it into that member, such as model->encoder"));
    const SafetensorsFile file = SafetensorsFile::read(timm);
    const auto rewritten = [&](auto change) {
      std::vector<TensorEntry> entries;
      for (TensorEntry entry : file.entries())
        if (change(entry)) entries.push_back(entry);
      write_safetensors(folder.path / "other.safetensors", entries);
      return refusal<FileError>([&] { load(folder.path / "other.safetensors", *model, {.ignore = {"head."}}); });
    };
    const std::string parallel = rewritten([](TensorEntry& e) { return e.name = "module." + e.name, true; });
    CHECK(has(parallel, "missing: 30 of 30: `cls_token`, `pos_embed`, "));
    CHECK(has(parallel, "unexpected: 32: `module."));
    CHECK(has(parallel, "its names begin with \"module.\": load with .prefix = \"module.\""));
    CHECK(has(refusal<FileError>([&] { load(folder.path / "other.safetensors", *model, {.prefix = "module."}); }), "unexpected: 2: `module.head.bias`, `module.head.weight`\n"));
    CHECK(has(refusal<FileError>([&] { load(folder.path / "other.safetensors", *model, {.prefix = "module."}); }), ".ignore = {\"head.\"}"));
    CHECK(has(rewritten([](TensorEntry& e) { return e.name != "norm.weight" && e.name != "norm.bias"; }), "missing: 2 of 30: `norm.weight`, `norm.bias`\n"));
    const std::string wrong = rewritten([](TensorEntry& e) {
      if (e.name == "norm.bias") e.shape = {4, 4};
      if (e.name == "blocks.0.attn.qkv.bias") e.dtype = "I32";
      return e.name != "cls_token";
    });
    CHECK(has(wrong, "of another kind: 2: `blocks.0.attn.qkv.bias` holds I32, expected floating-point numbers; `norm.bias` is (4, 4), the model wants (16)\n"));
    CHECK(has(wrong, "missing: 1 of 30: `cls_token`\n"));
    CHECK(std::equal(before.begin(), before.end(), model.values()));
    CHECK(load(timm, *model, {.allow_unexpected = true}).unexpected == std::vector<std::string>{"head.bias", "head.weight"});
    CHECK_FALSE(std::equal(before.begin(), before.end(), model.values()));
  }
}
