// What gdb is shown: a value of each kind. check.cmake says what it must say of them.
#include <vitrail/autograd/parameter.hpp>
#include <vitrail/autograd/var.hpp>

using namespace vitrail;

void stop_here() {}

int main() {
  HostMemory host;
  Arena<HostMemory> arena{host};
  const auto images = make_tensor<Shape<dyn, 2, 3>, float>(arena, Shape<dyn, 2, 3>(4));
  for (int i = 0; i < 24; ++i) images.at[i] = static_cast<float>(i) / 2;
  const auto table = make_tensor<Shape<2, 2>, double>(arena);
  for (int i = 0; i < 4; ++i) table.at[i] = -i;
  const auto words = make_tensor<Shape<dyn, 2>, int>(arena, Shape<dyn, 2>(1));
  words.at[0] = 7, words.at[1] = 9;
  const auto narrow = make_tensor<Shape<2>, bfloat16>(arena);
  narrow.at[0] = bfloat16(1.5f), narrow.at[1] = bfloat16(-0.1f);
  const Shape<3, 5> fixed;
  float gradient[24] = {0.5f, 1.5f};
  Slot slot{.grad = gradient};
  const Var<Shape<dyn, 2, 3>, HostMemory, float> tracked{images, nullptr, &slot, images.shape}, input{images, nullptr, nullptr, images.shape};
  const BufferHome home{.scalar = &scalar_tag<double>, .dtype = "F64", .scalar_bytes = 8};
  const Parameter<Shape<2, 2>> weight{.value = table.at, .home = &home};
  const Parameter<Shape<8>> unplaced{.trained = false};
  stop_here();
  return static_cast<int>(tracked.data()[0]) + fixed.rank - 2 + (narrow.at == nullptr) + (input.slot != nullptr) + (weight.value == nullptr) + (unplaced.home != nullptr);
}
