// What a user's first program includes and needs: the library, found by one of the three ways that run.cmake tries.
#include <vitrail/core/random.hpp>
#if __has_include(<vitrail/vitrail.hpp>)
#include <vitrail/vitrail.hpp>
#endif

int main() {
  vitrail::Random random(1);
  const int drawn = random.below(6);
  return drawn >= 0 && drawn < 6 ? 0 : 1;
}
