// What objects say of themselves.
#include "vitrail/nn/print.hpp"

#include <sstream>

#include "support/ops.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/vit/vit.hpp"

using namespace vitrail;

namespace {
constexpr ViTConfig tiny{.image = 8, .patch = 4, .dim = 8, .depth = 3, .heads = 2, .mlp_ratio = 2};
}

TEST_SUITE_BEGIN("nn");

TEST_CASE("tensors, values on a tape and parameters say their shape, their scalar and their first numbers") {
  Bench<float> bench;
  const auto x = make_tensor<Shape<dyn, 2, 4>, float>(bench.memory, Shape<dyn, 2, 4>(1));
  for (int i = 0; i < 8; ++i) x.at[i] = static_cast<float>(i) / 4;
  CHECK(text(x) == "Tensor (1, 2, 4) of float [0, 0.25, 0.5, 0.75, 1, 1.25, ...]");
  CHECK(text(bench.tape.input(x)) == "Var (1, 2, 4) of float [0, 0.25, 0.5, 0.75, 1, 1.25, ...], wants no gradient");
  CHECK(text(sum(bench.tape.differentiable_input(x))) == "Var () of float [7], wants a gradient");
  const auto narrow = make_tensor<Shape<2>, bfloat16>(bench.memory);
  narrow.at[0] = bfloat16(1.5f), narrow.at[1] = bfloat16(-0.1f);
  CHECK(text(narrow) == "Tensor (2) of bfloat16 [1.5, -0.1001]");
  Model<Bag<Shape<2, 2>, Shape<3>>, Cpu, double> model(bench.device, Random(1));
  model.values()[0] = 3;
  CHECK(text(std::get<0>(model->all)).find("Parameter (2, 2), trained, decays, of double [3, ") == 0);
  CHECK(text(std::get<1>(model->all)) == "Parameter (3), trained, of double [0, 0, 0]");
  CHECK(text(Parameter<Shape<3>>{}) == "Parameter (3), trained, without memory");
}
TEST_CASE("a model prints a tree whose counts are its parameters', with equal layers once") {
  Cpu device(1);
  Model<ViT<tiny>, Cpu> model{device, Random{1}};
  std::ostringstream out;
  print(out, model);
  const std::string all = out.str();
  CHECK(all.find("model ") == 0);
  CHECK(all.find("\n  blocks x 3    each  ") != std::string::npos);
  CHECK(all.find("\n      qkv ") != std::string::npos);
  CHECK(all.find("(24, 8)") != std::string::npos);
  CHECK(all.find(detail::grouped(model.size()) + "\n") < all.find('\n') + 1);  // the first line counts all
  CHECK(all.ends_with(" numbers of float are trained, 0 are not\n"));
  CHECK(text(model->transformer.norm).find("module") == 0);
  CHECK(detail::grouped(5524416) == "5,524,416");
}
TEST_CASE("configurations and costs have a text") {
  CHECK(text(tiny) == "image 8, patch 4, channels 3, dim 8, depth 3, heads 2, mlp_ratio 2, class_token, learned positions");
  std::ostringstream out;
  print(out, Cost{.parameters = 5'500'000, .peak_bytes = 2'000'000});
  CHECK(out.str().find("5.50 M parameters") != std::string::npos);
  CHECK(out.str().find("2.0 MB") != std::string::npos);
}

TEST_SUITE_END();
