// Whole files, .npy arrays, settings and logs: what is written is read back, and what is wrong is refused in words.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "../../include/vitrail/core/random.hpp"
#include "../../include/vitrail/io/config.hpp"
#include "../../include/vitrail/io/log.hpp"
#include "../../include/vitrail/io/npy.hpp"
#include "../support/data.hpp"
#include "../support/refusal.hpp"

using namespace vitrail;
namespace fs = std::filesystem;

namespace {
struct Folder {
  fs::path path = fs::temp_directory_path() / ("vitrail_files_" + std::to_string(::getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  fs::path operator/(const std::string& name) const { return path / name; }
  int count() const { return static_cast<int>(std::distance(fs::directory_iterator(path), fs::directory_iterator())); }
};

// Files longer than `bytes` fail with EFBIG, as on a full disk; undone at the end of the scope.
struct SmallDisk {
  rlimit old{};
  void (*handler)(int);
  explicit SmallDisk(rlim_t bytes) : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old);
    const rlimit limit{bytes, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
  }
};

struct Run {
  int steps = 1000;
  std::int64_t seed = 17;
  float decay = 0.05f;
  double learning_rate = 1.5e-4;
  bool flip = true;
  std::string mask = "block";
};
Settings bind(Run& run) {
  Settings settings;
  settings.add("steps", run.steps, "optimiser steps", at_least(1)).add("seed", run.seed, "of all randomness");
  settings.add("decay", run.decay, "weight decay", between(0, 1));
  settings.add("learning_rate", run.learning_rate, "peak", above(0));
  settings.add("flip", run.flip, "mirror images").add("mask", run.mask, "what is hidden", one_of({"block", "random"}));
  return settings;
}
}  // namespace

TEST_SUITE("io files") {
  TEST_CASE("a file written atomically reads back and leaves no draft") {
    Folder folder;
    write_atomically(folder / "a.txt", std::string_view("one"));
    write_atomically(folder / "a.txt", std::string_view("two\0three", 9));
    CHECK(read_text(folder / "a.txt") == std::string("two\0three", 9));
    CHECK(folder.count() == 1);
    fs::create_symlink("a.txt", folder / "link");
    write_atomically(folder / "link", std::string_view("through"));
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(read_text(folder / "a.txt") == "through");
  }

  TEST_CASE("a full disk leaves the old file and no draft, and says so") {
    Folder folder;
    write_atomically(folder / "model", std::string_view("the old one"));
    const std::string big(100'000, 'x');
    std::string message;
    {
      SmallDisk disk(4096);
      message = refusal<FileError>([&] { write_atomically(folder / "model", std::string_view(big)); });
    }
    CHECK(has(message, (folder / "model").string()));
    CHECK(has(message, "File too large; raise"));
    CHECK(read_text(folder / "model") == "the old one");
    CHECK(folder.count() == 1);
  }

  TEST_CASE("an exception while writing leaves the old file") {
    Folder folder;
    write_atomically(folder / "a", std::string_view("old"));
    CHECK_THROWS_AS(write_atomically(folder / "a", [](FileDraft& draft) {
      draft.write("half of the");
      throw NumericError("stop");
    }), NumericError);
    CHECK(read_text(folder / "a") == "old");
    CHECK(folder.count() == 1);
  }

  TEST_CASE("two writers of one file take turns") {
    Folder folder;
    const auto writer = [&](char letter) {
      for (int i = 0; i < 40; ++i) write_atomically(folder / "a", std::string_view(std::string(20'000, letter)));
    };
    std::thread first(writer, 'a'), second(writer, 'b');
    first.join(), second.join();
    const std::string text = read_text(folder / "a");
    CHECK(text == std::string(20'000, text.at(0)));
    CHECK(folder.count() == 1);
  }

  TEST_CASE("folders, devices and missing places are refused in words") {
    Folder folder;
    CHECK(has(refusal<FileError>([&] { read_file(folder.path); }), "is a folder"));
    const std::string missing = refusal<FileError>([&] { read_file(folder / "none"); });
    CHECK(has(missing, "check the path"));
    CHECK(!has(missing, "create the folder"));
    const auto on_writing = [](const fs::path& path) {
      return refusal<FileError>([&] { write_atomically(path, std::string_view("x")); });
    };
    CHECK(has(on_writing(folder / "no/where"), "create the folder"));
    CHECK(has(on_writing(folder.path), "expected the name of a file"));
    CHECK_THROWS_AS(write_atomically("/dev/null", std::string_view("x")), FileError);
  }

  TEST_CASE("a .npy array is read back as it was written") {
    Folder folder;
    const std::vector<double> real{1.5, -2, 1e300, 0, 0.1, std::numeric_limits<double>::infinity()};
    write_npy(folder / "a.npy", {2, 3}, real);
    const NpyArray array = read_npy(folder / "a.npy");
    CHECK(array.shape == std::vector<std::int64_t>{2, 3});
    CHECK(array.dtype == "<f8");
    CHECK(array.as<double>() == real);
    CHECK(read_file(folder / "a.npy").size() == 128 + 48);
    write_npy(folder / "b.npy", {}, std::vector<float>{0.1f});
    CHECK(read_npy(folder / "b.npy").shape.empty());
    CHECK(read_npy(folder / "b.npy").as<float>() == std::vector<float>{0.1f});
    write_npy(folder / "c.npy", {3}, std::vector<std::int64_t>{-1, 0, 5'000'000'000});
    CHECK(read_npy(folder / "c.npy").as<std::int64_t>() == std::vector<std::int64_t>{-1, 0, 5'000'000'000});
    CHECK_THROWS_AS(write_npy(folder / "d.npy", {2, 2}, real), ShapeError);
  }

  TEST_CASE("damaged and foreign .npy files are refused, whatever the damage") {
    Folder folder;
    write_npy(folder / "a.npy", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    const std::string good = read_text(folder / "a.npy");
    const auto on_reading = [&](std::string text, const std::string& from, const std::string& to) {
      if (!from.empty()) text.replace(text.find(from), from.size(), to);
      std::ofstream(folder / "b.npy", std::ios::binary) << text;
      return refusal<FileError>([&] { read_npy(folder / "b.npy"); });
    };
    CHECK(has(on_reading(good, "False", "True "), "Fortran order"));
    CHECK(has(on_reading(good, "<f4", ">f4"), "holds '>f4'"));
    CHECK(has(on_reading(good, "(2, 3)", "(2, 4)"), "its shape wants 32"));
    CHECK(has(on_reading(good, "shape", "shope"), "unknown key"));
    CHECK(has(on_reading(good.substr(0, 60), "", ""), "truncated"));
    CHECK(has(on_reading("not an array", "", ""), "not a .npy file"));
    Random random(5);
    for (int i = 0; i < 1500; ++i) {  // never a crash, an endless loop, or memory that the file does not have
      std::string text = good;
      for (int k = 0; k < 1 + i % 3; ++k)
        text[static_cast<std::size_t>(random.below(152))] = static_cast<char>(random.below(256));
      if (i % 5 == 0) text.resize(static_cast<std::size_t>(random.below(152)));
      std::ofstream(folder / "b.npy", std::ios::binary) << text;
      try {
        const NpyArray array = read_npy(folder / "b.npy");
        CHECK(array.bytes.size() <= text.size());
      } catch (const FileError&) {
      }
    }
  }

  TEST_CASE("every .npy file of the reference cases is read") {
    const auto data = shared_data();
    if (!data) {
      MESSAGE("the shared data are absent");
      return;
    }
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(*data / "onnx_ref")) {
      if (entry.path().extension() != ".npy") continue;
      const NpyArray array = read_npy(entry.path());
      std::int64_t size = 1;
      for (const std::int64_t extent : array.shape) size *= extent;
      CHECK(array.as<double>().size() == static_cast<std::size_t>(size));
      ++count;
    }
    CHECK(count > 100);
  }

  TEST_CASE("settings are read from JSON with comments, overridden, and dumped") {
    Run run;
    Settings settings = bind(run);
    CHECK_FALSE(settings.given("steps"));
    settings.parse("{ // a comment\n \"steps\": 2e3, /* another */ \"mask\": \"random\", \"decay\": 0.1 }");
    settings.set("flip=false");
    settings.set("learning_rate=.5");
    settings.set("seed=-9000000000");
    CHECK(run.steps == 2000);
    CHECK(run.mask == "random");
    CHECK(run.decay == 0.1f);
    CHECK(run.learning_rate == 0.5);
    CHECK(run.seed == -9'000'000'000);
    CHECK_FALSE(run.flip);
    CHECK(settings.given("steps"));
    CHECK(settings.given("flip"));
    CHECK_FALSE(bind(run).given("steps"));
    CHECK(has(settings.dump(), "{\n  \"steps\": 2000,\n  \"seed\": -9000000000,\n  \"decay\": 0.1,"));
    Run again;
    bind(again).parse(settings.dump());
    CHECK(again.decay == run.decay);
    CHECK(again.seed == run.seed);
    for (const Setting& setting : settings.all()) CHECK_FALSE(setting.help().empty());
    CHECK(settings.all()[2].default_text() == "0.05");
    for (Setting& setting : settings.all()) setting.set_text(setting.default_text());
    CHECK(run.learning_rate == 1.5e-4);
    CHECK(run.mask == "block");
  }

  TEST_CASE("a wrong setting is refused with what was expected and found") {
    Run run;
    Settings settings = bind(run);
    const auto on_parsing = [&](const std::string& text) {
      return refusal<ConfigError>([&] { settings.parse(text, "run.json"); });
    };
    const auto override = [&](const std::string& text) { return refusal<ConfigError>([&] { settings.set(text); }); };
    CHECK(has(on_parsing(R"({"lerning_rate": 1})"),
              "unknown key 'lerning_rate' in run.json; did you mean 'learning_rate'?"));
    CHECK(has(on_parsing(R"({"zzz": 1})"), "known are 'steps', 'seed'"));
    CHECK(has(on_parsing(R"({"steps": "many"})"), "'steps' expects an integer of at least 1; found \"many\""));
    CHECK(has(on_parsing(R"({"steps": 1.5})"), "found 1.5"));
    CHECK(has(on_parsing(R"({"steps": 3000000000})"), "found 3000000000"));
    CHECK(has(on_parsing(R"({"steps": 0})"), "at least 1; found 0"));
    CHECK(has(on_parsing(R"({"decay": 2})"), "a number from 0 to 1; found 2"));
    CHECK(has(on_parsing(R"({"learning_rate": 0})"), "a number above 0"));
    CHECK(has(on_parsing(R"({"mask": "blok"})"), "one of block, random; found \"blok\"; did you mean 'block'?"));
    CHECK(has(on_parsing(R"({"flip": 1})"), "true or false"));
    CHECK(has(on_parsing(R"({"seed": {"a": 1}})"), "found {\"a\":1}"));
    CHECK(has(on_parsing(R"({"steps": 5, "steps": 6})"), "'steps' occurs twice in run.json"));
    CHECK(has(on_parsing("{\"steps\": 5,\n }"), "not valid JSON: parse error at line 2"));
    CHECK(has(on_parsing("[1]"), "one JSON object"));
    CHECK(has(override("steps"), "key=value"));
    CHECK(has(override("steps="), "expects an integer"));
    CHECK(has(override("flip=perhaps"), "found \"perhaps\""));
    CHECK(has(refusal<ConfigError>([&] { settings.add("steps", run.steps, "again"); }), "declared twice"));
    CHECK(edit_distance("lerning_rate", "learning_rate") == 1);
    CHECK(edit_distance("stesp", "steps") == 1);
    CHECK(edit_distance("", "abc") == 3);
  }

  TEST_CASE("a log reads back, with null for what is not a finite number") {
    Folder folder;
    JsonlLog log(folder / "log.jsonl");
    log.write({{"step", 1}, {"loss", 0.1f}, {"note", "a \"quoted\"\nword\xff"}});
    log.write({{"step", 2}, {"loss", std::nan("")}});
    CHECK(has(read_text(folder / "log.jsonl"), "{\"step\":1,\"loss\":0.1,"));
    CHECK(has(read_text(folder / "log.jsonl"), "{\"step\":2,\"loss\":null}\n"));
    const std::vector<LogRecord> records = read_log(folder / "log.jsonl");
    REQUIRE(records.size() == 2);
    CHECK(records[0].number("loss") == 0.1);
    CHECK(has(records[0].text("note"), "a \"quoted\"\nword"));
    CHECK(std::isnan(records[1].number("loss")));
    const auto curve = log_curve(records, "step", "loss");
    REQUIRE(curve.size() == 2);
    CHECK(curve[1].first == 2);
    CHECK(log_curve(records, "step", "absent").empty());
  }

  TEST_CASE("a resumed run leaves one consistent log, also after a torn line") {
    Folder folder;
    {
      JsonlLog log(folder / "log.jsonl");
      log.write({{"event", "start"}});
      for (int step = 1; step <= 10; ++step) log.write({{"step", step}});
      log.write({{"event", "late"}});
    }
    std::ofstream(folder / "log.jsonl", std::ios::app) << "{\"step\": 11, \"lo";
    CHECK(read_log(folder / "log.jsonl").size() == 12);
    {
      JsonlLog log(folder / "log.jsonl");
      log.resume_at(6);
      log.write({{"step", 7}, {"again", 1}});
    }
    const std::vector<LogRecord> records = read_log(folder / "log.jsonl");
    REQUIRE(records.size() == 8);
    CHECK(records[0].text("event") == "start");
    for (int step = 1; step <= 7; ++step) CHECK(records[static_cast<std::size_t>(step)].number("step") == step);
    std::ofstream(folder / "log.jsonl", std::ios::app) << "not json\n{\"step\":8}\n";
    CHECK(has(refusal<FileError>([&] { read_log(folder / "log.jsonl"); }), "line 9"));
  }
}
