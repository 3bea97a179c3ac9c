// Tensors lent to other libraries and taken from them: DLPack by a consumer and a producer that are not ours, spans, mdspan.
#include <doctest/doctest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "vitrail/backends/cpu.hpp"
#include "vitrail/tensor/dlpack.hpp"
#include "vitrail/tensor/views.hpp"

using namespace vitrail;

// As another library sees it: the structs of DLPack's documentation, written here once more.
namespace theirs {
struct Version {
  std::uint32_t major, minor;
};
struct Device {
  int type;
  std::int32_t id;
};
struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};
struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
}  // namespace theirs
struct DLManagedTensorVersioned {
  theirs::Version version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  std::uint64_t flags;
  theirs::Tensor dl_tensor;
};

namespace {

// A producer that counts how often it is told to let go.
struct Producer {
  std::vector<float> numbers = std::vector<float>(13);
  std::vector<std::int64_t> shape{2, 2, 3}, strides{6, 3, 1};
  int let_go = 0;
  DLManagedTensorVersioned managed{{1, 0}, this, [](DLManagedTensorVersioned* m) { ++static_cast<Producer*>(m->manager_ctx)->let_go; }, 1, {}};

  Producer() {
    std::iota(numbers.begin(), numbers.end(), 0.0f);
    managed.dl_tensor = {numbers.data(), {1, 0}, 3, {2, 32, 1}, shape.data(), strides.data(), sizeof(float)};
  }
  dlpack::Owned lend() { return dlpack::Owned(reinterpret_cast<dlpack::Managed*>(&managed)); }
};
template <class S, class T = float> std::string refusal(Producer& producer) {
  Cpu device(1);
  Arena<Cpu> arena{device};
  const int before = producer.let_go;
  std::string said = "taken";
  try {
    from_dlpack<S, T>(producer.lend(), arena);
  } catch (const Error& error) {
    said = error.what();
  }
  CHECK(producer.let_go == before + 1);
  return said;
}

}  // namespace

TEST_SUITE_BEGIN("tensor");

TEST_CASE("a tensor is lent by DLPack: its memory, extents and strides; the deleter is called once and lets the owner go") {
  Cpu device(1);
  auto arena = std::make_shared<Arena<Cpu>>(device);
  const auto x = make_tensor<Shape<dyn, 2, 3>, double>(*arena, Shape<dyn, 2, 3>(4));
  dlpack::Owned lent = to_dlpack(x, arena, true);
  CHECK(arena.use_count() == 2);
  auto* const m = reinterpret_cast<DLManagedTensorVersioned*>(lent.release());
  CHECK(m->version.major == 1);
  CHECK(m->flags == 1);
  const theirs::Tensor& t = m->dl_tensor;
  CHECK(t.data == x.at);
  CHECK(t.device.type == 1);
  CHECK((t.dtype.code == 2 && t.dtype.bits == 64 && t.dtype.lanes == 1));
  CHECK(std::vector<std::int64_t>(t.shape, t.shape + t.ndim) == std::vector<std::int64_t>{4, 2, 3});
  CHECK(std::vector<std::int64_t>(t.strides, t.strides + t.ndim) == std::vector<std::int64_t>{6, 3, 1});
  CHECK(t.byte_offset == 0);
  m->deleter(m);
  CHECK(arena.use_count() == 1);
  const auto scalar = to_dlpack(make_tensor<Shape<>, float>(*arena), nullptr);
  CHECK(scalar->array.rank == 0);
  CHECK(scalar->flags == 0);
}
TEST_CASE("what another library lends is copied and let go, once") {
  Cpu device(1);
  Arena<Cpu> arena{device};
  Producer producer;
  const auto x = from_dlpack<Shape<dyn, 2, 3>, float>(producer.lend(), arena);
  CHECK(producer.let_go == 1);
  CHECK(x.shape.batch == 2);
  CHECK(std::vector<float>(x.at, x.at + 12) == std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  producer.managed.dl_tensor.strides = nullptr;  // row-major
  CHECK(from_dlpack<Shape<2, 2, 3>, float>(producer.lend(), arena).at[11] == 12);
}
TEST_CASE("what does not fit is refused with what was expected and what was found, and let go") {
  Producer p;
  CHECK(refusal<Shape<dyn, 2, 4>>(p) == "dlpack: expected (batch, 2, 4), found (2, 2, 3); reshape it first");
  CHECK(refusal<Shape<3, 2, 3>>(p) == "dlpack: expected (3, 2, 3), found (2, 2, 3); reshape it first");
  CHECK(refusal<Shape<dyn, 6>>(p) == "dlpack: expected (batch, 6), found (2, 2, 3); reshape it first");
  CHECK(refusal<Shape<dyn, 2, 3>, double>(p) == "dlpack: expected float64, found float32; convert it first");
  CHECK(refusal<Shape<dyn, 2, 3>, int>(p) == "dlpack: expected int32, found float32; convert it first");
  p.strides = {6, 1, 2};
  CHECK(refusal<Shape<dyn, 2, 3>>(p) == "dlpack: expected strides (6, 3, 1), found (6, 1, 2); make a row-major copy first");
  p.strides = {6, 3, 1};
  p.managed.dl_tensor.device.type = 2;
  CHECK(refusal<Shape<dyn, 2, 3>>(p).find("found device type 2") != std::string::npos);
  p.managed.dl_tensor.device.type = 1, p.managed.version.major = 2;
  CHECK(refusal<Shape<dyn, 2, 3>>(p).find("expected version 1, found 2") != std::string::npos);
  p.managed.version.major = 1, p.managed.dl_tensor.data = nullptr;
  CHECK(refusal<Shape<dyn, 2, 3>>(p).find("found null") != std::string::npos);
  p.shape = {0, 2, 3};
  CHECK(refusal<Shape<dyn, 2, 3>>(p) == "taken");  // nothing needs no memory
  p.shape = {-1, 2, 3};
  CHECK(refusal<Shape<dyn, 2, 3>>(p).find("found (-1, 2, 3)") != std::string::npos);
}
TEST_CASE("a tensor's numbers as the standard library sees them") {
  Cpu device(1);
  Arena<Cpu> arena{device};
  const auto x = make_tensor<Shape<dyn, 2, 3>, float>(arena, Shape<dyn, 2, 3>(4));
  const std::span<float> all = as_span(x);
  std::iota(all.begin(), all.end(), 0.0f);
  CHECK(all.size() == 24);
  CHECK(x.at[23] == 23);
#if defined(__cpp_lib_mdspan)
  const auto grid = as_mdspan(x);
  static_assert(grid.static_extent(1) == 2 && grid.static_extent(2) == 3);
  CHECK(grid.extent(0) == 4);
  CHECK(grid[3, 1, 2] == 23);
#endif
}

TEST_SUITE_END();
