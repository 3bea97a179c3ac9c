// Lesson 5's exercise: a patch's vector by hand, and what a transformer without positions cannot see.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/tensor/sampler.hpp>
#include <vitrail/vit/vit.hpp>

using namespace vitrail;

constexpr ViTConfig vit{.image = 32, .patch = 4, .channels = 3, .dim = 48, .depth = 2, .heads = 4};
using Encoder = ViT<vit>;
constexpr int N = Encoder::tokens, D = Encoder::dim, P = vit.patch_values(), grid = vit.grid();

// [by hand]
// The vector of patch n: the weights times its 48 numbers, plus the bias, plus the vector of its place.
std::vector<float> embed_by_hand(const Encoder& encoder, const float* image, int n) {
  const float *weight = weights<float>(encoder.patch_embed.weight), *bias = weights<float>(encoder.patch_embed.bias);
  const float* place = weights<float>(encoder.pos_embed) + (1 + n) * D;  // row 0 is the class token's
  std::vector<float> out;
  for (int d = 0; d < D; ++d) {
    float sum = bias[d] + place[d];
    for (int p = 0; p < P; ++p) {  // channel, row, column
      const int c = p / 16, y = n / grid * 4 + p / 4 % 4, x = n % grid * 4 + p % 4;
      sum += weight[d * P + p] * image[(c * 32 + y) * 32 + x];
    }
    out.push_back(sum);
  }
  return out;
}
// [/by hand]

float distance(const float* a, const float* b) {
  float largest = 0;
  for (int d = 0; d < D; ++d) largest = std::max(largest, std::abs(a[d] - b[d]));
  return largest;
}

int main() {
  Cpu device{{.threads = 1}};
  Model<Encoder, Cpu> model{device, Random{5}};
  Random random{6};
  float* table = weights<float>(model->pos_embed);
  for (int i = 0; i < (1 + N) * D; ++i) table[i] *= 50;  // as large as training makes them
  Arena<Cpu> memory{device};
  using Images = Encoder::images_shape;
  const auto images = make_tensor<Images, float>(memory, Images(1));
  for (std::int64_t i = 0; i < images.shape.size(); ++i) images.data()[i] = static_cast<float>(random.normal());

  const auto tokens = model->embed(images);  // (1, N, D)
  float worst = 0;
  for (int n = 0; n < N; ++n) worst = std::max(worst, distance(tokens.data() + n * D, embed_by_hand(*model, images.data(), n).data()));
  std::cout << "by hand as by the library: " << (worst < 1e-4f ? "yes" : "no") << "\n";

  // [shuffle]
  // The same patches in another order, once with the positions on them and once before positions are added.
  Sampler sampler{random};
  const Indices<N> order = sampler.indices<N>(1);
  for (int n = 0; n < N; ++n) order.at[n] = n;
  random.shuffle(order.at, N);
  const auto places = model->positions();
  const auto image = model->encode(tokens);                                                   // (1, 1 + N, D)
  const auto with_places = model->encode(gather(tokens, order));                              // patches keep their places
  const auto moved = model->encode(add_table(gather(model->patch_embed(images), order), places));  // patches change places
  // [/shuffle]
  const bool bag = distance(image.data(), with_places.data()) < 1e-6f, sees = distance(image.data(), moved.data()) > 1e-5f;
  std::cout << "order of the sequence changes the class token: " << (bag ? "no" : "yes") << "\n"
            << "places of the patches change it: " << (sees ? "yes" : "no") << "\n";
  return worst < 1e-4f && bag && sees ? 0 : 1;
}
