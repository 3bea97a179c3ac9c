// The library behind the interactive page, compiled to WebAssembly: one picture, one split of its patches, and what a pre-trained model
// makes of them. The page (page.js) calls the functions at the end of this file and reads their results from memory.
#include <emscripten.h>

#include <cstring>
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/attention_maps.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/textured_shapes.hpp>

#include "../../../examples/support/pictures.hpp"
#include "../../../examples/support/presets.hpp"

using namespace vitrail;

namespace {

using P = Preset<vit_pico_patch8_64, 512>;
using Pretext = P::Pretext;
constexpr int size = P::config.image, patch = P::config.patch, grid = P::config.grid(), N = Pretext::N, M = Pretext::M, K = P::vocabulary;
constexpr int zoom = 4, side = patch * zoom, heads = P::config.heads, best = 5;
constexpr int values = 3 * patch * patch;  // of a word
static_assert(decltype(Pretext::tokenizer)::config.shrink() == 1, "words are drawn at the patches' size");

// What the page shows, each a square of size * zoom pixels; attention: of each head, and then of their mean, three.
constexpr int picture = 0, words = 1, a_sees = 2, a_inpaints = 3, b_sees = 4, b_inpaints = 5, attention = 6;
constexpr int shown = attention + 3 * (heads + 1);

class Session {
 public:
  void load(std::vector<std::byte> bytes) { vitrail::load(SafetensorsFile::parse(std::move(bytes), "the page's weights"), *model_); }

  void open(const Image& image) {
    AugmentConfig view = augment_none();
    view.crop_ratio = 1;
    Random none{0};
    augment(image, view, none, size, 3, pixels_.data());
  }
  void look() {
    Arena<Cpu> arena{device_};
    const auto images = make_tensor<Pretext::images_shape, float>(arena, Pretext::images_shape(1));
    device_.upload(images.at, pixels_.data(), pixels_.size() * sizeof(float));
    Sampler sampler{Random{0}};
    const Pretext::Draw part{sampler.indices<2 * Pretext::V>(1), sampler.indices<2 * M>(1)};
    int* const seen = part.visible.row(0);
    write_indices(in_a_, seen, seen + Pretext::V);
    write_indices(in_a_, part.masked.row(0) + M, part.masked.row(0));
    const auto ids = model_->tokenizer(images);                                                                  // (1, N)
    const auto decoded = model_->reconstruct(images, part);                                                      // (2, L + N, D)
    const auto guesses = model_->head(gather<Pretext::L>(decoded, unfold<2>(part.masked)));                      // (2, M, K)
    std::copy_n(ids.at, N, ids_.begin());
    draw(picture) = pictures::from_tensor(pixels_.data(), 3, size, zoom);
    std::vector<float> filled(pixels_);
    for (int token = 0; token < N; ++token) put(filled, token, ids_[static_cast<std::size_t>(token)]);
    draw(words) = pictures::from_tensor(filled.data(), 3, size, zoom);
    for (int branch = 0; branch < 2; ++branch) inpaint(branch, part.masked.row(0) + branch * M, guesses.at + branch * M * K);
    compare(decoded.at);
    const auto tokens = model_->encoder.embed(images);                                                           // (1, N, D)
    spread(0, attention_among(model_->encoder, tokens), nullptr, N);
    const auto chosen = unfold<2>(gather(tokens, part.visible));                                                 // (2, V, D)
    const std::vector<float> maps = attention_among(model_->encoder, chosen);                                    // (2, H, V)
    for (int branch = 0; branch < 2; ++branch)
      spread(1 + branch, {maps.begin() + branch * heads * Pretext::V, maps.end()}, seen + branch * Pretext::V, Pretext::V);
  }
  // Splits as training draws them, and others. `turn` is an angle in radians.
  void split(int kind, int seed, float turn) {
    Random random(static_cast<std::uint64_t>(seed));
    int sets[N];
    if (kind == 0) P::Split::draw(random, sets, sets + Pretext::V);
    else if (kind == 1) RandomSplit<N, 50>::draw(random, sets, sets + Pretext::V);
    else cut(turn, sets);
    in_a_.fill(false);
    for (int i = 0; i < Pretext::V; ++i) in_a_[static_cast<std::size_t>(sets[i])] = true;
  }
  // Gives a token to a branch; of that branch's tokens the farthest one goes the other way, so that both keep their number.
  void give(int token, bool to_a) {
    if (in_a_[static_cast<std::size_t>(token)] == to_a) return;
    int farthest = -1, most = -1;
    for (int other = 0; other < N; ++other) {
      const int dx = other % grid - token % grid, dy = other / grid - token / grid;
      if (in_a_[static_cast<std::size_t>(other)] == to_a && dx * dx + dy * dy > most) most = dx * dx + dy * dy, farthest = other;
    }
    in_a_[static_cast<std::size_t>(token)] = to_a;
    in_a_[static_cast<std::size_t>(farthest)] = !to_a;
  }
  // One word as a picture of patch x patch pixels, with the contrast that the picture has at this token.
  const std::uint8_t* word(int id, int token) {
    std::vector<float> filled(pixels_);
    put(filled, token, id);
    const Image whole = pictures::from_tensor(filled.data(), 3, size, 1);
    for (int y = 0; y < patch; ++y)
      std::memcpy(word_.at(0, y), whole.at(token % grid * patch, token / grid * patch + y), 3 * patch);
    return word_.pixels.data();
  }

  const std::uint8_t* shown_pixels(int which) { return draw(which).pixels.data(); }
  std::array<bool, N> in_a_{};
  std::array<int, N> ids_{};
  std::array<int, 2 * N * best> guess_{};      // of each branch and token the likeliest words, or -1 where the branch sees the token
  std::array<float, 2 * N * best> share_{};    // and their probabilities
  std::array<float, 5> numbers_{};             // of each branch: share of words predicted exactly, cross-entropy; cosine of both

 private:
  Image& draw(int which) { return pictures_[static_cast<std::size_t>(which)]; }

  void put(std::vector<float>& image, int token, int id) const {
    float norm = 0;
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < patch; ++y)
        for (int x = 0; x < patch; ++x) {
          const float v = pixels_[static_cast<std::size_t>((c * size + token / grid * patch + y) * size + token % grid * patch + x)];
          norm += v * v;
        }
    const float* const code = weights<float>(model_->tokenizer.codebook) + id * values;
    pictures::put_patch(image.data(), 3, size, patch, token, code, patch, std::sqrt(norm));
  }
  // Half of the tokens: those farthest in a direction.
  static void cut(float turn, int* sets) {
    std::array<int, N> order;
    const auto along = [&](int token) {
      return std::cos(turn) * static_cast<float>(token % grid) + std::sin(turn) * static_cast<float>(token / grid);
    };
    for (int i = 0; i < N; ++i) order[static_cast<std::size_t>(i)] = i;
    std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return along(i) < along(j); });
    std::copy(order.begin(), order.end(), sets);
  }
  // scores (M, K) of what a branch does not see.
  void inpaint(int branch, const int* masked, const float* scores) {
    Image seen = draw(picture);
    std::vector<float> filled(pixels_);
    std::fill_n(guess_.begin() + branch * N * best, N * best, -1);
    int right = 0;
    double nats = 0;
    for (int j = 0; j < M; ++j, scores += K) {
      const int token = masked[j], truth = ids_[static_cast<std::size_t>(token)];
      std::array<int, K> order;
      for (int i = 0; i < K; ++i) order[static_cast<std::size_t>(i)] = i;
      std::partial_sort(order.begin(), order.begin() + best, order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
      double sum = 0;
      for (int i = 0; i < K; ++i) sum += std::exp(static_cast<double>(scores[i] - scores[order[0]]));
      for (int i = 0; i < best; ++i) {
        const std::size_t at = static_cast<std::size_t>((branch * N + token) * best + i);
        guess_[at] = order[static_cast<std::size_t>(i)];
        share_[at] = static_cast<float>(std::exp(static_cast<double>(scores[guess_[at]] - scores[order[0]])) / sum);
      }
      right += order[0] == truth;
      nats += std::log(sum) - static_cast<double>(scores[truth] - scores[order[0]]);
      put(filled, token, order[0]);
      pictures::paint(seen, token, side, 128, 128, 128);
    }
    draw(branch == 0 ? a_sees : b_sees) = std::move(seen);
    draw(branch == 0 ? a_inpaints : b_inpaints) = pictures::from_tensor(filled.data(), 3, size, zoom);
    numbers_[static_cast<std::size_t>(2 * branch)] = static_cast<float>(right) / M;
    numbers_[static_cast<std::size_t>(2 * branch + 1)] = static_cast<float>(nats / M);
  }
  // The cosine of the two descriptors, which the matching loss brings together. decoded: (2, L + N, D)
  void compare(const float* decoded) {
    constexpr int L = Pretext::L, D = Pretext::D;
    double dot = 0, a = 0, b = 0;
    for (int d = 0; d < D; ++d) {
      double x = 0, y = 0;
      for (int n = L; n < L + N; ++n) x += decoded[n * D + d], y += decoded[(L + N + n) * D + d];
      dot += x * y, a += x * x, b += y * y;
    }
    numbers_[4] = static_cast<float>(dot / std::sqrt(a * b));
  }
  // maps (H, count) of these tokens, all where `tokens` is null, as heat.
  void spread(int which, const std::vector<float>& maps, const int* tokens, int count) {
    const Image& under = draw(which == 0 ? picture : which == 1 ? a_sees : b_sees);
    std::array<float, N> map{}, mean{};
    for (int h = 0; h < heads; ++h) {
      for (int i = 0; i < count; ++i) {
        const std::size_t token = static_cast<std::size_t>(tokens == nullptr ? i : tokens[i]);
        map[token] = maps[static_cast<std::size_t>(h * count + i)];
        mean[token] += map[token] / heads;
      }
      draw(attention + 3 * h + which) = pictures::heat(under, map.data(), grid);
    }
    draw(attention + 3 * heads + which) = pictures::heat(under, mean.data(), grid);
  }

  Cpu device_{1};
  Model<Pretext, Cpu> model_{device_, Random{0}};
  std::vector<float> pixels_ = std::vector<float>(static_cast<std::size_t>(3 * size * size));
  std::array<Image, shown> pictures_{};
  Image word_{patch, patch, 3};
};

Session& session() {
  static Session one;
  return one;
}
std::vector<std::uint8_t>& buffer() {
  static std::vector<std::uint8_t> bytes;
  return bytes;
}
// Of the built-in set, by a seed that training has not seen.
Image shape(int index, int pixels) { return TexturedShapes({.count = 1000, .size = pixels, .seed = 2026}).image(index); }

}  // namespace

extern "C" {

// Memory for what the page hands over: `bytes` of it, valid until the next call.
EMSCRIPTEN_KEEPALIVE std::uint8_t* room(int bytes) {
  buffer().resize(static_cast<std::size_t>(bytes));
  return buffer().data();
}
// Takes weights from the room. Null, or what is wrong with them.
EMSCRIPTEN_KEEPALIVE const char* load_weights() {
  static std::string message;
  try {
    const std::byte* const bytes = reinterpret_cast<const std::byte*>(buffer().data());
    session().load({bytes, bytes + buffer().size()});
    return nullptr;
  } catch (const Error& error) {
    return message = error.what(), message.c_str();
  }
}
// Takes a picture of width x height pixels, red, green, blue and opacity, from the room.
EMSCRIPTEN_KEEPALIVE void open_picture(int width, int height) {
  Image image(width, height, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = buffer()[i / 3 * 4 + i % 3];
  session().open(image);
}
// Draws a picture of the built-in set: red, green and blue of pixels x pixels.
EMSCRIPTEN_KEEPALIVE const std::uint8_t* draw_shape(int index, int pixels) {
  static Image drawn;
  return (drawn = shape(index, pixels)).pixels.data();
}
EMSCRIPTEN_KEEPALIVE void open_shape(int index) { session().open(shape(index, 2 * size)); }
EMSCRIPTEN_KEEPALIVE void split(int kind, int seed, float turn) { session().split(kind, seed, turn); }
EMSCRIPTEN_KEEPALIVE void give(int token, int to_a) { session().give(token, to_a != 0); }
EMSCRIPTEN_KEEPALIVE void look() { session().look(); }
EMSCRIPTEN_KEEPALIVE const std::uint8_t* shown_pixels(int which) { return session().shown_pixels(which); }
EMSCRIPTEN_KEEPALIVE const bool* in_a() { return session().in_a_.data(); }
EMSCRIPTEN_KEEPALIVE const int* word_ids() { return session().ids_.data(); }
EMSCRIPTEN_KEEPALIVE const int* guesses() { return session().guess_.data(); }
EMSCRIPTEN_KEEPALIVE const float* shares() { return session().share_.data(); }
EMSCRIPTEN_KEEPALIVE const float* numbers() { return session().numbers_.data(); }
EMSCRIPTEN_KEEPALIVE const std::uint8_t* draw_word(int id, int token) { return session().word(id, token); }
}
