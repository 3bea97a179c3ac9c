// Products of matrices on every set of instructions that this machine has: against sums in double, for sizes with every kind of
// remainder; and the laws that hold to the last bit.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "vitrail/backends/cpu.hpp"

using namespace vitrail;

namespace {

std::vector<Isa> all_isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512_bf16})
    if (isa <= cpu::best_isa()) found.push_back(isa);
  return found;
}

// Numbers of a matrix with a margin behind each row, which holds what must never be read as a number.
struct Matrix {
  std::int64_t rows, columns, stride;
  std::vector<float> at;
  Matrix(std::int64_t r, std::int64_t c, std::uint64_t seed) : rows(r), columns(c), stride(c + 3), at(place(r * (c + 3) + 1), NAN) {
    Random random(seed);
    for (std::int64_t i = 0; i < r; ++i)
      for (std::int64_t j = 0; j < c; ++j) at[place(i * stride + j)] = static_cast<float>(random.normal());
  }
  static std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }
  float& operator()(std::int64_t i, std::int64_t j) { return at[place(i * stride + j)]; }
  float operator()(std::int64_t i, std::int64_t j) const { return at[place(i * stride + j)]; }
};

struct Case {
  std::int64_t m, n, k;
  bool a_transposed, b_transposed;
};
std::string text(const Case& c, Isa isa) {
  return std::string(name(isa)) + ": " + std::to_string(c.m) + " x " + std::to_string(c.k) + (c.a_transposed ? " (t)" : "") + " by " +
         std::to_string(c.k) + " x " + std::to_string(c.n) + (c.b_transposed ? " (t)" : "");
}

// One product with bias and residual; the margins of the result must stay as they are.
class Trial {
 public:
  Case c;
  Matrix a, b, plus, bias, y;
  std::vector<float> sums;

  explicit Trial(const Case& size)
      : c(size), a(c.a_transposed ? c.k : c.m, c.a_transposed ? c.m : c.k, 1), b(c.b_transposed ? c.n : c.k, c.b_transposed ? c.k : c.n, 2),
        plus(c.m, c.n, 3), bias(1, c.n, 4), y(c.m, c.n, 5), sums(Matrix::place(c.m), 1.0f) {}
  cpu::Operand<float> left() const { return {a.at.data(), a.stride, c.a_transposed}; }
  cpu::Operand<float> right() const { return {b.at.data(), b.stride, c.b_transposed}; }
  cpu::Result<float> result() { return {y.at.data(), y.stride, bias.at.data(), plus.at.data(), plus.stride}; }

  // The largest error, in units of what rounding k products of size one may cost.
  double error(bool rounded = false) const {
    const auto number = [&](float x) { return static_cast<double>(rounded ? cpu::bf16_rounded(x) : x); };
    double worst = 0;
    for (std::int64_t i = 0; i < c.m; ++i)
      for (std::int64_t j = 0; j < c.n; ++j) {
        double sum = static_cast<double>(bias(0, j)) + static_cast<double>(plus(i, j));
        for (std::int64_t p = 0; p < c.k; ++p)
          sum += number(c.a_transposed ? a(p, i) : a(i, p)) * number(c.b_transposed ? b(j, p) : b(p, j));
        const double off = std::fabs(static_cast<double>(y(i, j)) - sum);
        worst = std::max(worst, std::isnan(off) ? 1e30 : off);
      }
    return worst / (1e-6 * std::sqrt(static_cast<double>(c.k + 1)));
  }
  bool margins_untouched() const {
    for (std::int64_t i = 0; i < c.m; ++i)
      for (std::int64_t j = c.n; j < y.stride; ++j)
        if (!std::isnan(y(i, j))) return false;
    return true;
  }
};

const std::vector<Case> cases = {{1, 1, 1, false, false},   {1, 32, 16, false, true},   {7, 33, 5, false, false},  {8, 64, 384, false, true},
                                 {9, 65, 385, false, false}, {13, 15, 17, true, false},  {65, 31, 40, true, false}, {16, 48, 129, false, true},
                                 {98, 98, 64, false, true},  {70, 100, 800, true, false}, {6, 16, 24, true, true},   {130, 17, 3, false, false},
                                 {5, 200, 1000, false, true}, {48, 49, 50, true, true},    {64, 8, 400, false, false}, {3, 2, 0, false, false},  {70, 101, 130, false, true}, {1, 192, 200, false, true}};

// The product by all threads of a device, and the sums of a's rows; of a transposed, as a weight's gradient is made.
std::vector<float> on_device(const Case& c, Isa isa, int threads, bool add) {
  Trial trial(c);
  Cpu device(CpuConfig{.threads = threads, .isa = isa});
  if (c.a_transposed && !c.b_transposed) {
    std::vector<float> y(Matrix::place(c.m * c.n), 1.0f);
    const Write mode = add ? Write::add : Write::assign;
    cpu::gemm_over_rows(device, c.m, c.n, c.k, trial.left(), trial.right(), Sink<float>{y.data(), mode}, Sink<float>{trial.sums.data(), mode});
    y.insert(y.end(), trial.sums.begin(), trial.sums.end());
    return y;
  }
  cpu::Result<float> to = trial.result();
  if (add) to.plus = to.y, to.plus_stride = to.stride, to.bias = nullptr;
  cpu::gemm(device, c.m, c.n, c.k, trial.left(), trial.right(), to);
  std::vector<float> out;
  for (std::int64_t i = 0; i < c.m; ++i)
    for (std::int64_t j = 0; j < c.n; ++j) out.push_back(trial.y(i, j));
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("products of matrices");

TEST_CASE("a product with bias and residual is right for every remainder, on every set of instructions") {
  for (const Isa isa : all_isas())
    for (const Case& c : cases) {
      CAPTURE(text(c, isa));
      Trial trial(c);
      cpu::product(c.m, c.n, c.k, trial.left(), trial.right(), trial.result(), isa);
      CHECK(trial.error() < 4);
      CHECK(trial.margins_untouched());
      Trial shared(c);
      Cpu device(CpuConfig{.threads = 2, .isa = isa});
      cpu::gemm(device, c.m, c.n, c.k, shared.left(), shared.right(), shared.result());
      CHECK(shared.error() < 4);
      CHECK(shared.margins_untouched());
    }
}
TEST_CASE("with inputs rounded to bfloat16 a product is that of the rounded numbers, with tiles for it and without") {
  for (const Isa isa : all_isas())
    for (const Case& c : cases) {
      CAPTURE(text(c, isa));
      Trial trial(c);
      cpu::product(c.m, c.n, c.k, trial.left(), trial.right(), trial.result(), cpu::Arithmetic(isa, true));
      CHECK(trial.error(true) < 4);
      CHECK(trial.margins_untouched());
      CHECK((c.k < 100 || trial.error(false) > 4));  // else nothing was rounded
      Trial shared(c);
      Cpu device(CpuConfig{.threads = 2, .isa = isa, .precision = Precision::bf16});
      cpu::gemm(device, c.m, c.n, c.k, shared.left(), shared.right(), shared.result());
      CHECK(shared.error(true) < 4);
      CHECK(shared.margins_untouched());
    }
}
TEST_CASE("rounding to bfloat16 takes the nearest, of equals the even one, and keeps what is no number") {
  CHECK(cpu::bf16_rounded(1.0f) == 1.0f);
  CHECK(cpu::bf16_rounded(1.00390625f) == 1.0f);        // half way between 1 and 1.0078125: to the even
  CHECK(cpu::bf16_rounded(1.01171875f) == 1.015625f);   // half way between 1.0078125 and 1.015625
  CHECK(cpu::bf16_rounded(1.0040f) == 1.0078125f);
  CHECK(std::isnan(cpu::bf16_rounded(NAN)));
  CHECK(std::isinf(cpu::bf16_rounded(INFINITY)));
}
TEST_CASE("AVX2 and AVX-512 give the same bits, and so does any number of threads") {
  std::vector<Case> more = cases;
  more.push_back({300, 70, 1500, true, false}), more.push_back({600, 96, 400, false, true});
  for (const Case& c : more) {
    for (const bool add : {false, true}) {
      const std::vector<float> one = on_device(c, cpu::best_isa(), 1, add);
      for (const Isa isa : all_isas()) {
        CAPTURE(text(c, isa));
        const bool tiles = isa != Isa::portable && cpu::best_isa() != Isa::portable;
        if (tiles) CHECK(on_device(c, isa, 1, add) == one);
        CHECK(on_device(c, isa, 3, add) == on_device(c, isa, 1, add));
      }
    }
  }
}
TEST_CASE("a row's result does not depend on the rows beside it") {
  const Case many{100, 40, 500, false, true};
  for (const Isa isa : all_isas()) {
    if (isa == Isa::portable) continue;  // Eigen treats few rows in another way
    Trial all(many);
    cpu::product(many.m, many.n, many.k, all.left(), all.right(), all.result(), isa);
    for (const std::int64_t row : {0, 41, 99}) {
      Trial one(many);
      cpu::product(std::int64_t{1}, many.n, many.k, one.left().from(row, 0), one.right(), one.result().from(row, 0), isa);
      for (std::int64_t j = 0; j < many.n; ++j) CHECK(one.y(row, j) == all.y(row, j));
    }
  }
}
TEST_CASE("sums of the left operand's rows come with the product") {
  const Case c{70, 20, 777, true, false};
  for (const Isa isa : all_isas()) {
    const std::vector<float> found = on_device(c, isa, 2, true);
    const Trial trial(c);
    for (std::int64_t i = 0; i < c.m; ++i) {
      double sum = 1;
      for (std::int64_t p = 0; p < c.k; ++p) sum += static_cast<double>(trial.a(p, i));
      CHECK(std::fabs(static_cast<double>(found[Matrix::place(c.m * c.n + i)]) - sum) < 1e-4);
    }
  }
}
TEST_CASE("a device does not pretend to instructions that the processor lacks") {
  CHECK(cpu::granted(Isa::avx2, Isa::avx512) == Isa::avx2);
  CHECK(cpu::granted(Isa::portable) == Isa::portable);
  CHECK_THROWS_WITH_AS(cpu::granted(Isa::avx512, Isa::avx2), "Cpu: this processor has no avx512; the most it has is avx2", ConfigError);
  if (cpu::isa_of_processor() < Isa::avx512_bf16) CHECK_THROWS_AS(Cpu(CpuConfig{.threads = 1, .isa = Isa::avx512_bf16}), ConfigError);
}

TEST_SUITE_END();
