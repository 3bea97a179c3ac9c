// The same bits under another type, as std::bit_cast: of run-time values, and with C++ libraries that lack it (emscripten's, up to
// 3.1.6). Compilers make a move of registers of it.
#pragma once
#include <cstring>
#include <type_traits>

namespace vitrail {

template <class To, class From> To bits_as(const From& from) {
  static_assert(sizeof(To) == sizeof(From) && std::is_trivially_copyable_v<To> && std::is_trivially_copyable_v<From>,
                "bits_as: both types must have the same size, and be copied as bytes");
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}

}  // namespace vitrail
