// Exact integer shares ("75 % of N"). Shares are whole percentages because counts are template arguments, which may not
// be floating-point on every compiler.
#pragma once

namespace vitrail {

// `percent` of `whole`, rounded to the nearest integer, halves upward: 40 % of 196 is 78, 50 % of 49 is 25.
// whole >= 0, percent in 0 .. 100.
constexpr int share(int whole, int percent) { return static_cast<int>((2LL * whole * percent + 100) / 200); }

}  // namespace vitrail
