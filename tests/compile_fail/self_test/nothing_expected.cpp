// must fail: there is no '// expect:' line in it
int main() {
#ifdef BAD
  static_assert(3 == 4, "three is not four");
#endif
}
