// must fail: the bad variant .* compiles
// expect: error
int main() {}
