// Views of pictures: cut, resampled, transformed and normalised by one block for each, after a plan that the host drew.
#pragma once
#include "../../core/colour_math.hpp"
#include "../../core/view_plan.hpp"
#include "group.cuh"

namespace vitrail {

namespace cuda {

template <class T>
struct RenderViews {
  static constexpr int threads = 256, most_blocks = 264;
  static constexpr std::size_t shared_bytes = threads / 32 * sizeof(double) + (ViewPlan::most_radius + 1) * sizeof(float);
  T* y;
  const ViewPlan* plans;
  const std::uint8_t* pictures;
  float* room;  // each() numbers for a block
  op::RenderViews o;
  int blocks;

  VITRAIL_HD int pixels() const { return o.size * o.size; }
  // Two copies of a view, and for each of its columns and rows the weights of the pixels that it reads, and which these are.
  VITRAIL_HD i64 each() const { return i64{2} * o.channels * pixels() + i64{2} * o.size * (o.taps + 2); }

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    float* const view = room + c.block() * each();
    for (i64 number = c.block(); number < o.views; number += blocks) {
      const ViewPlan& plan = plans[number];
      for (int i = c.thread(); i < 2 * o.size; i += threads) weigh(axis(view, i >= o.size), plan, i);
      c.sync();
      const int channels = plan.channels < o.channels ? plan.channels : o.channels;
      for (int i = c.thread(); i < pixels(); i += threads) cut(view, plan, i);
      for (int s = 0; s < plan.count; ++s) follow(c, plan.steps[s], view, channels);
      for (int i = c.thread(); i < pixels(); i += threads)
        for (int k = 0; k < o.channels; ++k) {
          const float sample = view[(k < channels ? k : channels - 1) * pixels() + i];
          y[(number * o.channels + k) * pixels() + i] = static_cast<T>(static_cast<wide<T>>((sample - plan.mean[k]) / plan.deviation[k]));
        }
      c.sync();  // before the next view takes this one's room
    }
  }

 private:
  struct Axis {
    float* weights;  // (size, taps)
    int* windows;    // (size, 2): the first pixel, and how many
  };
  VITRAIL_DEVICE Axis axis(float* view, bool down) const {
    float* const weights = view + 2 * o.channels * pixels() + (down ? o.size * (o.taps + 2) : 0);
    return {weights, reinterpret_cast<int*>(weights + o.size * o.taps)};
  }
  // Of column i, or of row i - size.
  VITRAIL_DEVICE void weigh(const Axis& to, const ViewPlan& plan, int i) const {
    const int at = i % o.size;
    const ResampleWindow window(i < o.size ? plan.across : plan.down, plan.filter, at);
    const double sum = window.sum(plan.filter);
    to.windows[2 * at] = window.from, to.windows[2 * at + 1] = window.to - window.from;
    for (int x = window.from; x < window.to; ++x)
      to.weights[at * o.taps + x - window.from] = static_cast<float>(window.weight(plan.filter, x) / sum);
  }
  VITRAIL_DEVICE void cut(float* view, const ViewPlan& plan, int i) const {
    if (plan.channels == 1) {
      float grey[1];
      blend(view, plan, i, grey);
      view[i] = grey[0];
    } else {
      float colour[3];
      blend(view, plan, i, colour);
      if (o.channels == 1) view[i] = luma(colour[0], colour[1], colour[2]);
      else for (int k = 0; k < 3; ++k) view[k * pixels() + i] = colour[k];
    }
  }
  template <int channels>
  VITRAIL_DEVICE void blend(float* view, const ViewPlan& plan, int i, float (&out)[channels]) const {
    const Axis across = axis(view, false), down = axis(view, true);
    const int x = plan.flip ? o.size - 1 - i % o.size : i % o.size, row = i / o.size;
    const int *const columns = across.windows + 2 * x, *const rows = down.windows + 2 * row;
    VITRAIL_UNROLL for (int k = 0; k < channels; ++k) out[k] = 0;
    for (int v = 0; v < rows[1]; ++v) {
      const std::uint8_t* const from = pictures + plan.at + plan.offset(columns[0], rows[0] + v);
      float part[channels] = {};
      for (int u = 0; u < columns[1]; ++u) {
        const float weight = across.weights[x * o.taps + u];
        VITRAIL_UNROLL for (int k = 0; k < channels; ++k) part[k] += weight * static_cast<float>(from[u * channels + k]);
      }
      VITRAIL_UNROLL for (int k = 0; k < channels; ++k) out[k] += down.weights[row * o.taps + v] * part[k];
    }
    VITRAIL_UNROLL for (int k = 0; k < channels; ++k) out[k] = into_unit_range(out[k] * (1 / 255.0f));
  }

  // A thread has the same pixels throughout; only a blur and a mean look at those of others.
  template <class C>
  VITRAIL_DEVICE void follow(C& c, const ViewStep& step, float* view, int channels) const {
    using Kind = ViewStep::Kind;
    if (step.kind == Kind::blur) return blur(c, step.amount, view, channels);
    float rest = 0;
    if (step.kind == Kind::contrast) {
      double sum = 0;
      for (int i = c.thread(); i < pixels(); i += threads) sum += luma_at(view, channels, i);
      sum = block_sum<threads>(c, sum, reinterpret_cast<double*>(c.shared()));
      rest = (1 - static_cast<float>(step.amount)) * static_cast<float>(sum / pixels());
    }
    for (int i = c.thread(); i < pixels(); i += threads) change(step.kind, static_cast<float>(step.amount), rest, view, channels, i);
  }
  VITRAIL_DEVICE float luma_at(const float* view, int channels, int i) const {
    return channels == 1 ? view[i] : luma(view[i], view[pixels() + i], view[2 * pixels() + i]);
  }
  VITRAIL_DEVICE void change(ViewStep::Kind kind, float amount, float rest, float* view, int channels, int i) const {
    using Kind = ViewStep::Kind;
    if (kind == Kind::hue) {
      if (channels == 3) turn_hue(view, 6 * (amount - std::floor(amount)), i);
      return;
    }
    if ((kind == Kind::saturation || kind == Kind::grey) && channels == 1) return;
    const float grey = luma_at(view, channels, i);
    for (int k = 0; k < channels; ++k) {
      float& sample = view[k * pixels() + i];
      if (kind == Kind::brightness || kind == Kind::contrast) sample = into_unit_range(sample * amount + rest);
      else if (kind == Kind::saturation) sample = into_unit_range(sample * amount + (1 - amount) * grey);
      else sample = kind == Kind::grey ? grey : solarised(sample, amount);
    }
  }
  VITRAIL_DEVICE void turn_hue(float* view, float sixths, int i) const {
    float &red = view[i], &green = view[pixels() + i], &blue = view[2 * pixels() + i];
    const Colour turned = hue_turned({red, green, blue}, sixths);
    red = turned.red, green = turned.green, blue = turned.blue;
  }
  // Rows into the second copy, and its columns back.
  template <class C>
  VITRAIL_DEVICE void blur(C& c, double sigma, float* view, int channels) const {
    float* const weights = reinterpret_cast<float*>(c.shared() + threads / 32 * sizeof(double));
    const int radius = gaussian_radius(sigma);
    if (c.thread() <= radius) weights[c.thread()] = static_cast<float>(gaussian_weight(sigma, c.thread()) / gaussian_sum(sigma));
    c.sync();
    float* const other = view + o.channels * pixels();
    for (int i = c.thread(); i < channels * pixels(); i += threads) smooth(other, view, weights, radius, i, i % o.size, 1);
    c.sync();
    for (int i = c.thread(); i < channels * pixels(); i += threads) smooth(view, other, weights, radius, i, i / o.size % o.size, o.size);
    c.sync();
  }
  // to[i] of from[i] and its neighbours `step` apart, which begin `before` steps earlier; edges are extended.
  VITRAIL_DEVICE void smooth(float* to, const float* from, const float* weights, int radius, int i, int before, int step) const {
    float sum = weights[0] * from[i];
    for (int k = 1; k <= radius; ++k) {
      const int low = before < k ? before : k, high = o.size - 1 - before < k ? o.size - 1 - before : k;
      sum += weights[k] * (from[i - low * step] + from[i + high * step]);
    }
    to[i] = sum;
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::RenderViews, D> {
  template <class T>
  static void forward(D& device, const op::RenderViews& o, T* y, const ViewPlan* plans, const std::uint8_t* pictures) {
    using Body = cuda::RenderViews<T>;
    Body body{y, plans, pictures, nullptr, o, std::min(o.views, Body::most_blocks)};
    body.room = device.template scratch<float>(body.blocks * body.each());
    device.launch(o.name, body, body.blocks, Body::shared_bytes);
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
