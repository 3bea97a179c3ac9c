// An encoder of one image size from a file of another: PyTorch's numbers, and what no size changes.
#include <doctest/doctest.h>

#include <filesystem>

#include <vitrail/io/checkpoint.hpp>
#include <vitrail/vit/vit.hpp>

#include "support/fixture.hpp"
#include "support/models.hpp"

using namespace vitrail;

namespace {

template <int Image, Positions P, bool ClassToken = true, int Dim = 8>
using Encoder = ViT<ViTConfig{.image = Image, .patch = 4, .channels = 1, .dim = Dim, .depth = 1, .heads = 2, .mlp_ratio = 2,
                              .class_token = ClassToken, .positions = P}>;
template <class M> using Held = Model<M, Cpu, double>;

struct File {
  std::filesystem::path path;
  File() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitrail-XXXXXX").string();
    path = std::filesystem::path(mkdtemp(pattern.data())) / "encoder.safetensors";
  }
  ~File() {
    std::error_code ignored;
    std::filesystem::remove_all(path.parent_path(), ignored);
  }
};
template <class M> auto by_name(Held<M>& model) {
  std::map<std::string, std::vector<double>> out;
  each_named(model, [&](const std::string& name, auto values, auto) { out[name].assign(values.begin(), values.end()); });
  return out;
}

}  // namespace

TEST_SUITE("checkpoint") {
  TEST_CASE("tables of positions are resampled as PyTorch's bicubic does it") {
    const Fixture fixture("positions");
    for (const bool absolute : {true, false}) {
      const std::string kind = absolute ? "absolute" : "relative";
      CAPTURE(kind);
      const std::string name = absolute ? "encoder.pos_embed" : "rel_pos_bias.relative_position_bias_table";
      auto from = fixture.load(kind + ".from"), to = fixture.load(kind + ".to");
      if (absolute)
        for (auto* table : {&from, &to}) table->shape.insert(table->shape.begin(), 1);
      const TensorEntry entry = tensor_entry(name, from.shape, from.values);
      REQUIRE(PositionTable::fits(entry, to.shape));
      const std::vector<double> found = PositionTable::resampled(entry, to.shape);
      REQUIRE(found.size() == to.values.size());
      for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(to.values[i]).epsilon(1e-12));
    }
  }

  TEST_CASE("an encoder for larger images takes everything of a smaller one's; the class token's rows and constants stay") {
    const File file;
    Cpu device(1);
    const auto check = [&](auto& small, auto& large, const std::string& table, std::size_t before, std::size_t behind, std::size_t dim) {
      spread_weights(small, 0.5, 3);
      const std::map<std::string, std::vector<double>> old = by_name(small);
      save(file.path, *small);
      const LoadReport report = load(file.path, *large);
      CHECK(std::find(report.resampled.begin(), report.resampled.end(), table) != report.resampled.end());
      CHECK(report.missing.empty());
      const std::map<std::string, std::vector<double>> loaded = by_name(large);
      for (const auto& entry : old)
        if (loaded.at(entry.first).size() == entry.second.size()) CHECK(loaded.at(entry.first) == entry.second);
      const std::vector<double>&from = old.at(table), &to = loaded.at(table);
      CHECK(to.size() > from.size());
      CHECK(std::equal(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(before * dim), to.begin()));
      CHECK(std::equal(from.rbegin(), from.rbegin() + static_cast<std::ptrdiff_t>(behind * dim), to.rbegin()));
      each_named(small, [&](const std::string& name, auto values, auto) {
        if (name == table) std::fill(values.begin(), values.end(), 0.75);
      });
      save(file.path, *small);
      load(file.path, *large);
      const std::map<std::string, std::vector<double>> constant = by_name(large);
      for (const double v : constant.at(table)) CHECK(v == doctest::Approx(0.75).epsilon(1e-14));
    };
    Held<Encoder<16, Positions::learned>> small{device, Random{1}};
    Held<Encoder<24, Positions::learned>> large{device, Random{2}};
    check(small, large, "pos_embed", 1, 0, 8);
    Held<Encoder<16, Positions::relative>> near{device, Random{1}};
    Held<Encoder<24, Positions::relative>> far{device, Random{2}};
    check(near, far, "rel_pos_bias.relative_position_bias_table", 0, 3, 2);
  }

  TEST_CASE("a table that is not the same one of another size is refused, and so is any where training goes on") {
    const File file;
    Cpu device(1);
    Held<Encoder<16, Positions::learned>> small{device, Random{1}};
    save(file.path, *small);
    Held<Encoder<24, Positions::learned>> large{device, Random{2}};
    const auto before = by_name(large);
    CHECK_THROWS_WITH_AS(load(file.path, *large, {.resample_positions = false}),
                         doctest::Contains("`pos_embed` is (1, 17, 8), the model wants (1, 37, 8)"), FileError);
    Held<Encoder<24, Positions::learned, false>> other_lead{device, Random{2}};
    CHECK_THROWS_AS(load(file.path, *other_lead), FileError);
    Held<Encoder<24, Positions::learned, true, 16>> other_width{device, Random{2}};
    CHECK_THROWS_AS(load(file.path, *other_width), FileError);
    CHECK(by_name(large) == before);
    // Fixed tables are not counted as trained: the optimiser's size would not tell the two apart.
    Held<Encoder<16, Positions::sincos>> run{device, Random{1}};
    Held<Encoder<24, Positions::sincos>> another{device, Random{1}};
    AdamW one{run};
    AdamW two{another};
    save_training(file.path, run, one);
    CHECK_THROWS_WITH_AS(load_training(file.path, another, two), doctest::Contains("`pos_embed`"), FileError);
  }
}
