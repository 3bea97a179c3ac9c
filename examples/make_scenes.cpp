// Writes the built-in scenes as a data set in COCO's format: DIR/train and DIR/validation, each with annotations.json and images/. For trying
// programs that read such sets, and for pre-training on the pictures alone.
#include <iostream>

#include <vitrail/io/coco.hpp>
#include <vitrail/io/config.hpp>
#include <vitrail/io/textured_shapes.hpp>

#include "support/command_line.hpp"

using namespace vitrail;

int main(int argc, char** argv) {
  return guarded("make_scenes", [&] {
    std::string out = "runs/scenes";
    int count = 4000, size = 64, objects = 4;
    std::int64_t seed = 0;
    Settings settings;
    settings.add("out", out, "the folder to write");
    settings.add("count", count, "training pictures; an eighth as many to validate with", at_least(1));
    settings.add("size", size, "pixels of a side", between(8, 8192));
    settings.add("objects", objects, "in a picture, at most", between(1, 64));
    settings.add("seed", seed, "of the training pictures; those of validation are the same for all seeds", at_least(0));
    CommandLine line("Writes the built-in scenes in COCO's format.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    const std::filesystem::path folder = out;
    const auto write = [&](const char* part, int images, std::uint64_t of) {
      write_coco(folder / part, TexturedShapes({.count = images, .size = size, .seed = of, .objects = objects}));
      std::cout << (folder / part).string() << ": " << images << " pictures\n";
    };
    write("train", count, static_cast<std::uint64_t>(seed));
    write("validation", std::max(10, count / 8), 1'000'003);
    return 0;
  });
}
