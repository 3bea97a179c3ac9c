// What a trained classifier says about an image set.
#pragma once
#include "features.hpp"
#include "metrics.hpp"

namespace vitrail {

struct ClassifyConfig {
  bool flip = false;  // also look at each image's mirror image, and average the scores
};

struct Classification {
  double accuracy = 0;
  std::vector<int> predictions, labels, indices;  // (images): which class, the right one, which image of the set
};

// Scores before softmax of every image of a set, as features of dim K, or of the classes that are used. `classifier` has logits(images):
// (B, C, I, I) -> (B, K). Throws as extract_features does.
template <class T = float, class Device, class Classifier>
Features extract_logits(Device& device, const Classifier& classifier, const ImageSet& set, const LoaderConfig& views,
                        const ClassifyConfig& config = {}) {
  using Images = typename Classifier::images_shape;
  const auto values_of = [](const auto& images) { Classifier{}.logits(images); };
  const std::size_t bytes = detail::planned_bytes<Images, T>(std::min(views.batch, set.size()), values_of);
  Features out;
  const auto pass = [&](const LoaderConfig& seen, bool add) {
    int position = 0, row = 0;
    evaluate_batches<Images, T>(device, set, seen, bytes, [&](const Batch& batch, const auto& images) {
      const auto logits = classifier.logits(images);  // (B, K)
      constexpr int classes = last_extent<shape_of<decltype(logits)>>;
      out.dim = classes;
      if constexpr (requires { classifier.classes_used; }) out.dim = classifier.classes_used;
      const std::vector<wide<T>> scores = detail::on_host(logits);
      const auto score = [&](int b, int k) {
        return static_cast<float>(scores[static_cast<std::size_t>(b * classes + k)]);
      };
      if (!add)
        return detail::append_batch(out, batch, position, [&](int b, std::vector<float>& to) {
          for (int k = 0; k < out.dim; ++k) to.push_back(score(b, k));
        });
      for (int b = 0; b < batch.size; ++b) {
        if (batch.indices[static_cast<std::size_t>(b)] != position++) continue;
        float* const to = out.row(row++);
        for (int k = 0; k < out.dim; ++k) to[k] = 0.5f * (to[k] + score(b, k));
      }
    });
  };
  pass(views, false);
  if (config.flip) {
    LoaderConfig mirrored = views;
    mirrored.augment.flip = 1 - views.augment.flip;
    pass(mirrored, true);
  }
  return out;
}

// The likeliest class of every image, and the share that is right. Throws ConfigError if the set has no labels.
template <class T = float, class Device, class Classifier>
Classification classify(Device& device, const Classifier& classifier, const ImageSet& set, const LoaderConfig& views,
                        const ClassifyConfig& config = {}) {
  Features logits = extract_logits<T>(device, classifier, set, views, config);
  check_labelled(logits, "classify");
  Classification out;
  for (int i = 0; i < logits.count; ++i)
    out.predictions.push_back(
        static_cast<int>(std::max_element(logits.row(i), logits.row(i) + logits.dim) - logits.row(i)));
  out.labels = std::move(logits.labels), out.indices = std::move(logits.indices);
  out.accuracy = accuracy(out.predictions, out.labels);
  return out;
}
// The same with a model that is a classifier; of an average beside it, give its device and `model->average.target`.
template <class M, class Device, class T>
Features extract_logits(const Model<M, Device, T>& model, const ImageSet& set, const LoaderConfig& views,
                        const ClassifyConfig& config = {}) {
  return extract_logits<T>(model.device(), *model, set, views, config);
}
template <class M, class Device, class T>
Classification classify(const Model<M, Device, T>& model, const ImageSet& set, const LoaderConfig& views,
                        const ClassifyConfig& config = {}) {
  return classify<T>(model.device(), *model, set, views, config);
}
template <class M, class Device, class T>
double classify_accuracy(const Model<M, Device, T>& model, const ImageSet& set, const LoaderConfig& views,
                         const ClassifyConfig& config = {}) {
  return classify(model, set, views, config).accuracy;
}

}  // namespace vitrail
