// What a pre-training is worth: k-NN while it runs; at its end k-NN and a linear probe, beside the same encoder with random
// weights and beside raw pixels. Everything goes into the log, so that a resumed run has it as well.
#pragma once
#include <cstdio>

#include <vitrail/eval/knn.hpp>
#include <vitrail/eval/layers.hpp>
#include <vitrail/eval/pixels.hpp>
#include <vitrail/eval/token_entropy.hpp>
#include <vitrail/io/log.hpp>

#include "data.hpp"

// One read-out: its accuracy on validation images, in shares; negative where it was not measured.
struct ResultLine {
  std::string name;
  double pretrained = -1, random = -1;

  std::string text() const {
    char line[160];
    if (pretrained < 0) std::snprintf(line, sizeof line, "%-34s           random encoder %5.1f %%", name.c_str(), 100 * random);
    else if (random < 0) std::snprintf(line, sizeof line, "%-34s %5.1f %%", name.c_str(), 100 * pretrained);
    else std::snprintf(line, sizeof line, "%-34s %5.1f %%   random encoder %5.1f %%", name.c_str(), 100 * pretrained, 100 * random);
    return line;
  }
};

template <class P> class Evaluation {
 public:
  // At most `limit` training images, balanced over the classes, and all validation images up to the same number.
  Evaluation(vitrail::Cpu& device, const Images& images, int limit, int workers) : device_(&device) {
    views_ = {.batch = 64, .size = P::config.image, .channels = P::config.channels};
    views_.workers = workers;
    views_ = vitrail::evaluation_views(views_, 1);
    if (images.validation == nullptr || images.train->classes().size() < 2) return;
    train_ = first(images.train, limit), test_ = first(images.validation, limit);
  }
  bool possible() const { return train_ != nullptr; }

  // Before the first step: the entropy of the tokenizer, if there is one, under the training's views, and the random encoder.
  template <class Objective> void start(Objective& objective, vitrail::LoaderConfig training_views, const vitrail::ImageSet& images, vitrail::JsonlLog& log) {
    std::vector<vitrail::LogField> fields{{"event", "start"}};
    if constexpr (requires { objective.tokenizer; }) {
      training_views.shuffle = false;
      const vitrail::TokenUsage usage = vitrail::token_usage<typename Objective::images_shape>(*device_, objective.tokenizer, images, training_views);
      fields.insert(fields.end(), {{"token_entropy", usage.entropy}, {"tokens_used", usage.used}, {"vocabulary", P::vocabulary}});
    }
    if (possible())
      for (const ResultLine& line : measure(objective.encoder)) fields.emplace_back("random: " + line.name, line.pretrained);
    log.write(fields);
    if (possible()) log.write({{"step", 0}, {"knn", knn(objective.encoder)}});
  }
  template <class Objective> void during(Objective& objective, std::int64_t step, vitrail::JsonlLog& log) {
    if (possible()) log.write({{"step", step}, {"knn", knn(objective.encoder)}});
  }
  template <class Objective> std::vector<ResultLine> finish(Objective& objective, std::int64_t step, vitrail::JsonlLog& log, const std::filesystem::path& log_file) {
    if (!possible()) return {};
    std::vector<ResultLine> lines = measure(objective.encoder);
    log.write({{"step", step}, {"knn", lines[0].pretrained}});
    std::vector<vitrail::LogField> fields{{"event", "end"}, {"step", step}};
    for (const vitrail::LogRecord& record : vitrail::read_log(log_file))
      if (record.text("event") == "start")
        for (ResultLine& line : lines) line.random = record.number("random: " + line.name);
    for (const ResultLine& line : lines) fields.emplace_back(line.name, line.pretrained);
    lines.push_back({"raw pixels, k-NN", pixels(), -1});
    fields.emplace_back(lines.back().name, lines.back().pretrained);
    log.write(fields);
    return lines;
  }

  // The floor: k-NN on 16 x 16 colour thumbnails.
  double pixels() const {
    return vitrail::knn_accuracy(*device_, vitrail::pixel_features(*train_), vitrail::pixel_features(*test_), {.k = nearest()});
  }
  template <class Encoder> std::vector<ResultLine> measure(const Encoder& encoder) const {
    using vitrail::Readout;
    const vitrail::Pooling mean{Readout::mean}, grid{Readout::grid, 4};
    const vitrail::Features a = features(encoder, *train_, mean), b = features(encoder, *test_, mean);
    std::vector<ResultLine> lines{{"k-NN, mean of patches", vitrail::knn_accuracy(*device_, a, b, {.k = nearest()})},
                                  {"linear probe, mean of patches", vitrail::linear_probe(*device_, a, b).accuracy}};
    const vitrail::Features c = features(encoder, *train_, grid), d = features(encoder, *test_, grid);
    lines.push_back({"linear probe, 4 x 4 grid", vitrail::linear_probe(*device_, c, d).accuracy});
    return lines;
  }

  // A linear probe on each block's output, and on the final normalisation's.
  template <class Encoder> std::vector<ResultLine> layers(const Encoder& encoder) const {
    std::vector<ResultLine> lines;
    for (const vitrail::LinearProbeResult& probe : vitrail::probe_layers(*device_, encoder, *train_, *test_, views_))
      lines.push_back({"linear probe, block " + std::to_string(lines.size() + 1), probe.accuracy});
    lines.back().name = "linear probe, final normalisation";
    return lines;
  }

 private:
  static std::shared_ptr<const vitrail::ImageSet> first(const std::shared_ptr<const vitrail::ImageSet>& set, int limit) {
    if (set->size() <= limit) return set;
    std::vector<int> order = vitrail::balanced_order(*set, vitrail::Random{0xE7A1});
    order.resize(static_cast<std::size_t>(limit));
    return std::make_shared<vitrail::Subset>(set, std::move(order));
  }
  int nearest() const { return std::min(20, train_->size()); }

  template <class Encoder> double knn(const Encoder& encoder) const {
    return vitrail::knn_accuracy(*device_, features(encoder, *train_, {}), features(encoder, *test_, {}), {.k = nearest()});
  }
  template <class Encoder> vitrail::Features features(const Encoder& encoder, const vitrail::ImageSet& set, vitrail::Pooling pooling) const {
    return vitrail::extract_features(*device_, encoder, set, views_, pooling);
  }

  vitrail::Cpu* device_;
  vitrail::LoaderConfig views_;
  std::shared_ptr<const vitrail::ImageSet> train_, test_;
};
