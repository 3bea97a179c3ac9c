// must fail: no line of the message matches: a sentence that nobody wrote
// expect: error
// expect: a sentence that nobody wrote
int main() {
#ifdef BAD
  static_assert(3 == 4, "three is not four");
#endif
}
