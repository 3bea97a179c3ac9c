// A device whose products another library makes gives what our own tiles give, up to rounding.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/model.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#ifdef VITRAIL_WITH_ONEDNN
#include "vitrail/backends/cpu/onednn.hpp"
#endif
#ifdef VITRAIL_WITH_CBLAS
#include "vitrail/backends/cpu/cblas.hpp"
#endif

using namespace vitrail;

namespace {

std::vector<const Products*> all_products() {
  return {
#ifdef VITRAIL_WITH_ONEDNN
      &onednn(),
#endif
#ifdef VITRAIL_WITH_CBLAS
      &cblas(),
#endif
  };
}

std::vector<float> noise(std::int64_t count, std::uint64_t seed) {
  std::vector<float> all(static_cast<std::size_t>(count));
  Random random(seed);
  for (float& x : all) x = static_cast<float>(random.normal());
  return all;
}

// Forward with bias and residual, backward with gradients that are assigned or added: y, dx, dw, db one after another.
std::vector<float> linear(Cpu& device, const op::Linear& o, Write mode) {
  const auto x = noise(o.rows * o.in, 1), w = noise(o.in * o.out, 2), b = noise(o.out, 3), residual = noise(o.rows * o.out, 4),
             dy = noise(o.rows * o.out, 5);
  std::vector<float> y(dy.size()), dx = noise(o.rows * o.in, 6), dw = noise(o.in * o.out, 7), db = noise(o.out, 8);
  kernel_forward(device, o, y.data(), x.data(), w.data(), b.data(), residual.data());
  kernel_backward(device, o, Sink<float>{dx.data(), mode}, Sink<float>{dw.data(), mode}, Sink<float>{db.data(), mode}, dy.data(), x.data(),
                  w.data());
  for (const auto& more : {dx, dw, db}) y.insert(y.end(), more.begin(), more.end());
  return y;
}

// The loss and all gradients of one SplitMask step.
std::vector<float> step(const CpuConfig& config) {
  constexpr ViTConfig small{.image = 32, .patch = 4, .dim = 48, .depth = 2, .heads = 3};
  using Pretext = SplitMask<ViT<small>, RandomSplit<small.tokens(), 50>, RandomProjection<small, 128>>;
  using Images = Pretext::images_shape;
  Cpu device(config);
  Model<Pretext, Cpu> model{device, Random{1}};
  Tape<Cpu> tape{device};
  Arena<Cpu> inputs{device};
  Sampler sampler{Random{2}};
  const auto images = make_tensor<Images, float>(inputs, Images(6));
  const std::vector<float> pixels = noise(images.shape.size(), 3);
  std::copy(pixels.begin(), pixels.end(), images.at);
  const auto loss = (*model)(tape.input(images), model->draw(sampler, 6)).loss;
  tape.backward(loss);
  std::vector<float> out(model.gradients(), model.gradients() + model.trained());
  out.push_back(*loss.data());
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("products of other libraries");

TEST_CASE("a linear map and its gradients agree with our own products") {
  REQUIRE(!all_products().empty());
  for (const Products* const products : all_products())
    for (const op::Linear& o : {op::Linear{1, 1, 1}, op::Linear{70, 48, 65}, op::Linear{130, 192, 40}, op::Linear{0, 8, 8}})
      for (const Write mode : {Write::assign, Write::add}) {
        CAPTURE(products->name);
        CAPTURE(o.rows);
        Cpu own(2), others(CpuConfig{.threads = 2, .products = products});
        const auto expected = linear(own, o, mode), found = linear(others, o, mode);
        double worst = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const double off = std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
          worst = std::max(worst, std::isnan(off) ? 1e30 : off);
        }
        CHECK(worst < 2e-4);
      }
}
TEST_CASE("a whole step agrees too: the fused kernels hand their products over") {
  for (const Products* const products : all_products()) {
    CAPTURE(products->name);
    const std::vector<float> expected = step(CpuConfig{.threads = 2}), found = step(CpuConfig{.threads = 2, .products = products});
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      worst = std::max(worst, std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
    CHECK(worst < 1e-4);
  }
}
TEST_CASE("double stays with Eigen") {
  for (const Products* const products : all_products()) {
    Cpu device(CpuConfig{.threads = 1, .products = products});
    const std::vector<double> x{1, 2}, w{3, 4};
    double y = 0;
    kernel_forward(device, op::Linear{1, 2, 1}, &y, x.data(), w.data(), static_cast<const double*>(nullptr),
                   static_cast<const double*>(nullptr));
    CHECK(y == 11);
  }
}

TEST_SUITE_END();
