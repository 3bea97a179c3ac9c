// must fail: no line of the first error matches: a sentence that nobody wrote
// expect: error
// expect: a sentence that nobody wrote
int main() {
#ifdef BAD
  static_assert(3 == 4, "three is not four");
#endif
}
