// Pictures of what a model does with a few images: what it sees, what it predicts of the rest, and where it looks.
#pragma once
#include <vitrail/eval/attention_maps.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/report.hpp>
#include <vitrail/train/loader.hpp>

#include "pictures.hpp"
#include "presets.hpp"

struct Inspection {
  std::vector<vitrail::Picture> row;  // the image; what each branch sees and predicts, where the method predicts patches; attention
  double right = -1;                  // share of the words that are predicted exactly; below 0: the method predicts none
};

// Which of the pictures below a method has.
template <class Objective> concept SplitsImages = requires { typename Objective::Branches; };
template <class Objective> concept PredictsWords = requires(Objective& o) { o.tokenizer, o.head; };
template <class Objective> concept PredictsPixels = requires(Objective& o) { o.target, o.decoder; };

// Predicted words, each drawn as its codebook's patch with the true patch's contrast. images (B, C, I, I).
template <class P, class Objective>
void add_words(std::vector<Inspection>& all, Objective& objective, const auto& images, const vitrail::Batch& batch, const auto& part) {
  using namespace vitrail;
  constexpr int size = P::config.image, patch = P::config.patch, channels = P::config.channels, N = Objective::N, M = Objective::M, K = Objective::K;
  constexpr int values = channels * size * size, zoom = pictures::zoom(size), branches = SplitsImages<Objective> ? 2 : 1;
  constexpr TokenizerConfig words = decltype(objective.tokenizer)::config;
  const auto ids = objective.tokenizer(images);                                                                     // (B, N)
  const auto scores = [&] {
    if constexpr (SplitsImages<Objective>)
      return objective.head(gather<Objective::L>(objective.reconstruct(images, part), unfold<2>(part.masked)));     // (2B, M, K)
    else return objective.head(gather<Objective::L>(objective.features(images, part), part.masked));                // (B, M, K)
  }();
  const float* codes = weights<float>(objective.tokenizer.codebook);
  const auto shrunk = patchify<patch, words.shrink()>(images);                                                      // (B, N, P)
  for (int b = 0; b < batch.size; ++b) {
    const float* image = images.at + static_cast<std::ptrdiff_t>(b) * values;
    Inspection& inspection = all[static_cast<std::size_t>(b)];
    int right = 0;
    for (int branch = 0; branch < branches; ++branch) {
      Image seen = pictures::from_tensor(image, channels, size, zoom);
      std::vector<float> filled(image, image + values);
      const int* masked = part.masked.row(b) + branch * M;
      for (int j = 0; j < M; ++j) {
        pictures::paint(seen, masked[j], patch * zoom, 128, 128, 128);
        const float* score = scores.at + (static_cast<std::ptrdiff_t>(branches * b + branch) * M + j) * K;
        const int word = static_cast<int>(std::max_element(score, score + K) - score);
        right += word == ids.at[b * N + masked[j]];
        const float* own = shrunk.at + (static_cast<std::ptrdiff_t>(b) * N + masked[j]) * words.values();
        float norm = 0;
        for (int i = 0; i < words.values(); ++i) norm += own[i] * own[i];
        pictures::put_patch(filled.data(), channels, size, patch, masked[j], codes + static_cast<std::ptrdiff_t>(word) * words.values(), words.side(),
                            std::sqrt(norm));
      }
      const std::string name = branches == 1 ? "the encoder" : branch == 0 ? "branch A" : "branch B";
      inspection.row.push_back({encode_png(seen), name + " sees"});
      inspection.row.push_back({encode_png(pictures::from_tensor(filled.data(), channels, size, zoom)), branches == 1 ? "predicted" : name + " predicts"});
    }
    inspection.right = static_cast<double>(right) / (branches * M);
  }
}

// Predicted pixels. They are predicted of each patch with its mean and contrast removed, and drawn with the true ones. images (B, C, I, I).
template <class P, class Objective>
void add_pixels(std::vector<Inspection>& all, Objective& objective, const auto& images, const vitrail::Batch& batch, const auto& part) {
  using namespace vitrail;
  constexpr int size = P::config.image, patch = P::config.patch, channels = P::config.channels, N = Objective::N, M = Objective::M, count = Objective::P;
  constexpr int values = channels * size * size, zoom = pictures::zoom(size);
  const auto guesses = objective.predict(images, part);                                                             // (B, M, P)
  const auto patches = patchify<patch>(images);                                                                     // (B, N, P)
  for (int b = 0; b < batch.size; ++b) {
    const float* image = images.at + static_cast<std::ptrdiff_t>(b) * values;
    Image seen = pictures::from_tensor(image, channels, size, zoom);
    std::vector<float> filled(image, image + values);
    for (int j = 0; j < M; ++j) {
      const int n = part.masked.row(b)[j];
      pictures::paint(seen, n, patch * zoom, 128, 128, 128);
      const float* own = patches.at + (static_cast<std::ptrdiff_t>(b) * N + n) * count;
      float mean = 0, square = 0;
      for (int i = 0; i < count; ++i) mean += own[i] / count;
      for (int i = 0; i < count; ++i) square += (own[i] - mean) * (own[i] - mean) / (count - 1);
      pictures::put_patch(filled.data(), channels, size, patch, n, guesses.at + (static_cast<std::ptrdiff_t>(b) * M + j) * count, patch, std::sqrt(square), mean);
    }
    all[static_cast<std::size_t>(b)].row.push_back({encode_png(seen), "the encoder sees"});
    all[static_cast<std::size_t>(b)].row.push_back({encode_png(pictures::from_tensor(filled.data(), channels, size, zoom)), "predicted"});
  }
}

// Looks at `batch` with the objective's own code in evaluation mode. The picture zooms so that an image is about 200 pixels.
template <class P, class Objective>
std::vector<Inspection> inspect_images(vitrail::Cpu& device, Objective& objective, const vitrail::Batch& batch, vitrail::Random random) {
  using namespace vitrail;
  constexpr int size = P::config.image, channels = P::config.channels, values = channels * size * size, H = P::config.heads, N = P::config.tokens();
  Arena<Cpu> arena{device};
  using Shape = typename P::Encoder::images_shape;
  const auto images = make_tensor<Shape, float>(arena, Shape(batch.size));
  device.upload(images.at, batch.images.data(), static_cast<std::size_t>(images.shape.size()) * sizeof(float));
  std::vector<Inspection> out(static_cast<std::size_t>(batch.size));
  const auto whole = [&](int b) { return pictures::from_tensor(images.at + static_cast<std::ptrdiff_t>(b) * values, channels, size, pictures::zoom(size)); };
  for (int b = 0; b < batch.size; ++b) out[static_cast<std::size_t>(b)].row.push_back({encode_png(whole(b)), "image"});
  if constexpr (PredictsWords<Objective> || PredictsPixels<Objective>) {
    Sampler sampler{random};
    const auto part = objective.draw(sampler, batch.size);
    if constexpr (PredictsWords<Objective>) add_words<P>(out, objective, images, batch, part);
    else add_pixels<P>(out, objective, images, batch, part);
  }
  const std::vector<float> maps = attention_maps(objective.encoder, images);                                        // (B, H, N)
  for (int b = 0; b < batch.size; ++b) {
    std::vector<float> mean(static_cast<std::size_t>(N), 0.0f);
    for (int h = 0; h < H; ++h)
      for (int n = 0; n < N; ++n) mean[static_cast<std::size_t>(n)] += maps[static_cast<std::size_t>((b * H + h) * N + n)] / H;
    out[static_cast<std::size_t>(b)].row.push_back({encode_png(pictures::heat(whole(b), mean.data(), P::config.grid())), "attention"});
  }
  return out;
}
