// Every header keeps the rules of rules.hpp; and planted faults are found, so that silence means something.
#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "rules.hpp"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Calls f(path below the root, text) for each header.
template <class F>
int for_each_header(const fs::path& root, F f) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string kind = entry.path().extension().string();
    if (kind != ".hpp" && kind != ".cuh") continue;
    f(entry.path().lexically_relative(root), read(entry.path()));
    ++count;
  }
  return count;
}

void report(const fs::path& header, const house::Sentences& faults) {
  for (const std::string& fault : faults) FAIL_CHECK(header.string(), " ", fault);
}

const fs::path root = VITRAIL_HEADERS;

}  // namespace

TEST_SUITE("layering") {
  TEST_CASE("the list of what vitrail::compiled has names every kernel of Cpu, and CUDA has a kernel for each") {
    std::set<std::string> written, listed, cuda;
    const auto collect = [](const std::string& text, const char* pattern, std::set<std::string>& into) {
      const std::regex name(pattern);
      for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) into.insert((*at)[1]);
    };
    for_each_header(root, [&](const fs::path& header, const std::string& text) {
      if (header.parent_path() == "backends/cuda") collect(text, R"(struct Kernel<op::(\w+), D>)", cuda);
      if (header.parent_path() != "backends/cpu") return;
      if (header.filename() == "compiled.hpp") collect(text, R"(FORWARD(?:_ELSEWHERE)?\((\w+), )", listed);
      else collect(text, R"(template <>\s*struct Kernel<op::(\w+), Cpu>)", written);
    });
    for (const char* parameter : {"OP", "op"}) listed.erase(parameter);
    CHECK(written.size() > 50);
    CHECK(listed == written);
    for (const char* own : {"Round", "NormMlp", "Widen"}) CHECK(cuda.erase(own) == 1);  // of values narrower than parameters: not Cpu's
    CHECK(cuda.erase("RenderViews") == 1);  // Cpu's views are rendered by the loader's code
    CHECK(cuda == written);
  }

  TEST_CASE("each folder includes only itself and folders to its left") {
    const int count = for_each_header(root, [](const fs::path& header, const std::string& text) {
      report(header, house::include_faults(root, header, house::code_of(text)));
    });
    CHECK(count > 0);
  }

  TEST_CASE("no header prints, stops the program, draws foreign random numbers or asks for its hardware") {
    for_each_header(root, [](const fs::path& header, const std::string& text) {
      report(header, house::word_faults(header, house::code_of(text)));
    });
  }

  TEST_CASE("each header opens with a comment, is guarded, and is short") {
    for_each_header(root,
                    [](const fs::path& header, const std::string& text) { report(header, house::form_faults(text)); });
  }

  TEST_CASE("a wrong include is found") {
    const auto faults = [](const char* header, const std::string& line) {
      return house::include_faults(root, header, house::code_of(line + "\n")).size();
    };
    CHECK(faults("tensor/a.hpp", "#include \"../core/error.hpp\"") == 0);
    CHECK(faults("core/a.hpp", "#include \"error.hpp\"") == 0);
    CHECK(faults("core/a.hpp", "#include \"../tensor/image.hpp\"") == 1);
    CHECK(faults("vit/a.hpp", "#include \"../train/image_set.hpp\"") == 1);
    CHECK(faults("vit/a.hpp", "  #  include \"../train/image_set.hpp\"  // because") == 1);
    CHECK(faults("vitrail.hpp", "#include \"train/image_set.hpp\"") == 0);
    CHECK(faults("train/a.hpp", "#include \"../vitrail.hpp\"") >= 1);
    CHECK(faults("train/a.hpp", "#include <vitrail/core/error.hpp>") == 1);
    CHECK(faults("train/a.hpp", "#include \"../core/nowhere.hpp\"") == 1);
    CHECK(faults("train/a.hpp", "#include \"../../../tests/main.cpp\"") >= 1);
    CHECK(faults("train/a.hpp", "#include <nlohmann/json.hpp>") == 1);
    CHECK(faults("io/a.hpp", "#include <nlohmann/json.hpp>") == 0);
    CHECK(faults("elsewhere/a.hpp", "") == 1);
    CHECK(faults("core/a.hpp", "// #include \"../tensor/image.hpp\"") == 0);
  }

  TEST_CASE("a forbidden word is found, and only in code") {
    const auto faults = [](const char* header, const std::string& line) {
      return house::word_faults(header, house::code_of(line + "\n")).size();
    };
    for (const char* line :
         {"std::cout << 1;", "std::printf(\"x\");", "if (x) abort();", "assert(x > 0);", "std::exit(1);",
          "std::mt19937 g;", "std::uniform_int_distribution<int> d;", "int x = std::rand();"}) {
      CAPTURE(line);
      CHECK(faults("core/a.hpp", line) == 1);
    }
    for (const char* line : {"static_assert(x > 0);", "// assert(x) is not used", "const char* t = \"std::cout\";",
                             "log.abort();", "std::snprintf(at, 4, \"x\");", "/* abort() */ int x;", "int n = 1'000;",
                             "const char quote = '\"'; // abort()"}) {
      CAPTURE(line);
      CHECK(faults("core/a.hpp", line) == 0);
    }
    CHECK(faults("ops/a.hpp", "#if defined(__CUDACC__)") == 1);
    CHECK(faults("io/a.hpp", "#ifdef VITRAIL_HAS_CUDA") == 1);
    CHECK(faults("io/a.hpp", "#ifdef _WIN32") == 0);
    CHECK(faults("train/a.hpp", "#if VITRAIL_BODIES") == 1);
    CHECK(faults("train/a.hpp", "#include \"../core/config.hpp\"\n#if VITRAIL_BODIES") == 0);
    CHECK(faults("train/a.hpp", "#if !VITRAIL_BODIES") == 1);
    CHECK(faults("backends/cpu.hpp", "#if defined(__AVX512F__)") == 0);
    CHECK(faults("core/a.hpp", "int n = 1'000; char c = 'x'; abort();") == 1);
  }

  TEST_CASE("a header in bad form is found") {
    const std::string good = "// What it is.\n#pragma once\n";
    std::string many, wide = "// ";
    for (int i = 0; i < 300; ++i) many += "int x;\n";
    for (int i = 0; i < 138; ++i) wide += "x";
    CHECK(house::form_faults(good).empty());
    CHECK(house::form_faults("#pragma once\n").size() == 1);
    CHECK(house::form_faults("// What it is.\n").size() == 1);
    CHECK(house::form_faults("// What it is.\n// #pragma once\n").size() == 1);
    CHECK(house::form_faults(good + many).size() == 1);
    CHECK(house::form_faults("// What it is; long because tables are.\n#pragma once\n" + many).empty());
    CHECK(house::form_faults(good + wide + "\n").size() == 1);
    CHECK(house::form_faults(good + "// é" + std::string(115, 'x') + "\n").empty());
  }
}
