// Features of a whole image set by a fixed encoder: what k-NN and the linear probe look at.
#pragma once
#include <cmath>

#include "../core/config.hpp"
#include "../autograd/var.hpp"
#include "../nn/model.hpp"
#include "batches.hpp"
#include "readout.hpp"

namespace vitrail {

struct Features {
  int count = 0, dim = 0;
  std::vector<float> values;  // (count, dim)
  std::vector<int> labels;    // (count); -1: unlabelled
  std::vector<int> indices;   // (count): which images of the set; those that could not be read are left out

  const float* row(int i) const { return values.data() + static_cast<std::ptrdiff_t>(i) * dim; }
  float* row(int i) { return values.data() + static_cast<std::ptrdiff_t>(i) * dim; }
};

namespace detail {
// Appends the images of a batch by write(place in the batch, values), without those that stand in for unreadable ones.
template <class Write>
void append_batch(Features& to, const Batch& batch, int& position, Write write) {
  for (int b = 0; b < batch.size; ++b) {
    const std::size_t at = static_cast<std::size_t>(b);
    if (batch.indices[at] != position++) continue;
    write(b, to.values);
    to.labels.push_back(batch.labels[at]);
    to.indices.push_back(batch.indices[at]);
    ++to.count;
  }
}

// A value's numbers, not narrower than wide<T>.
template <class Value>
std::vector<wide<scalar_of<Value>>> on_host(const Value& x) {
  using T = scalar_of<Value>;
  std::vector<T> values(static_cast<std::size_t>(x.shape.size()));
  x.device().download(values.data(), x.data(), values.size() * sizeof(T));
  if constexpr (std::is_same_v<T, wide<T>>) return values;
  else return {values.begin(), values.end()};
}
}  // namespace detail

// Features of every image of a set, in order. `views` is unshuffled: see evaluation_views(). Nothing is recorded, and
// one batch's values are held at a time: evaluation_cost<Encoder>(batch).value_bytes. The encoder gives (B, lead + N,
// D). Throws ConfigError for a loader or pooling that does not fit the encoder, FileError if no image can be read.
// Another batch size changes features by rounding alone, another number of threads not at all.
template <class T = float, class Device, class Encoder>
Features extract_features(Device& device, const Encoder& encoder, const ImageSet& set, const LoaderConfig& views,
                          Pooling pooling = {}) {
  using Images = typename Encoder::images_shape;
  constexpr int grid = Encoder::config.grid(), sequence = Encoder::lead + Encoder::tokens;
  const TokenPool pool(pooling, Encoder::lead, grid, Encoder::dim);
  const auto values_of = [](const auto& images) { Encoder{}(images); };
  const std::size_t bytes = detail::planned_bytes<Images, T>(std::min(views.batch, set.size()), values_of);
  Features out;
  out.dim = pool.dim();
  int position = 0;
  evaluate_batches<Images, T>(device, set, views, bytes, [&](const Batch& batch, const auto& images) {
    const std::vector<wide<T>> tokens = detail::on_host(encoder(images));  // (B, lead + N, D)
    detail::append_batch(out, batch, position, [&](int b, std::vector<float>& to) {
      pool(tokens.data() + static_cast<std::ptrdiff_t>(b) * sequence * Encoder::dim, to);
    });
  });
  return out;
}

// The same with a model that is an encoder, or one that has an encoder (a pre-training objective, a classifier).
template <class M, class Device, class T>
Features extract_features(const Model<M, Device, T>& model, const ImageSet& set, const LoaderConfig& views,
                          Pooling pooling = {}) {
  if constexpr (requires { model->encoder; })
    return extract_features<T>(model.device(), model->encoder, set, views, pooling);
  else return extract_features<T>(model.device(), *model, set, views, pooling);
}

// Throws ConfigError or NumericError unless every row has a label and finite numbers. `who` begins the message.
VITRAIL_FUNCTION void check_labelled(const Features& features, const std::string& who);
VITRAIL_FUNCTION void check_pair(const Features& train, const Features& test, const std::string& who);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/features.hpp"
#endif
