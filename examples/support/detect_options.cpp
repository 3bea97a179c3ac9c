#include "detect_options.hpp"

#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/train/object_subset.hpp>

void declare(vitrail::Settings& settings, DetectOptions& o, const std::vector<std::string>& presets) {
  using namespace vitrail;
  o.preset = presets.front();
  settings.add("data", o.data, "\"shapes\" for the built-in scenes, or a folder in COCO's format");
  settings.add("encoder", o.encoder, "encoder.safetensors of a pre-training; empty: from scratch");
  settings.add("images", o.images, "annotated training pictures to use; 0: all", at_least(0));
  settings.add("out", o.out, "run folder; a run that was stopped goes on from its checkpoint there");
  settings.add("preset", o.preset, "the model; by default the encoder's", one_of(presets));
  settings.add("steps", o.steps,
               "optimiser steps; the rate falls to a tenth after three quarters of them, and once more after eleven twelfths", at_least(1));
  settings.add("batch", o.batch, "images per step; by default no more than there are", at_least(1));
  settings.add("learning_rate", o.learning_rate, "after warm-up; the paper's for batches of 16 and COCO is 1e-4", above(0));
  settings.add("warmup", o.warmup, "steps of linear warm-up", at_least(0));
  settings.add("weight_decay", o.weight_decay, "of the weights of linear maps and convolutions", at_least(0));
  settings.add("layer_decay", o.layer_decay, "factor of the learning rate from each layer of the encoder to the one before it", between(0.01, 1));
  settings.add("clip", o.clip, "largest norm of the gradient; 0 for none", at_least(0));
  settings.add("drop_path", o.drop_path, "probability that the encoder's last block is left out", between(0, 0.99));
  settings.add("crop_min", o.crop_min, "smallest share of the area that a random crop keeps", between(0.01, 1));
  settings.add("count", o.count, "pictures of the built-in set", at_least(10));
  settings.add("objects", o.objects, "objects in a picture of the built-in set, at most", between(1, 8));
  declare_run(settings, o, "evaluations");
}

AnnotatedImages open_annotated(const DetectOptions& o, int size) {
  using namespace vitrail;
  AnnotatedImages out;
  const std::uint64_t seed = static_cast<std::uint64_t>(o.seed);
  if (o.data == "shapes") {
    out.train = std::make_shared<TexturedShapes>(ShapesConfig{.count = o.count, .size = size, .seed = seed, .objects = o.objects});
    out.validation = std::make_shared<TexturedShapes>(
        ShapesConfig{.count = std::max(10, o.count / 8), .size = size, .seed = 1'000'003, .objects = o.objects});  // the same for all seeds
    out.description = "built-in scenes";
  } else {
    const CocoFolders folders = find_coco(o.data);
    out.description = o.data;
    out.train = std::make_shared<CocoImages>(folders.train.annotations, folders.train.images, CocoPictures::with_objects);
    if (folders.validation) {
      out.validation = out.coco = std::make_shared<CocoImages>(folders.validation->annotations, folders.validation->images);
    } else {
      std::vector<int> train, validation;
      for (int i = 0; i < out.train->size(); ++i) (i % 5 == 4 ? validation : train).push_back(i);
      if (validation.empty())
        throw ConfigError("expected at least 5 pictures with objects, or a folder of validation pictures, found " +
                          std::to_string(out.train->size()) + " in " + o.data);
      const std::shared_ptr<const ObjectSet> whole = out.train;
      out.train = std::make_shared<ObjectSubset>(whole, std::move(train)),
      out.validation = std::make_shared<ObjectSubset>(whole, std::move(validation));
      out.description += " (a fifth held out)";
    }
    if (out.train->classes() != out.validation->classes())
      throw ConfigError("the categories of the training and validation pictures in " + o.data + " differ: expected the same names and ids");
  }
  out.description += ": " + std::to_string(out.train->size()) + " training pictures, " + std::to_string(out.validation->size()) +
                     " validation pictures, " + std::to_string(out.train->classes().size()) + " classes";
  return out;
}

void AnnotatedImages::use(int count, vitrail::Random random) {
  if (count <= 0 || count >= train->size()) return;
  train = std::make_shared<vitrail::ObjectSubset>(train, vitrail::balanced_choice(*train, count, random));
  description += ", of which " + std::to_string(count) + " are used to learn";
}
