// Checkpoint files: every valid one is read, every lying one refused in one sentence, and writing never loses the old.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "../../include/vitrail/core/random.hpp"
#include "../../include/vitrail/io/safetensors.hpp"
#include "../support/data.hpp"
#include "../support/refusal.hpp"

using namespace vitrail;
namespace fs = std::filesystem;

namespace {

std::vector<std::byte> file_of(const std::string& header, std::size_t data, std::uint64_t claimed = 0) {
  std::vector<std::byte> bytes(8 + header.size() + data);
  const std::uint64_t length = claimed != 0 ? claimed : header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}
std::string said_of(const std::vector<std::byte>& bytes) {
  return refusal<FileError>([&] { SafetensorsFile::parse(bytes); });
}
bool refused(const std::string& header, std::size_t data, const std::string& words) {
  const std::string said = said_of(file_of(header, data));
  INFO(said);
  CHECK(said.rfind("checkpoint: ", 0) == 0);
  return said.find(words) != std::string::npos && said.size() < 400;
}
const fs::path& place() {
  static const fs::path path =
      fs::temp_directory_path() / ("vitrail_checkpoint_" + std::to_string(::getpid()) + ".safetensors");
  return path;
}

}  // namespace

TEST_SUITE("io safetensors") {
  TEST_CASE("tensors and metadata come back bit for bit, in order, with aligned data") {
    const std::vector<float> weight{1, -2.5f, 3e-40f, 4, 5, 6};
    const std::vector<double> scalar{0.1};
    const std::vector<std::int64_t> steps{7, -8};
    const std::vector<float> none;
    const std::vector<TensorEntry> entries{tensor_entry("z.weight", {2, 3}, weight), tensor_entry("a", {}, scalar),
                                           tensor_entry("empty", {0, 4}, none), tensor_entry("n \"ü\"", {2}, steps)};
    write_safetensors(place(), entries, {{"epoch", "3"}, {"note", "line\nbreak"}});
    const SafetensorsFile file = SafetensorsFile::read(place());
    REQUIRE(file.entries().size() == 4);
    CHECK(file.entries()[0].name == "z.weight");
    CHECK(file.entries()[0].shape == std::vector<std::int64_t>{2, 3});
    CHECK(values_of<float>(file.entries()[0]) == weight);
    CHECK(values_of<double>(*file.find("a")) == scalar);
    CHECK(values_of<float>(*file.find("empty")).empty());
    CHECK(values_of<std::int64_t>(*file.find("n \"ü\"")) == steps);
    CHECK(file.find("absent") == nullptr);
    CHECK(file.metadata().at("note") == "line\nbreak");
    std::uint64_t header = 0;
    const std::vector<std::byte> bytes = read_file(place());
    std::memcpy(&header, bytes.data(), 8);
    CHECK(header % 8 == 0);
    CHECK_THROWS_AS(values_of<float>(*file.find("n \"ü\"")), FileError);
    CHECK_THROWS_AS(values_of<std::int32_t>(*file.find("n \"ü\"")), FileError);
    fs::remove(place());
  }

  TEST_CASE("sixteen-bit floats widen exactly") {
    CHECK(from_f16(0x3C00) == 1.0f);
    CHECK(from_f16(0xC000) == -2.0f);
    CHECK(from_f16(0x0001) == 0x1p-24f);
    CHECK(from_f16(0x7BFF) == 65504.0f);
    CHECK(from_f16(0xFC00) == -std::numeric_limits<float>::infinity());
    CHECK(from_f16(0x7E00) != from_f16(0x7E00));
    CHECK(from_bf16(0x3F80) == 1.0f);
    CHECK(from_bf16(0xC049) == -3.140625f);
  }

  TEST_CASE("each lie of a header is refused in one sentence") {
    const std::string tail = R"(,"shape":[2],"data_offsets":[0,8]}})";
    CHECK(said_of(file_of(R"({"a":{"dtype":"F32")" + tail + "   ", 8)) == "");
    CHECK(refused(R"({"a":{"dtype":"F33")" + tail, 8, "unknown dtype `F33`"));
    CHECK(refused(R"({"a":{"dtype":"F64")" + tail, 8, "needs 16 bytes"));
    CHECK(refused(R"({"a":{"dtype":"F32")" + tail, 7, "truncated"));
    CHECK(refused(R"({"a":{"dtype":"F32")" + tail, 9, "cover 8 of 9"));
    CHECK(refused(R"({"a":{"dtype":"F32","dtype":"F32")" + tail, 8, "twice"));
    CHECK(refused(R"({"a":{"dtype":"F32","extra":1)" + tail, 8, "`extra`"));
    CHECK(refused(R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8, "lacks"));
    CHECK(refused(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "-2"));
    CHECK(refused(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, "no integer"));
    CHECK(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "backwards"));
    CHECK(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8, "two numbers"));
    CHECK(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8, "truncated"));
    CHECK(refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0, "overflows"));
    const std::string a = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)";
    CHECK(refused(a + R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", 16, "`a` occurs twice"));
    CHECK(refused(a + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12, "overlaps"));
    CHECK(refused(a + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}})", 20, "hole"));
    CHECK(refused(R"({"__metadata__":{"a":1}})", 0, "__metadata__"));
    CHECK(refused(R"({"__metadata__":{},"__metadata__":{}})", 0, "twice"));
    CHECK(refused("{\"a\"", 0, "not JSON"));
    CHECK(refused("hello", 0, "'{'"));
    CHECK(refused("{\"a\":" + std::string(1'000'000, '['), 0, "a list"));
    CHECK(refused("{\"" + std::string(100'000, 'n') + "\":1}", 0, "the number 1"));
    for (const std::uint64_t length : std::vector<std::uint64_t>{3, 1u << 20, ~0ull, ~0ull - 7})
      CHECK(said_of(file_of("{}", 0, length)).find("claims") != std::string::npos);
    CHECK(said_of(std::vector<std::byte>(7)).find("too few") != std::string::npos);
  }

  TEST_CASE("random damage never crashes, and what is accepted is consistent") {
    const std::string header = R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                               R"("b":{"dtype":"I64","shape":[],"data_offsets":[8,16]}})";
    const std::vector<std::byte> good = file_of(header, 16);
    Random random(11);
    int accepted = 0;
    for (int i = 0; i < 8000; ++i) {
      std::vector<std::byte> bytes = good;
      for (int k = 0; k < 1 + i % 4; ++k)
        bytes[static_cast<std::size_t>(random.below(static_cast<int>(bytes.size())))] ^=
            std::byte(1 << random.below(8));
      if (i % 7 == 0) bytes.resize(static_cast<std::size_t>(random.below(static_cast<int>(bytes.size()))));
      try {
        const SafetensorsFile file = SafetensorsFile::parse(bytes);
        ++accepted;
        std::size_t total = 0;
        for (const TensorEntry& entry : file.entries()) {
          total += entry.bytes;
          CHECK(detail::byte_count(entry.shape, detail::dtype_bytes(entry.dtype)) == entry.bytes);
        }
        CHECK(total == 16);
      } catch (const FileError& error) {
        CHECK(std::string(error.what()).rfind("checkpoint: ", 0) == 0);
      }
    }
    CHECK(accepted > 0);  // damage to the data alone cannot be seen
    CHECK(accepted < 4000);
  }

  TEST_CASE("a checkpoint that does not fit on the disk leaves the old one") {
    const std::vector<float> small{1, 2}, big(50'000, 3.0f);
    write_safetensors(place(), std::vector<TensorEntry>{tensor_entry("a", {2}, small)});
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{65536, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_THROWS_AS(write_safetensors(place(), std::vector<TensorEntry>{tensor_entry("a", {50'000}, big)}), FileError);
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    CHECK(values_of<float>(*SafetensorsFile::read(place()).find("a")) == small);
    CHECK_FALSE(fs::exists(place().string() + ".part"));
    fs::remove(place());
  }

  TEST_CASE("entries that no reader would accept are not written") {
    const std::vector<float> two{1, 2};
    const auto refuses = [&](const std::vector<TensorEntry>& entries) {
      CHECK_THROWS_AS(write_safetensors(place(), entries), FileError);
      CHECK_FALSE(fs::exists(place()));
    };
    refuses({tensor_entry("a", {3}, two)});
    refuses({tensor_entry("a", {2}, two), tensor_entry("a", {2}, two)});
    refuses({tensor_entry("__metadata__", {2}, two)});
    refuses({tensor_entry("\xff", {2}, two)});
  }

  TEST_CASE("files written by others are read") {
    const auto data = shared_data();
    if (!data) {
      MESSAGE("the shared data are absent");
      return;
    }
    int count = 0;
    for (const char* folder : {"safetensors_samples", "safetensors_burn"})
      for (const auto& entry : fs::directory_iterator(*data / folder))
        if (entry.path().extension() == ".safetensors") {
          CHECK_FALSE(SafetensorsFile::read(entry.path()).entries().empty());
          ++count;
        }
    CHECK(count == 12);
    const SafetensorsFile all = SafetensorsFile::read(*data / "safetensors_samples" / "overall.safetensors");
    CHECK(all.metadata().at("test") == "a");
    CHECK(values_of<double>(*all.find("e")) == values_of<double>(*all.find("d")));  // F16 and F64 hold the same numbers
    CHECK(values_of<double>(*all.find("f")) == values_of<double>(*all.find("d")));
    const SafetensorsFile net = SafetensorsFile::read(*data / "safetensors_burn" / "multi_layer.safetensors");
    CHECK(net.find("fc1.weight")->shape == std::vector<std::int64_t>{16, 256});
  }
}
