// The ops of detectors by CUDA's kernels, run on the host, against the Cpu's: what has gradients, and what chooses among anchors and boxes.
#include "vitrail/ops/detection.hpp"

#include <cmath>

#include "same_as_cpu.hpp"

namespace {

// Numbers on the tape of `like` that want no gradient.
template <class S, class X>
auto constant_beside(const X& like, std::uint64_t seed = 77) {
  return like.tape->input(noise<S, scalar_of<X>>(*like.value.arena, like.shape.leading(), seed));
}

constexpr int boxes_of_image = 9;
// Boxes of a picture of 34 pixels: in each level, over the border, beyond it, smaller than a pixel, and empty.
template <class X>
auto regions_beside(const X& like) {
  constexpr float corners[boxes_of_image][4] = {{1.3f, 2.1f, 13.7f, 9.9f}, {-3, -2, 70, 60},      {0, 0, 34, 34},
                                                {5, 5, 5, 5},              {20.2f, 21.7f, 34, 36}, {8, 8, 8.25f, 8.5f},
                                                {8, 8, 9, 33},             {-200, -100, 150, 300}, {40, 41, 60, 61}};
  using S = Shape<dyn, boxes_of_image, 4>;
  const auto boxes = make_tensor<S, float>(*like.value.arena, S(like.shape.leading()));
  for (int b = 0; b < like.shape.leading(); ++b)
    for (int i = 0; i < 4 * boxes_of_image; ++i)
      boxes.at[b * 4 * boxes_of_image + i] = corners[i / 4][i % 4] + (i % 4 < 2 ? 0.0f : 0.37f * static_cast<float>(b));
  return boxes;
}

// What an op chooses: integers and weights, which are the same to the bit, and numbers.
struct Chosen {
  std::vector<float> exact{}, near{};
};
// f(device) on both, and on the card twice.
template <class F>
void same_choice(F f) {
  Cpu cpu(1);
  const Chosen wanted = f(cpu);
  const auto on_card = [&](Order order) {
    Card card(HostCudaConfig{.order = order});
    return f(card);
  };
  const Chosen found = on_card({.reverse = true}), again = on_card({.seed = 5});
  CHECK(found.exact == wanted.exact);
  CHECK(distance(found.near, wanted.near) < 1e-6);
  CHECK(again.exact == found.exact);
  CHECK(again.near == found.near);
}
// Memory of a device that tests write to and read from.
template <class D>
struct Rooms {
  D& device;
  Arena<D> memory{device};

  template <class T> T* take(std::int64_t count) { return memory.template take<T>(count); }
  template <class T> T* filled(const std::vector<T>& from) {
    T* const to = take<T>(static_cast<std::int64_t>(from.size()));
    std::copy(from.begin(), from.end(), to);
    return to;
  }
  template <class T> static void append(std::vector<float>& to, const T* from, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) to.push_back(static_cast<float>(from[i]));
  }
};

constexpr AnchorGrid grid{.image = 96, .side = {24, 12, 6, 3, 2}, .step = {4, 8, 16, 32, 64}, .scale = 4};

struct Annotated {
  int places;
  std::vector<int> labels{}, corners{};

  void image(const std::vector<std::array<double, 4>>& boxes) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(places); ++i) {
      const bool there = i < boxes.size();
      labels.push_back(there ? static_cast<int>(i % 3) : -1);
      for (std::size_t k = 0; k < 4; ++k) corners.push_back(there ? static_cast<int>(std::lround(corner_unit * boxes[i][k])) : 0);
    }
  }
};
// Images with few objects, one, none, and as many as there are places: two with one best anchor, and two with an anchor as near to either.
// Nearly square, so that among anchors there are equals to the bit and none to all but a bit, of which compilers make this or that.
Annotated some_objects() {
  Annotated out{5};
  out.image({{2, 2, 18, 18}, {30, 22, 46.5, 37}, {40, 40, 72, 71.25}});
  out.image({{33, 34, 95.5, 96}});
  out.image({});
  out.image({{8, 8, 24, 24}, {8.5, 8, 24.5, 24}, {36, 40, 52, 56}, {44, 40, 60, 56}, {70, 70, 73, 72}});
  return out;
}

Chosen assigned(auto& device, const Annotated& objects, int sample, double high = 0.7, Part part = {}) {
  Rooms<std::remove_reference_t<decltype(device)>> rooms{device};
  const int batch = static_cast<int>(objects.labels.size()) / objects.places;
  const std::int64_t all = std::int64_t{batch} * grid.count();
  float *const target = rooms.template take<float>(all), *const weight = rooms.template take<float>(all);
  float *const delta = rooms.template take<float>(4 * all), *const delta_weight = rooms.template take<float>(4 * all);
  const op::AssignAnchors op{batch, objects.places, sample, grid, high, 0.3, 12345, part};
  kernel_forward(device, op, target, weight, delta, delta_weight, static_cast<const int*>(rooms.filled(objects.labels)),
                 static_cast<const int*>(rooms.filled(objects.corners)));
  device.synchronise();
  Chosen out;
  rooms.append(out.exact, target, all), rooms.append(out.exact, weight, all), rooms.append(out.exact, delta_weight, 4 * all);
  rooms.append(out.near, delta, 4 * all);
  return out;
}

// Scores of which many are alike, in the last image all of them but for the zeros' signs; deltas of which some move a box out of the
// picture. Numbers that bfloat16 has.
template <class T, int per_level, int kept>
Chosen proposed_by(auto& device) {
  using D = std::remove_reference_t<decltype(device)>;
  constexpr int batch = 3, anchors = grid.count();
  Rooms<D> rooms{device};
  const auto scores = noise<Shape<dyn, anchors>, float>(rooms.memory, batch, 3);
  const auto deltas = noise<Shape<dyn, 4 * anchors>, float>(rooms.memory, batch, 4);
  T *const score = rooms.template take<T>(batch * anchors), *const delta = rooms.template take<T>(4 * batch * anchors);
  for (int i = 0; i < batch * anchors; ++i) {
    const float steps = i / anchors == 2 ? 0.0f : std::floor(4 * std::abs(scores.at[i]));
    score[i] = static_cast<T>(scores.at[i] < 0 ? -steps / 4 : steps / 4);
  }
  for (int i = 0; i < 4 * batch * anchors; ++i)
    delta[i] = static_cast<T>(float{bfloat16(0.3f * deltas.at[i] + (i % 31 == 0 ? 50.0f : 0.0f))});
  float* const boxes = rooms.template take<float>(batch * kept * 4);
  kernel_forward(device, op::Propose{batch, per_level, kept, 0.6, grid}, boxes, static_cast<const T*>(score), static_cast<const T*>(delta));
  device.synchronise();
  Chosen out;
  rooms.append(out.near, boxes, batch * kept * 4);
  for (int i = 0; i < batch * kept; ++i) out.exact.push_back(boxes[4 * i + 2] > 0 ? 1.0f : 0.0f);
  return out;
}

template <int regions>
Chosen sampled(auto& device, const std::vector<float>& proposed, const Annotated& objects, Part part = {}) {
  Rooms<std::remove_reference_t<decltype(device)>> rooms{device};
  const int batch = static_cast<int>(objects.labels.size()) / objects.places, count = static_cast<int>(proposed.size()) / 4 / batch;
  const std::int64_t all = std::int64_t{batch} * regions;
  float *const boxes = rooms.template take<float>(4 * all), *const delta = rooms.template take<float>(4 * all);
  float* const delta_weight = rooms.template take<float>(4 * all);
  int *const label = rooms.template take<int>(all), *const object = rooms.template take<int>(all);
  int* const chosen = rooms.template take<int>(all);
  const op::SampleRegions op{batch, objects.places, count, regions, 3, 96, 0.5, 777, part};
  kernel_forward(device, op, boxes, delta, delta_weight, label, object, chosen, static_cast<const float*>(rooms.filled(proposed)),
                 static_cast<const int*>(rooms.filled(objects.labels)), static_cast<const int*>(rooms.filled(objects.corners)));
  device.synchronise();
  Chosen out;
  rooms.append(out.exact, boxes, 4 * all), rooms.append(out.exact, delta_weight, 4 * all);
  for (const int* numbers : {label, object, chosen}) rooms.append(out.exact, numbers, all);
  rooms.append(out.near, delta, 4 * all);
  return out;
}
// Near objects and anywhere; of images 2 and 3 as the flags say.
std::vector<float> proposals(const Annotated& objects, int count, bool none_in_third, bool only_objects_in_fourth) {
  Random random(9);
  std::vector<float> out;
  for (int b = 0; b < 4; ++b)
    for (int i = 0; i < count; ++i) {
      const int* const near = objects.corners.data() + 4 * (b * objects.places + i % objects.places);
      const bool at_object = near[2] > 0 && (i % 3 == 0 || (b == 3 && only_objects_in_fourth));
      const double x = random.uniform(0, 60), y = random.uniform(0, 60);
      const double corners[] = {x, y, x + random.uniform(1, 36), y + random.uniform(1, 36)};
      for (int k = 0; k < 4; ++k) {
        const double own = at_object ? near[k] / 64.0 + random.uniform(-0.2, 0.2) : corners[k];
        out.push_back(b == 2 && none_in_third ? 0.0f : static_cast<float>(own));
      }
    }
  return out;
}

template <int used, int size>
Chosen masked(auto& device, bool any) {
  Rooms<std::remove_reference_t<decltype(device)>> rooms{device};
  constexpr int batch = 3, objects = 2, regions = 7, classes = 3, image = 19;
  const op::MaskTargets op{batch, objects, regions, used, classes, image, size};
  Random random(4);
  std::vector<int> label, object, bits;
  std::vector<float> boxes;
  for (int i = 0; i < batch * regions; ++i) {
    label.push_back(any && i % 3 != 1 ? i % classes : classes), object.push_back(random.below(objects));
    const double x = random.uniform(-3, 12), y = random.uniform(-3, 12), across = i == 3 ? 0 : random.uniform(0.5, 12);
    for (const double side : {x, y, x + across, y + random.uniform(0.5, 12)}) boxes.push_back(static_cast<float>(side));
  }
  for (int i = 0; i < batch * objects * op.words(); ++i) bits.push_back(static_cast<int>(random.bits()));
  const std::int64_t all = std::int64_t{batch} * used, cells = std::int64_t{size} * size;
  float *const target = rooms.template take<float>(all * cells), *const weight = rooms.template take<float>(all * cells);
  int* const own = rooms.template take<int>(all);
  kernel_forward(device, op, target, weight, own, static_cast<const float*>(rooms.filled(boxes)),
                 static_cast<const int*>(rooms.filled(label)), static_cast<const int*>(rooms.filled(object)),
                 static_cast<const int*>(rooms.filled(bits)));
  device.synchronise();
  Chosen out;
  rooms.append(out.exact, target, all * cells), rooms.append(out.exact, weight, all * cells), rooms.append(out.exact, own, all);
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernels on the host: tokens as planes and back, in tiles with and without a rest") {
  same_as_cpu(3, Inputs<Shape<dyn, 37, 35>>{}, Parameters<>{}, [](auto x) { return planes_of_tokens<5, 7, 1>(x); });
  same_as_cpu(2, Inputs<Shape<dyn, 32, 64>>{}, Parameters<>{}, [](auto x) { return planes_of_tokens<4, 8>(x); });
  same_as_cpu(2, Inputs<Shape<dyn, 9, 3>>{}, Parameters<>{}, [](auto x) { return planes_of_tokens<2, 2, 3>(x); });
  same_as_cpu(3, Inputs<Shape<dyn, 33, 5, 8>>{}, Parameters<>{}, [](auto x) { return tokens_of_planes(x); });
}
TEST_CASE("CUDA's kernels on the host: planes and others half as fine, each of them with and without a gradient") {
  using Fine = Shape<dyn, 3, 6, 10>;
  using Coarse = Shape<dyn, 3, 3, 5>;
  same_as_cpu(5, Inputs<Fine, Coarse>{}, Parameters<>{}, [](auto x, auto small) { return add_upsampled(x, small); });
  same_as_cpu(5, Inputs<Fine>{}, Parameters<>{}, [](auto x) { return add_upsampled(x, constant_beside<Coarse>(x)); });
  same_as_cpu(5, Inputs<Coarse>{}, Parameters<>{}, [](auto small) { return add_upsampled(constant_beside<Fine>(small), small); });
}
TEST_CASE("CUDA's kernels on the host: regions that are cut out of four levels, some of which want no gradient") {
  using L0 = Shape<dyn, 11, 17, 17>;
  using L1 = Shape<dyn, 11, 9, 9>;
  using L2 = Shape<dyn, 11, 5, 5>;
  using L3 = Shape<dyn, 11, 3, 3>;
  const auto cut = [](auto a, auto b, auto c, auto d) { return roi_align<3, 2>(a, b, c, d, regions_beside(a)); };
  same_as_cpu(2, Inputs<L0, L1, L2, L3>{}, Parameters<>{}, cut, {}, 1e-5);
  const auto fine = [](auto a, auto b, auto c, auto d) { return roi_align<7, 1>(a, b, c, d, regions_beside(a)); };  // each level has some
  same_as_cpu(3, Inputs<L0, L1, L2, L3>{}, Parameters<>{}, fine, {}, 1e-5);
  const auto two = [&](auto b, auto d) { return fine(constant_beside<L0>(b), b, constant_beside<L2>(b), d); };
  same_as_cpu(2, Inputs<L1, L3>{}, Parameters<>{}, two, {}, 1e-5);
}
TEST_CASE("CUDA's kernels on the host: anchors learn the same, of all images and ranks, many of them and few") {
  const Annotated objects = some_objects();
  for (const int sample : {256, 20, 3, 1, 100'000}) {
    CAPTURE(sample);
    same_choice([&](auto& device) { return assigned(device, objects, sample); });
    same_choice([&](auto& device) { return assigned(device, objects, sample, 0.55); });
  }
  same_choice([&](auto& device) { return assigned(device, objects, 64, 0.7, {.rank = 1, .ranks = 2, .mirrored = true}); });
  Annotated nothing{1};
  nothing.image({}), nothing.image({});
  same_choice([&](auto& device) { return assigned(device, nothing, 16); });
}
TEST_CASE("CUDA's kernels on the host: whatever an object is like, the anchors that overlap it most hold it") {
  Random random(6);
  Annotated objects{1};
  constexpr int batch = 40;
  for (int i = 0; i < batch; ++i) {
    const double w = random.uniform(12, 90), h = random.uniform(12, 90), x = random.uniform(0, 96 - w), y = random.uniform(0, 96 - h);
    objects.image({{x, y, x + w, y + h}});
  }
  Card card;
  const Chosen found = assigned(card, objects, 100'000);
  const int anchors = grid.count();
  for (int b = 0; b < batch; ++b) {
    CAPTURE(b);
    const BoxOf<double> object = box_of_corners<double>(objects.corners.data() + 4 * b);
    double most = 0, held = 0;
    for (int i = 0; i < anchors; ++i) {
      const double own = overlap(grid.box<double>(grid.place(i)), object), target = found.exact[static_cast<std::size_t>(b * anchors + i)];
      most = std::max(most, own), held = std::max(held, target * own);
    }
    if (most > 0.3001) CHECK(held > most - 1e-5);
  }
}
TEST_CASE("CUDA's kernels on the host: the same boxes are proposed, of equal scores the first, with empty ones behind the last") {
  same_choice([](auto& device) { return proposed_by<float, 30, 20>(device); });
  same_choice([](auto& device) { return proposed_by<float, 5, 50>(device); });
  same_choice([](auto& device) { return proposed_by<float, 700, 900>(device); });
  const auto narrow = [](Order order) {
    Card card(HostCudaConfig{.order = order});
    return proposed_by<bfloat16, 30, 20>(card).near;
  };
  Cpu cpu(1);
  CHECK(distance(narrow({.reverse = true}), proposed_by<float, 30, 20>(cpu).near) < 1e-6);
}
TEST_CASE("CUDA's kernels on the host: the same regions are drawn, in the same order, also where there are too few") {
  const Annotated objects = some_objects();
  for (const int count : {1, 21, 600})
    for (const bool none : {false, true}) {
      CAPTURE(count);
      CAPTURE(none);
      const std::vector<float> boxes = proposals(objects, count, none, none);
      same_choice([&](auto& device) { return sampled<16>(device, boxes, objects); });
      same_choice([&](auto& device) { return sampled<64>(device, boxes, objects, {.rank = 2, .ranks = 3}); });
    }
}
TEST_CASE("CUDA's kernels on the host: the same cells of regions belong to objects, and share the weight") {
  same_choice([](auto& device) { return masked<5, 9>(device, true); });
  same_choice([](auto& device) { return masked<7, 4>(device, true); });
  same_choice([](auto& device) { return masked<5, 9>(device, false); });
}

TEST_SUITE_END();
