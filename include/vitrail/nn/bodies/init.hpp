// Bodies of init.hpp, for any scalar.
#pragma once
#include <algorithm>
#include <cmath>

#include "../init.hpp"

namespace vitrail {

template <class T> void fill_positions_2d(std::vector<T>& table, int dim) {
  const int rows = static_cast<int>(table.size()) / dim;
  const int grid = static_cast<int>(std::sqrt(static_cast<double>(rows) + 0.5)), lead = rows - grid * grid, quarter = dim / 4;
  for (int n = 0; n < grid * grid; ++n)
    for (int i = 0; i < quarter; ++i) {
      const double rate = std::pow(10000.0, -static_cast<double>(i) / quarter);
      const double column = n % grid * rate, row = n / grid * rate;
      T* to = table.data() + static_cast<std::ptrdiff_t>(lead + n) * dim;
      to[i] = static_cast<T>(std::sin(column)), to[quarter + i] = static_cast<T>(std::cos(column));
      to[2 * quarter + i] = static_cast<T>(std::sin(row)), to[3 * quarter + i] = static_cast<T>(std::cos(row));
    }
}

template <class T> void fill_initial(std::vector<T>& values, Init init, int rows, int columns, Random random) {
  switch (init) {
    case Init::zero: std::fill(values.begin(), values.end(), T(0)); break;
    case Init::one: std::fill(values.begin(), values.end(), T(1)); break;
    case Init::normal:
      for (T& v : values) v = static_cast<T>(0.02 * random.normal());
      break;
    case Init::xavier: {
      const double out = rows, in = static_cast<double>(values.size()) / out;
      const double bound = std::sqrt(6 / (in + out));
      for (T& v : values) v = static_cast<T>(random.uniform(-bound, bound));
      break;
    }
    case Init::unit_rows:
      for (std::size_t row = 0; row < values.size(); row += static_cast<std::size_t>(columns)) {
        double sum = 0;
        for (int i = 0; i < columns; ++i) {
          const double u = random.uniform(-1, 1);
          values[row + static_cast<std::size_t>(i)] = static_cast<T>(u), sum += u * u;
        }
        for (int i = 0; i < columns; ++i) values[row + static_cast<std::size_t>(i)] /= static_cast<T>(std::sqrt(sum));
      }
      break;
    case Init::positions_2d: fill_positions_2d(values, columns); break;
  }
}

}  // namespace vitrail
