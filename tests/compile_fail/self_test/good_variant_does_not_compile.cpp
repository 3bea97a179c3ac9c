// must fail: the good variant does not compile
// expect: error
int main() { return nowhere; }
