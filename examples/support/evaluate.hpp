// What a pre-training is worth: k-NN while it runs; at its end k-NN and a linear probe, beside the same encoder with random
// weights and beside raw pixels. Everything goes into the log, so that a resumed run has it as well.
#pragma once
#include <functional>
#include <optional>

#include <vitrail/eval/layers.hpp>
#include <vitrail/eval/token_entropy.hpp>
#include <vitrail/io/log.hpp>
#include <vitrail/vit/config.hpp>

#include "data.hpp"
#include "device.hpp"

// One read-out: its accuracy on validation images, in shares; negative where it was not measured.
struct ResultLine {
  std::string name;
  double pretrained = -1, random = -1;

  std::string text() const;
};

// Features of a set by some encoder: all that an evaluation needs of it, so that it is compiled once for all encoders.
using FeaturesOf = std::function<vitrail::Features(const vitrail::ImageSet&, vitrail::Pooling)>;

class Evaluation {
 public:
  // Features come from `device`; what is made of them, from `host`. At most `limit` training images, balanced over the classes, and all
  // validation images up to the same number.
  Evaluation(Device& device, vitrail::Cpu& host, const Images& images, const vitrail::ViTConfig& vit, int limit, int workers);
  bool possible() const { return train_ != nullptr; }

  // Before the first step: the entropy of the tokenizer, if there is one, under the training's views, and the random encoder.
  template <class Objective> void start(Objective& objective, vitrail::LoaderConfig training_views, const vitrail::ImageSet& images, vitrail::JsonlLog& log) {
    std::optional<vitrail::TokenUsage> usage;
    if constexpr (requires { objective.tokenizer; }) {
      training_views.shuffle = false, training_views.rendering = vitrail::Rendering::by_loader;
      usage = vitrail::token_usage<typename Objective::images_shape, ValueType>(*device_, objective.tokenizer, images, training_views);
    }
    start(features_of(objective.encoder), usage, log);
  }
  template <class Objective> void during(Objective& objective, std::int64_t step, vitrail::JsonlLog& log) {
    if (possible()) during(knn(features_of(objective.encoder)), step, log);
  }
  template <class Objective> std::vector<ResultLine> finish(Objective& objective, std::int64_t step, vitrail::JsonlLog& log, const std::filesystem::path& log_file) {
    return finish(features_of(objective.encoder), step, log, log_file);
  }

  // The floor: k-NN on 16 x 16 colour thumbnails.
  double pixels() const;
  template <class Encoder> std::vector<ResultLine> measure(const Encoder& encoder) { return measure(features_of(encoder)); }
  int unreadable() const { return unreadable_; }  // images that the last measurement did without

  // A linear probe on each block's output, and on the final normalisation's.
  template <class Encoder> std::vector<ResultLine> layers(const Encoder& encoder) const {
    std::vector<ResultLine> lines;
    const std::string read = Encoder::lead == 1 ? "linear probe, token + mean" : "linear probe, mean";
    for (const vitrail::LinearProbeResult& probe : vitrail::probe_layers(*host_, encoder, *train_, *test_, views_))
      lines.push_back({read + ", block " + std::to_string(lines.size() + 1), probe.accuracy});
    lines.back().name = read + ", final norm";
    return lines;
  }

 private:
  template <class Encoder> FeaturesOf features_of(const Encoder& encoder) const {
    return [this, &encoder](const vitrail::ImageSet& set, vitrail::Pooling pooling) {
      return vitrail::extract_features<ValueType>(*device_, encoder, set, views_, pooling);
    };
  }
  void start(const FeaturesOf& features, const std::optional<vitrail::TokenUsage>& usage, vitrail::JsonlLog& log);
  std::vector<ResultLine> finish(const FeaturesOf& features, std::int64_t step, vitrail::JsonlLog& log, const std::filesystem::path& log_file);
  std::vector<ResultLine> measure(const FeaturesOf& features);
  void during(double knn, std::int64_t step, vitrail::JsonlLog& log);
  double knn(const FeaturesOf& features) const;

  Device* device_;
  vitrail::Cpu* host_;
  vitrail::LoaderConfig views_;
  std::shared_ptr<const vitrail::ImageSet> train_, test_;
  int unreadable_ = 0;
};
