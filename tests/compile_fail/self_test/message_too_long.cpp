// must fail: 25 are allowed
// expect: error
template <int> struct Kind {};
void take(Kind<0>);
void take(Kind<1>);
void take(Kind<2>);
void take(Kind<3>);
void take(Kind<4>);
void take(Kind<5>);
void take(Kind<6>);
void take(Kind<7>);
void take(Kind<8>);
void take(Kind<9>);
int main() {
#ifdef BAD
  take(Kind<10>{});
#endif
}
