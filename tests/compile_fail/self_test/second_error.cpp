// must fail: no line of the first error matches: three is not four
// expect: three is not four
int main() {
#ifdef BAD
  static_assert(1 == 2, "one is not two");
  static_assert(3 == 4, "three is not four");
#endif
}
