// One file of a program whose files are built with different flags. NAME differs as well.
#include <vitrail/backends/cpu.hpp>
#include <vitrail/nn/linear.hpp>
#include <vitrail/nn/model.hpp>

// The sum of what a linear map makes of counted numbers: products by tiles for float, by Eigen for double.
template <class T> static double product() {
  vitrail::Cpu device(1);
  vitrail::Model<vitrail::Linear<40, 24>, vitrail::Cpu, T> model{device, vitrail::Random{17}};
  vitrail::Arena<vitrail::Cpu> memory{device};
  const auto x = vitrail::make_tensor<vitrail::Shape<vitrail::dyn, 40>, T>(memory, vitrail::Shape<vitrail::dyn, 40>(50));
  for (std::int64_t i = 0; i < x.shape.size(); ++i) x.data()[i] = static_cast<T>(i % 7);
  const auto y = (*model)(x);
  double sum = 0;
  for (std::int64_t i = 0; i < y.shape.size(); ++i) sum += static_cast<double>(y.data()[i]);
  return sum;
}

double NAME() { return product<float>() + product<double>(); }
