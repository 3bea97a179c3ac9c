// Where an error inside a C library lands: libjpeg and libpng report by longjmp, which must skip no destructor.
#pragma once
#include <csetjmp>
#include <cstddef>

namespace vitrail::detail {

struct CGuard {
  std::jmp_buf landing;
  char message[256] = "";  // what the library said; filled by its error handler before it jumps

  void say(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0' && length + 1 < sizeof message) message[length] = text[length], ++length;
    message[length] = '\0';
  }
};

// Runs `calls`, a lambda that calls the C library and owns nothing with a destructor: everything it needs belongs to
// its caller, whose frame the jump does not cross. False: the library gave up, and guard.message says why.
template <class Calls>
bool completes(CGuard& guard, const Calls& calls) {
  if (setjmp(guard.landing) != 0) return false;
  calls();
  return true;
}

}  // namespace vitrail::detail
