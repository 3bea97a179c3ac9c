// DALL-E's encoder from a file as the conversion of OpenAI's release makes it; and files that are not one.
#include "make_files.hpp"
#include "support/reference.hpp"
#include "vitrail/io/checkpoint.hpp"
#include "vitrail/tokenizers/dalle.hpp"

using namespace vitrail;

namespace {

constexpr DalleConfig small{.image = 32, .patch = 8, .width = 4, .vocabulary = 48};  // of tests/fixtures/dalle

struct Release {
  std::vector<std::string> names = Fixture{"dalle"}.names("param.");
  std::vector<std::vector<float>> values;
  std::vector<TensorEntry> entries;

  Release() {
    const Fixture fixture{"dalle"};
    values.reserve(names.size() + 1);
    for (const std::string& name : names) {
      const auto tensor = fixture.load<float>("param." + name);
      add(name, tensor.shape, tensor.values);
    }
  }
  void add(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& numbers) {
    values.push_back(numbers);
    entries.push_back(tensor_entry(name, shape, values.back()));
  }
};
std::string said_of(const Release& weights) {
  const testing::TempFolder folder;
  const std::filesystem::path path = folder.path / "encoder.safetensors";
  Cpu device(1);
  Model<Dalle<small>, Cpu> model{device, Random{1}};
  write_safetensors(path, weights.entries);
  return refusal<FileError>([&] { load(path, *model); });
}

}  // namespace

TEST_SUITE_BEGIN("io");

TEST_CASE("DALL-E's encoder is read under the release's names, and then gives the reference's words") {
  const testing::TempFolder folder;
  const std::filesystem::path path = folder.path / "encoder.safetensors";
  Cpu device(1);
  Model<Dalle<small>, Cpu> model{device, Random{1}};
  write_safetensors(path, Release{}.entries);
  CHECK(load(path, *model).loaded == 2 * (1 + 8 * 4 + 3 + 1));
  Arena<Cpu> arena{device};
  const Fixture fixture{"dalle"};
  const auto words = (*model)(load_tensor<Shape<dyn, 3, 32, 32>, float>(arena, fixture, "images"));
  CHECK(std::vector<int>(words.at, words.at + words.shape.size()) == fixture.load<int>("words").values);
}
TEST_CASE("a file that is not DALL-E's encoder is refused: a name that is missing, one too many, another shape") {
  Release missing, more, other;
  missing.entries.pop_back();
  CHECK(said_of(missing).find("\n  missing: 1 of 74: `blocks.output.conv.b`\n") != std::string::npos);
  more.add("blocks.group_5.block_1.w", {2}, {1, 2});
  CHECK(said_of(more).find("\n  unexpected: 1: `blocks.group_5.block_1.w`\n") != std::string::npos);
  other.entries[0].shape = {4, 3, 49};
  CHECK(said_of(other).find("`blocks.input.w` is (4, 3, 49), the model wants (4, 3, 7, 7)") != std::string::npos);
}

TEST_SUITE_END();
