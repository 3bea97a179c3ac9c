// A layer of one's own without a list of its members.
// expect: this member of a model has no visit\(\): list its members
// expect: TwoLayers
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/linear.hpp"
#include "vitrail/nn/model.hpp"

using namespace vitrail;

struct TwoLayers {
  Linear<8, 8> first{}, second{};
#ifndef BAD
  constexpr void visit(auto&& f) { f("first", first), f("second", second); }
#endif
};
struct Mine {
  TwoLayers layers{};
  constexpr void visit(auto&& f) { f("layers", layers); }
};

void make(Cpu& device) { Model<Mine, Cpu> model{device, Random{1}}; }
