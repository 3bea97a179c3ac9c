// Judged correct by the harness: both patterns match, and the message is short.
// expect: static assertion failed|static_assert failed
// expect: three is [a-z]+ four
int main() {
#ifdef BAD
  static_assert(3 == 4, "three is not four");
#endif
}
